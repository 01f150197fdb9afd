"""Systems that write to the webhook channel: what is taken, what is refused and how, and the way back."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Button, Message, Rejected
from adapters.channels.webhook import Webhook, WebhookConfig
from adapters.http import Egress, Outbound
from adapters.inbound import Callback, ChatMessage, Refused, Reply, Talking
from adapters.signatures import new_secret, sign
from tests.fakes.receiver import Receiver

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET, FORMER = new_secret(), new_secret()
SAID = {"sender": "ann", "chat": "ops", "text": "list", "id": "42"}


def callback(said: Any = SAID, *, secret: str = SECRET, at: datetime = NOW, method: str = "POST") -> Callback:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    timestamp = int(at.timestamp())
    headers = {
        "webhook-id": "msg_7",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign([secret.encode()], "msg_7", timestamp, body),
    }
    return Callback(method, {}, headers, body, NOW)


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
def webhook(outbound: Outbound) -> Webhook:
    return Webhook(outbound, "webhook/ops", WebhookConfig(f"{SECRET}, {FORMER}"))


async def said(webhook: Webhook, what: Callback) -> ChatMessage:
    (event,) = (await webhook.parse(what)).events
    assert isinstance(event, ChatMessage)
    return event


async def refused(webhook: Webhook, what: Callback) -> int:
    with pytest.raises(Refused) as raised:
        await webhook.parse(what)
    return raised.value.status


async def test_a_signed_message_is_taken_whole_and_wants_its_answer_at_once(webhook: Webhook) -> None:
    assert isinstance(webhook, Talking)
    assert webhook.name == "webhook/ops"
    assert await said(webhook, callback()) == ChatMessage(
        key="msg_7", chat="chat:ops", direct=False, sender="ann", text="list", message_id="42", wants_answer=True
    )


async def test_without_a_chat_it_is_the_senders_own(webhook: Webhook) -> None:
    message = await said(webhook, callback({"sender": "ann", "text": "list"}))
    assert (message.chat, message.direct) == ("chat:ann", True)


async def test_a_button_and_what_is_known_of_the_sender_come_along(webhook: Webhook) -> None:
    pressed = {"sender": "7", "action": "yes", "sender_name": "Ann", "language": "es", "later": "unknown"}
    message = await said(webhook, callback(pressed))
    assert (message.action, message.sender_name, message.language) == ("yes", "Ann", "es")


async def test_while_a_secret_is_replaced_both_are_taken_and_no_third(webhook: Webhook) -> None:
    assert (await said(webhook, callback(secret=FORMER))).text == "list"
    assert await refused(webhook, callback(secret=new_secret())) == 401


async def test_the_reference_library_signs_what_is_taken(webhook: Webhook) -> None:
    text = json.dumps(SAID)
    signature = standardwebhooks.Webhook(SECRET).sign("msg_7", NOW, text)
    headers = {"Webhook-Id": "msg_7", "Webhook-Timestamp": str(int(NOW.timestamp())), "Webhook-Signature": signature}
    lower = {name.lower(): value for name, value in headers.items()}
    assert (await said(webhook, Callback("POST", {}, lower, text.encode(), NOW))).sender == "ann"


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_what_is_more_than_five_minutes_off_is_refused(webhook: Webhook, seconds: int) -> None:
    off = datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    assert await refused(webhook, callback(at=off)) == 401


@given(
    headers=st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()),
    body=st.binary(),
)
async def test_whatever_a_stranger_sends_is_refused_as_a_strangers(headers: dict[str, str], body: bytes) -> None:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as out:
        channel = Webhook(out, "webhook", WebhookConfig(SECRET))
        assert await refused(channel, Callback("POST", {}, headers, body, NOW)) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"text": "no sender"}',
        b'{"sender": ""}',
        b'{"sender": 7}',
        b'{"sender": "ann", "text": null}',
        b'{"sender": "a\\u0000nn"}',
        b'{"sender": "ann", "chat": "o\\nps"}',
        b'{"sender": "ann", "chat": "https://192.168.1.1/"}',
        b'{"sender": "ann", "chat": "https://u:p@example.org/"}',
        json.dumps({"sender": "ann", "text": "x" * 20_000}).encode(),
    ],
)
async def test_a_signed_body_that_cannot_be_read_is_the_senders_fault(webhook: Webhook, body: bytes) -> None:
    assert await refused(webhook, callback(body)) == 400


async def test_without_a_secret_nobody_is_heard(outbound: Outbound) -> None:
    assert await refused(Webhook(outbound), callback()) == 404
    assert await refused(Webhook(outbound, "webhook", WebhookConfig(" , ")), callback()) == 404


async def test_only_posts_are_messages(webhook: Webhook) -> None:
    assert await refused(webhook, callback(method="GET")) == 405


@pytest.mark.parametrize("wrong", ["secret", "whsec_short"])
def test_a_secret_that_is_none_is_a_wrong_setting_and_is_not_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as raised:
        WebhookConfig(f"{SECRET},{wrong}")
    assert SECRET not in str(raised.value)
    assert SECRET not in repr(WebhookConfig(SECRET))


async def test_the_reply_is_the_answer(webhook: Webhook) -> None:
    message = await said(webhook, callback())
    answered = webhook.answer(message, Reply("Nothing yet.", (Button("Help", "help"),)))
    assert (answered.status, answered.content_type) == (200, "application/json")
    assert json.loads(answered.body) == {"text": "Nothing yet.", "buttons": [{"label": "Help", "value": "help"}]}
    assert json.loads(webhook.answer(message, None).body) == {"text": None, "buttons": []}


# The way back of what comes later


def reply(address: str, **fields: Any) -> Message:
    return Message(id="msg_1", address=address, created_at=NOW, sent_at=NOW, event="reply", text="Done.", **fields)


async def test_a_chat_that_is_only_a_name_has_no_other_way_back(webhook: Webhook) -> None:
    with pytest.raises(Rejected, match="HTTP response") as raised:
        await webhook.send(reply("chat:ops"))
    assert raised.value.code == "no_way_back"


async def test_a_chat_that_is_an_address_gets_what_comes_later_signed_with_the_same_secret(webhook: Webhook) -> None:
    async with Receiver(SECRET, clock=lambda: NOW) as receiver:
        message = await said(webhook, callback(SAID | {"chat": receiver.url("/ops")}))
        await webhook.send(reply(message.chat))
        assert receiver.received[0].verified
        assert json.loads(receiver.received[0].body)["data"] == {"text": "Done."}


async def test_a_destinations_own_secret_comes_first(webhook: Webhook) -> None:
    own = new_secret()
    async with Receiver(own, clock=lambda: NOW) as receiver:
        await webhook.send(reply(receiver.url(), secrets=(own.encode(),)))
        assert receiver.received[0].verified
