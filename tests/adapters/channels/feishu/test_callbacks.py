"""Which callbacks are taken for the platform's: the order and the traps of feishu.md 9 to 12."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from adapters.channels.feishu import Feishu
from adapters.channels.feishu.callbacks import FORGED, MAX_BODY, millis, signed_time
from adapters.inbound import Refused, Unknown
from tests.adapters.channels.feishu.conftest import MakeChannel, callback, heard
from tests.fakes.feishu import FakeFeishu, wire

GO_TIME = "2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1"
CHALLENGE = {"challenge": "challenge-1", "token": "v-token", "type": "url_verification"}


async def refusal(channel: Feishu, headers: dict[str, str], body: bytes, method: str = "POST") -> Refused:
    with pytest.raises(Refused) as raised:
        await channel.parse(callback(headers, body, method))
    return raised.value


# --- The handshake


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_challenge_is_answered_in_the_clear_and_stores_nothing(channel: Feishu, encrypted: bool) -> None:
    body = wire.encoded(CHALLENGE)
    parsed = await channel.parse(callback({}, wire.sealed("test key", body) if encrypted else body))
    assert parsed.answer is not None
    assert (parsed.answer.status, json.loads(parsed.answer.body)) == (200, {"challenge": "challenge-1"})
    assert parsed.events == ()


@pytest.mark.parametrize(
    "document",
    [CHALLENGE | {"token": "other"}, CHALLENGE | {"token": None}, {"type": "url_verification", "challenge": "c"}],
)
async def test_a_challenge_with_another_token_is_refused(channel: Feishu, document: Any) -> None:
    for body in (wire.encoded(document), wire.sealed("test key", wire.encoded(document))):
        refused = await refusal(channel, {}, body)
        assert (refused.status, str(refused)) == (401, FORGED)


async def test_without_a_token_only_an_encrypted_challenge_is_believed(make: MakeChannel) -> None:
    channel, body = make(verification_token=""), wire.encoded(CHALLENGE)
    assert (await channel.parse(callback({}, wire.sealed("test key", body)))).answer
    assert (await refusal(channel, {}, body)).status == 401


# --- Forgeries


def changed(name: str, value: str) -> Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]:
    return lambda headers, body: (headers | {name: value}, body)


FORGERIES: dict[str, Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]] = {
    "no headers": lambda headers, body: ({}, body),
    "wrong signature": changed("X-Lark-Signature", "0" * 64),
    "no hexadecimal signature": changed("X-Lark-Signature", "ü"),
    "other time": changed("X-Lark-Request-Timestamp", "1700000001"),
    "other nonce": changed("X-Lark-Request-Nonce", "nonce-2"),
    "other body": lambda headers, body: (headers, body.replace(b"}", b" }")),
    "other key": lambda headers, body: (headers, wire.sealed("other key", b"{}")),
    "other key, signed with it": lambda headers, body: (
        wire.event_headers("other key", wire.sealed("other key", b"{}"), "1"),
        wire.sealed("other key", b"{}"),
    ),
    "not encrypted": lambda headers, body: ({}, b'{"schema":"2.0","header":{"token":"v-token"},"event":{}}'),
    "sealed nonsense": lambda headers, body: ({}, b'{"encrypt":"AAAA"}'),
    "sealed number": lambda headers, body: ({}, b'{"encrypt":5}'),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_forgeries_are_refused_with_one_text(channel: Feishu, feishu: FakeFeishu, forgery: str) -> None:
    headers, body = FORGERIES[forgery](*feishu.request(feishu.document("im.test", {})))
    refused = await refusal(channel, headers, body)
    assert (refused.status, str(refused)) == (401, FORGED)


async def test_padding_and_json_are_no_oracle(channel: Feishu) -> None:
    """Whether bytes decrypt to nonsense or not at all, the refusal is the same."""
    for plain in (b"no json", b"[]", b"\xff"):
        refused = await refusal(channel, {}, wire.sealed("test key", plain))
        assert (refused.status, str(refused)) == (401, FORGED)


async def test_another_token_or_app_is_refused(channel: Feishu, feishu: FakeFeishu) -> None:
    headers, body = feishu.request(feishu.document("im.test", {}, token="other"))
    assert (await refusal(channel, headers, body)).status == 401
    for app_id in ("cli_other", ""):
        headers, body = feishu.request(feishu.document("im.test", {}, app_id=app_id))
        assert (await refusal(channel, headers, body)).status == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b"\xff\xfe", b'{"a":NaN}', b"[" * 100_000, b'{"a":' * 100_000, b"x" * (MAX_BODY + 1)],
)
async def test_what_is_no_document_is_a_bad_request(channel: Feishu, body: bytes) -> None:
    refused = await refusal(channel, {}, body)
    assert refused.status == 400
    assert body[:4].decode(errors="replace") not in str(refused) or not body


async def test_only_posts_are_callbacks(channel: Feishu) -> None:
    assert (await refusal(channel, {}, b"{}", "GET")).status == 400


async def test_without_any_secret_nothing_is_believed(make: MakeChannel, feishu: FakeFeishu) -> None:
    feishu.encrypt_key = ""
    channel = make(encrypt_key="", verification_token="")
    for document in (CHALLENGE, feishu.document("im.test", {}, token="")):
        assert (await refusal(channel, {}, wire.encoded(document))).status == 401


async def test_without_an_encrypt_key_the_token_alone_counts(make: MakeChannel, feishu: FakeFeishu) -> None:
    feishu.encrypt_key = ""
    channel = make(encrypt_key="")
    assert len(await heard(channel, feishu, feishu.document("im.test", {}))) == 1
    headers, body = feishu.request(feishu.document("im.test", {}, token=""))
    assert (await refusal(channel, headers, body)).status == 401
    sealed = wire.sealed("test key", wire.encoded(feishu.document("im.test", {})))
    assert (await refusal(channel, {}, sealed)).status == 401


# --- Signatures over whatever the time looks like


@pytest.mark.parametrize("timestamp", ["1700000000", GO_TIME, "yesterday", "1"])
async def test_the_time_is_signed_as_it_is_written_and_never_refused_by_age(
    channel: Feishu, feishu: FakeFeishu, timestamp: str
) -> None:
    headers, body = feishu.request(feishu.document("im.test", {}), timestamp=timestamp)
    assert len((await channel.parse(callback(headers, body))).events) == 1


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (GO_TIME, datetime(2026, 10, 4, 18, 23, 46, tzinfo=timezone(timedelta(hours=8)))),
        ("2026-10-04 18:23:46 -0330 NST", datetime(2026, 10, 4, 18, 23, 46, tzinfo=timezone(-timedelta(hours=3.5)))),
        ("", None),
        ("soon", None),
        ("2026-13-04 18:23:46 +0800 CST", None),
        ("999999999999999", None),
        ("١٢٣", None),
    ],
)
def test_signed_times_are_read_leniently(text: str, time: datetime | None) -> None:
    assert signed_time(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1767225600123", datetime(2026, 1, 1, 0, 0, 0, 123000, UTC)),
        ("", None),
        (None, None),
        ("9" * 15, None),
        (5, None),
    ],
)
def test_times_are_milliseconds_as_text(text: object, time: datetime | None) -> None:
    assert millis(text) == time


# --- Old card callbacks


def flat_press(feishu: FakeFeishu) -> bytes:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    return wire.encoded(
        {
            "open_id": ada.open_id,
            "user_id": "u1",
            "tenant_key": "tk1",
            "open_message_id": "om_1",
            "open_chat_id": chat.id,
            "token": "c-1",
            "action": {"value": {"v": "mute:3"}, "tag": "button"},
        }
    )


async def test_an_old_card_callback_is_signed_in_its_own_way(channel: Feishu, feishu: FakeFeishu) -> None:
    body = flat_press(feishu)
    headers = wire.card_headers("v-token", body, GO_TIME)
    (event,) = (await channel.parse(callback(headers, body))).events
    assert not isinstance(event, Unknown)
    assert event.at == datetime(2026, 10, 4, 10, 23, 46, tzinfo=UTC)
    for wrong in (wire.card_headers("other", body, "1"), wire.event_headers("test key", body, "1"), {}):
        refused = await refusal(channel, wrong, body)
        assert (refused.status, str(refused)) == (401, FORGED)


async def test_an_old_card_callback_needs_a_verification_token(make: MakeChannel, feishu: FakeFeishu) -> None:
    body = flat_press(feishu)
    assert (await refusal(make(verification_token=""), wire.card_headers("", body, "1"), body)).status == 401


# --- What nobody knows


@pytest.mark.parametrize(
    "document",
    [
        {"schema": "2.0", "header": {"event_id": "e1", "event_type": "im.new.thing_v9"}, "event": {"a": 1}},
        {"schema": "2.0", "header": {"event_id": "e1", "event_type": "im.message.receive_v1"}, "event": {"a": 1}},
        {"schema": "2.0", "header": {"event_id": "e1", "event_type": "im.message.receive_v1"}},
        {"schema": "2.0", "header": {"event_id": "e1", "event_type": 5}, "event": []},
        {"schema": "2.0", "header": {"event_id": "e1", "event_type": "card.action.trigger"}, "event": {"operator": 1}},
    ],
)
async def test_genuine_and_unknown_is_kept_under_its_own_key(
    channel: Feishu, feishu: FakeFeishu, document: Any
) -> None:
    document["header"] |= {"token": "v-token", "app_id": feishu.app_id}
    (event,) = await heard(channel, feishu, document)
    assert isinstance(event, Unknown)
    assert event.key == "e:e1"
    assert event.raw.startswith('{"schema"')


async def test_what_has_no_id_is_known_by_its_contents(channel: Feishu, feishu: FakeFeishu) -> None:
    document = feishu.document("im.test", {"n": 1}, event_id="no good\nid")
    first, again = [(await heard(channel, feishu, document))[0] for _ in range(2)]
    other = (await heard(channel, feishu, feishu.document("im.test", {"n": 2}, event_id="")))[0]
    assert first.key == again.key != other.key
