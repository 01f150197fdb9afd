"""The webhook channel against a receiver that verifies: what arrives, and what each answer is taken to mean."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from adapters.base import (
    AddressGone,
    Ambiguous,
    BadAddress,
    Channel,
    Message,
    Rejected,
    SendError,
    Throttled,
    TryAgain,
)
from adapters.channels.webhook import MAX_RESPONSE, Webhook, cleaned, encode
from adapters.http import Egress, Outbound
from adapters.signatures import new_secret
from tests.adapters.channels import posts
from tests.fakes.receiver import Receiver, Trick

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = new_secret()

POST = replace(
    posts.POST,
    version=2,
    published=NOW - timedelta(hours=1),
    found=NOW - timedelta(minutes=1),
    image="https://nasa.example/launch.jpg",
    tags=("space", "news"),
)


def message(address: str, **changes: Any) -> Message:
    given: dict[str, Any] = {
        "id": "msg_1",
        "address": address,
        "secrets": (SECRET.encode(),),
        "created_at": NOW - timedelta(seconds=30),
        "sent_at": NOW,
        "post": POST,
    }
    return Message(**(given | changes))


def test_a_message_that_is_printed_shows_nothing_of_what_it_carries() -> None:
    given = message("https://example.org/private", code="123456")
    for shown in (repr(given), pretty_repr(given)):
        assert "msg_1" in shown
        assert not any(word in shown for word in ("whsec_", "private", "123456"))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(SECRET, clock=lambda: NOW) as receiver:
        yield receiver


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
def webhook(outbound: Outbound) -> Webhook:
    return Webhook(outbound, timeout_seconds=0.5)


def test_it_is_a_channel(webhook: Webhook) -> None:
    channel: Channel = webhook
    assert (channel.name, channel.lane, channel.needs_secret, channel.dedupe_window) == (
        "webhook",
        "webhook",
        True,
        None,
    )


async def test_a_post_arrives_signed_and_whole(webhook: Webhook, receiver: Receiver) -> None:
    receipt = await webhook.send(message(receiver.url()))
    (got,) = receiver.received
    assert (receipt.status, receipt.response) == (200, "thank you")
    assert got.verified
    assert got.id == "msg_1"
    assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["User-Agent"] == "Postbell/test"
    assert msgspec.json.decode(got.body) == {
        "type": "post.created",
        "timestamp": "2026-11-20T11:59:30Z",
        "data": {
            "id": POST.id,
            "seq": 7,
            "version": 2,
            "feed": {
                "id": POST.feed_id,
                "title": "NASA",
                "url": "https://nasa.example/feed",
                "source": "feed",
            },
            "title": "Launch – today",
            "text": "It flies.",
            "url": "https://nasa.example/launch",
            "author": "Ada",
            "published_at": "2026-11-20T11:00:00Z",
            "updated_at": None,
            "found_at": "2026-11-20T11:59:00Z",
            "image": "https://nasa.example/launch.jpg",
            "tags": ["space", "news"],
        },
    }


async def test_a_notice_carries_its_text(webhook: Webhook, receiver: Receiver) -> None:
    await webhook.send(message(receiver.url(), post=None, event="feed.failing", text="It fails."))
    assert msgspec.json.decode(receiver.received[0].body) == {
        "type": "feed.failing",
        "timestamp": "2026-11-20T11:59:30Z",
        "data": {"text": "It fails."},
    }


async def test_a_repeat_has_the_same_id_and_bytes_and_a_new_time(webhook: Webhook, receiver: Receiver) -> None:
    url = receiver.behave(statuses=[500])
    with pytest.raises(TryAgain):
        await webhook.send(message(url))
    await webhook.send(message(url, sent_at=NOW + timedelta(seconds=60), attempt=2))
    first, second = receiver.received
    assert receiver.counts == {"msg_1": 2}
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert second.verified


async def test_while_a_secret_is_replaced_both_sign(webhook: Webhook, receiver: Receiver) -> None:
    await webhook.send(message(receiver.url(), secrets=(new_secret().encode(), SECRET.encode())))
    assert receiver.received[0].headers["webhook-signature"].count("v1,") == 2
    assert receiver.received[0].verified


async def test_the_reference_library_accepts_what_we_send(webhook: Webhook) -> None:
    now = datetime.now(UTC)  # it asks the machine itself
    async with Receiver() as receiver:
        await webhook.send(message(receiver.url(), sent_at=now))
        (got,) = receiver.received
    standardwebhooks.Webhook(SECRET).verify(got.body, dict(got.headers))


@pytest.mark.parametrize("secrets", [(), (b"whsec_short",), (b"",)])
async def test_nothing_leaves_unsigned(webhook: Webhook, receiver: Receiver, secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(Rejected) as raised:
        await webhook.send(message(receiver.url(), secrets=secrets))
    assert raised.value.code == "bad_secret"
    assert receiver.received == []


async def test_a_body_past_its_limit_is_rejected(webhook: Webhook, receiver: Receiver) -> None:
    with pytest.raises(Rejected) as raised:
        await webhook.send(message(receiver.url(), post=None, text="x" * 256 * 1024))
    assert raised.value.code == "too_long"


@pytest.mark.parametrize(
    ("status", "headers", "error", "after"),
    [
        (200, {}, None, None),
        (201, {}, None, None),
        (204, {}, None, None),
        (301, {"Location": "/other"}, TryAgain, None),
        (308, {"Location": "/other"}, TryAgain, None),
        (304, {}, TryAgain, None),
        (400, {}, TryAgain, None),
        (401, {}, TryAgain, None),
        (404, {}, TryAgain, None),
        (408, {}, TryAgain, None),
        (410, {}, AddressGone, None),
        (425, {}, TryAgain, None),
        (429, {}, Throttled, None),
        (429, {"Retry-After": "30"}, Throttled, 30),
        (429, {"Retry-After": "Fri, 20 Nov 2026 12:02:00 GMT"}, Throttled, 120),
        (429, {"Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"}, Throttled, None),
        (429, {"Retry-After": "-1"}, Throttled, None),
        (429, {"Retry-After": "nan"}, Throttled, None),
        (429, {"Retry-After": "soon"}, Throttled, None),
        (429, {"Retry-After": "9" * 5000}, Throttled, None),
        (500, {}, TryAgain, None),
        (500, {"Retry-After": "30"}, TryAgain, 30),
        (503, {}, TryAgain, None),
        (503, {"Retry-After": "garbage"}, TryAgain, None),
        (503, {"Retry-After": "30"}, Throttled, 30),
        (599, {}, TryAgain, None),
    ],
)
async def test_what_each_answer_means(
    webhook: Webhook,
    receiver: Receiver,
    status: int,
    headers: dict[str, str],
    error: type[SendError] | None,
    after: int | None,
) -> None:
    url = receiver.behave(statuses=[status], headers=headers, body=b"" if status in (204, 304) else b"why")
    if error is None:
        assert (await webhook.send(message(url))).status == status
        return
    with pytest.raises(SendError) as raised:
        await webhook.send(message(url))
    assert type(raised.value) is error
    assert (raised.value.code, raised.value.status) == (f"http_{status}", status)
    assert raised.value.after == (None if after is None else timedelta(seconds=after))
    assert raised.value.response == ("" if status == 304 else "why")
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("trick", "code"), [("hang", "timeout"), ("not_http", "bad_answer"), ("redirect_loop", "http_307")]
)
async def test_receivers_that_do_not_answer_properly(
    webhook: Webhook, receiver: Receiver, trick: Trick, code: str
) -> None:
    with pytest.raises((Ambiguous, TryAgain)) as raised:
        await webhook.send(message(receiver.behave(trick=trick)))
    assert raised.value.code == code
    assert isinstance(raised.value, Ambiguous) is (trick != "redirect_loop")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("trick", ["reset", "short", "drip", "endless", "huge"])
async def test_once_the_status_is_known_the_body_cannot_change_it(
    webhook: Webhook, receiver: Receiver, trick: Trick
) -> None:
    receipt = await webhook.send(message(receiver.behave(trick=trick)))
    assert receipt.status == 200
    assert len(receipt.response.encode()) <= MAX_RESPONSE


async def test_no_connection_is_tried_again(webhook: Webhook) -> None:
    async with Receiver() as receiver:
        url = receiver.url()
    with pytest.raises(TryAgain) as raised:
        await webhook.send(message(url))
    assert raised.value.code == "connect"


async def test_a_destination_that_is_no_longer_allowed_says_only_that(receiver: Receiver) -> None:
    async with Outbound(Egress.parse("10.0.0.0/8"), user_agent="Postbell/test") as closed:
        with pytest.raises(TryAgain, match=r"^destination not allowed$") as raised:
            await Webhook(closed).send(message(receiver.url()))
    assert raised.value.code == "egress"
    assert receiver.received == []


def test_addresses_have_one_form_and_others_are_explained(webhook: Webhook) -> None:
    assert webhook.normal_address("HTTPS://Bücher.example/a#b") == "https://xn--bcher-kva.example/a"
    for address in ("", "ftp://example.com/", "https://192.168.1.1/", "https://u:p@example.com/"):
        with pytest.raises(BadAddress, match=r"https://example\.com/hook"):
            webhook.normal_address(address)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"ok", "ok"),
        (b"a\0b\0", "ab"),
        ("grüß".encode("latin-1"), "gr\ufffd\ufffd"),
        (b"x" * 5000, "x" * 4096),
        ("ü".encode() * 3000, "ü" * 2048),
        (b"x" + "ü".encode() * 3000, "x" + "ü" * 2047),
        (b"\xff" * 5000, "\ufffd" * 1365),
    ],
)
def test_answers_are_recorded_as_text_any_database_takes(body: bytes, text: str) -> None:
    assert cleaned(body) == text


@given(st.binary(max_size=9000))
def test_no_answer_is_too_strange_to_record(body: bytes) -> None:
    text = cleaned(body)
    assert "\0" not in text
    assert len(text.encode()) <= MAX_RESPONSE


def test_bodies_are_small_for_ordinary_posts() -> None:
    assert len(encode(message("https://example.com/"))) < 1024
