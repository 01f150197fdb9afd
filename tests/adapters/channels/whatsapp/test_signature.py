"""Whether a callback is the platform's: vectors, and everything that must be refused."""

from typing import Any

import pytest

from adapters.channels.whatsapp.signature import challenge, check
from adapters.inbound import Callback, Refused
from tests.clock import START

BODY = b'{"object":"whatsapp_business_account","entry":[]}'
SIGNATURE = "sha256=c84a394cc475525991e78ff16e430b02e47f953877d2af0ade26956ce6f384dc"


def callback(body: bytes = BODY, signature: str | None = SIGNATURE, query: dict[str, str] | None = None) -> Callback:
    headers = {} if signature is None else {"X-Hub-Signature-256": signature}
    return Callback("POST" if query is None else "GET", query or {}, headers, body, START)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY, SIGNATURE),
        (
            b'{"object": "whatsapp_business_account", "entry": []}',
            "sha256=64702efd907cd8ed6665ff0320eef04a4d90a8acfdffbb2cea57336d63f9ddec",
        ),
    ],
)
def test_the_bytes_are_what_is_signed(body: bytes, signature: str) -> None:
    check("test-app-secret", callback(body, signature), "WHATSAPP_APP_SECRET")


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.replace("sha256", "sha1"),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE + "\n",
        SIGNATURE.replace("c8", "c9"),
        "sha256=" + "é" * 64,
        "sha256=" + "٣" * 64,
        f"{SIGNATURE}, {SIGNATURE}",
    ],
)
def test_any_other_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(Refused) as refused:
        check("test-app-secret", callback(signature=signature), "WHATSAPP_APP_SECRET")
    assert refused.value.status == 401


def test_other_bytes_of_the_same_document_are_refused() -> None:
    with pytest.raises(Refused):
        check("test-app-secret", callback(BODY.replace(b":", b": ")), "WHATSAPP_APP_SECRET")


def test_without_a_secret_nothing_is_genuine() -> None:
    with pytest.raises(Refused, match="WHATSAPP_APP_SECRET is not set"):
        check("", callback(), "WHATSAPP_APP_SECRET")


QUERY = {"hub.mode": "subscribe", "hub.challenge": "1234567890", "hub.verify_token": "mine"}


def test_the_question_about_the_address_is_answered_as_plain_text() -> None:
    answer = challenge("mine", callback(query=QUERY), "WHATSAPP_VERIFY_TOKEN")
    assert (answer.status, answer.body, answer.content_type) == (200, b"1234567890", "text/plain")


@pytest.mark.parametrize(
    ("token", "changes"),
    [
        ("mine", {"hub.verify_token": "yours"}),
        ("mine", {"hub.verify_token": "\ud800é"}),
        ("mine", {"hub.mode": "unsubscribe"}),
        ("mine", {"hub.challenge": ""}),
        ("mine", {"hub.challenge": "<b>\n"}),
        ("", {"hub.verify_token": ""}),
    ],
)
def test_any_other_question_is_forbidden(token: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        challenge(token, callback(query=QUERY | changes), "WHATSAPP_VERIFY_TOKEN")
    assert refused.value.status == 403


def test_a_visit_without_a_question_is_forbidden() -> None:
    with pytest.raises(Refused):
        challenge("mine", callback(query={}), "WHATSAPP_VERIFY_TOKEN")
