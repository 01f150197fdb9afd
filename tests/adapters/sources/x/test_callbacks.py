"""Calls of X: challenges are answered, and events that it has signed name the account to be read."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.http import Outbound
from adapters.inbound import Call, Callback, Called, HttpAnswer, Refused
from adapters.sources.x import X
from adapters.sources.x.callbacks import SIGNATURE, read, signed

SECRET = "a consumer secret"
# printf %s … | openssl dgst -sha256 -hmac "a consumer secret" -binary | base64
TOKEN_SIGNED = "sha256=CN+pJTvygjjUeKIpGI7q9ydM7n9B/A9qM9pUE++v6eU="
EVENT_BODY = b'{"data":{"event_uuid":"-7","event_type":"post.create","filter":{"user_id":"44"}}}'
EVENT_SIGNED = "sha256=obKMBsAO8WVizzKx+qRcGyZwKLKgMaQBp2bmplNCxFY="
NOW = datetime(2026, 8, 1, tzinfo=UTC)


def ask(**query: str) -> Callback:
    return Callback("GET", query, {}, b"", NOW)


def tell(body: bytes, signature: str) -> Callback:
    return Callback("POST", {}, {SIGNATURE: signature}, body, NOW)


def signed_by_x(body: bytes) -> Callback:
    return tell(body, signed(body, SECRET))


def event(event_type: Any = "post.create", account: Any = "44") -> dict[str, Any]:
    return {"event_uuid": "1", "event_type": event_type, "filter": {"user_id": account}, "payload": {"id": "20"}}


def test_a_challenge_is_answered_with_the_token_signed() -> None:
    call = read(ask(crc_token="abc-123"), SECRET)
    assert (call.keys, call.answer.status, call.answer.content_type) == ((), 200, "application/json")
    assert msgspec.json.decode(call.answer.body) == {"response_token": TOKEN_SIGNED}


def test_an_event_that_x_has_signed_is_taken() -> None:
    assert read(tell(EVENT_BODY, EVENT_SIGNED), SECRET).keys == ("44",)


@pytest.mark.parametrize(
    ("data", "accounts"),
    [
        (event(), ("44",)),
        (event("post.delete"), ("44",)),
        (event("profile.update.handle"), ()),
        ([event(), event(account="45"), event()], ("44", "45")),
        (event(account="../44"), ()),
        (event(account=44), ()),
        (event(["post.create"]), ()),
        (None, ()),
    ],
)
def test_it_names_who_has_something_new(data: Any, accounts: tuple[str, ...]) -> None:
    assert read(signed_by_x(json.dumps({"data": data}).encode()), SECRET).keys == accounts


@pytest.mark.parametrize(
    ("callback", "secret", "status"),
    [
        (ask(crc_token="abc-123"), "", 403),
        (ask(), SECRET, 400),
        (ask(crc_token="x" * 513), SECRET, 400),
        (ask(crc_token=EVENT_BODY.decode()), SECRET, 400),  # its answer would be the body's signature
        (tell(EVENT_BODY, ""), SECRET, 401),
        (tell(EVENT_BODY, "sha256=ä"), SECRET, 401),
        (tell(EVENT_BODY + b" ", EVENT_SIGNED), SECRET, 401),
        (tell(EVENT_BODY, EVENT_SIGNED), "another secret", 401),
        (tell(EVENT_BODY, EVENT_SIGNED), "", 403),
        (signed_by_x(b"not json"), SECRET, 400),
        (signed_by_x(b"[" * 100_000), SECRET, 400),
    ],
)
def test_what_is_not_of_x_is_refused(callback: Callback, secret: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        read(callback, secret)
    assert refused.value.status == status
    assert "secret" not in str(refused.value)


async def test_the_source_can_be_called(outbound: Outbound) -> None:
    source = X(outbound, X.Config(api_key="key", api_secret=SECRET))
    assert isinstance(source, Called)
    assert source.called(tell(EVENT_BODY, EVENT_SIGNED)) == Call(("44",), HttpAnswer())
