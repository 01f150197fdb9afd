"""What people do, as the channel tells it: messages, presses, comings and goings (feishu.md 12 to 16)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict

from adapters.channels.feishu import Feishu
from adapters.inbound import (
    AnyEvent,
    ChatJoined,
    ChatLeft,
    ChatMessage,
    StatusChanged,
    Unknown,
    decode_event,
    encode_event,
)
from tests.adapters.channels.feishu.conftest import MakeChannel, callback, heard
from tests.clock import START
from tests.fakes.feishu import Chat, FakeFeishu, Person, wire


@pytest.fixture
def ada(feishu: FakeFeishu) -> Person:
    return feishu.person("Ada")


@pytest.fixture
def team(feishu: FakeFeishu, ada: Person) -> Chat:
    return feishu.group("Team", ada)


async def one(channel: Feishu, feishu: FakeFeishu, document: Any = None) -> Any:
    (event,) = await heard(channel, feishu, document)
    assert decode_event(encode_event(event)) == event  # as it is stored
    return event


# --- Messages


async def test_a_private_message(channel: Feishu, feishu: FakeFeishu, ada: Person) -> None:
    chat = feishu.private(ada)
    said = await feishu.say(chat, ada, "  subscribe\u00a0 bbc ")
    assert await one(channel, feishu) == ChatMessage(
        key=f"m:{said.id}",
        at=START,
        chat=chat.id,
        also=(ada.open_id,),
        direct=True,
        sender=ada.open_id,
        sender_also=(ada.union_id,),
        text="subscribe bbc",
        message_id=said.id,
    )
    assert feishu.api.calls == []  # nothing had to be asked


async def test_the_bots_mention_goes_and_others_get_their_names(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    ben = feishu.person("Ben")
    await feishu.say(team, ada, "hello", mention=True, also_mention=[ben])
    event = await one(channel, feishu)
    assert (event.text, event.addressed, event.direct, event.also) == ("hello @Ben", True, False, ())


@pytest.mark.parametrize(("text", "addressed"), [("hello", False), ("/list", False), ("@_all look", False)])
async def test_in_a_group_only_what_is_meant_for_the_bot_is(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat, text: str, addressed: bool
) -> None:
    await feishu.say(team, ada, text)
    assert (await one(channel, feishu)).addressed is addressed


async def test_a_person_with_the_bots_name_is_not_the_bot(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    await feishu.say(team, ada, "hello", also_mention=[feishu.person("Bell"), ada])
    event = await one(channel, feishu)
    assert (event.text, event.addressed) == ("hello @Bell @Ada", False)


async def test_placeholders_are_told_apart_by_their_whole_number(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    people = [feishu.person(f"P{number}") for number in range(11)]
    await feishu.say(team, ada, "x", mention=True, also_mention=people)
    event = await one(channel, feishu)
    assert event.text == "x " + " ".join(f"@{person.name}" for person in people)


async def test_who_the_bot_is_is_asked_once(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat) -> None:
    for _ in range(3):
        await feishu.say(team, ada, "hello", mention=True)
        await one(channel, feishu)
    assert [path for _, path in feishu.api.calls if "bot" in path] == ["/open-apis/bot/v3/info"]


async def test_when_the_bot_cannot_be_asked_for_any_bot_is_taken_for_it(
    make: MakeChannel, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    channel = make(app_secret="wrong")
    for _ in range(3):
        await feishu.say(team, ada, "hello", mention=True, also_mention=[ada])
        event = await one(channel, feishu)
        assert (event.text, event.addressed) == ("hello @Ada", True)
    assert feishu.api.token_calls == 1  # and not asked again at once


async def test_two_events_of_one_message_have_one_key(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    await feishu.say(team, ada, "/list")
    document = feishu.events[-1]
    first = await one(channel, feishu)
    again = await one(channel, feishu, document | {"header": document["header"] | {"event_id": "another"}})
    assert first.key == again.key


async def test_a_reply_names_what_it_answers(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat) -> None:
    ours = feishu.show(team, "text", {"text": "a post"}, feishu.app_id)
    await feishu.say(team, ada, "/why", answers=ours)
    assert (await one(channel, feishu)).answers == ours.id


RICH = {
    "title": "To do",
    "content": [
        [{"tag": "at", "user_id": "@_user_1", "user_name": "Bell"}, {"tag": "text", "text": " subscribe "}],
        [{"tag": "a", "href": "https://x.example/feed", "text": "this one"}, {"tag": "emotion", "emoji_type": "OK"}],
        "odd",
        [5, {"tag": "img", "image_key": "k"}],
    ],
}


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("post", RICH, {"text": "To do\nsubscribe\nhttps://x.example/feed", "addressed": True}),
        ("post", {"content": 5}, {"text": "", "kind": "text"}),
        ("image", {"image_key": "img_1"}, {"kind": "image", "text": "", "file": ""}),
        (
            "file",
            {"file_key": "file_1", "file_name": "feeds.opml"},
            {"kind": "file", "text": "feeds.opml", "file": "file_1"},
        ),
        ("file", {"file_key": "../x", "file_name": "x"}, {"kind": "file", "file": ""}),
        ("audio", {"file_key": "file_1", "duration": 1000}, {"kind": "audio", "file": ""}),
        ("media", {"file_key": "file_1"}, {"kind": "video"}),
        ("sticker", {"file_key": "file_1"}, {"kind": "sticker"}),
        ("merge_forward", {}, {"kind": "forward", "forwarded": True}),
        ("todo", {}, {"kind": "unsupported"}),
        ("text", {"text": "a\u200bb\x00c\r\n\r\n d"}, {"text": "abc\n\nd"}),
    ],
)
async def test_other_kinds_of_messages(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat, kind: str, content: Any, expected: dict[str, Any]
) -> None:
    said = feishu.show(team, kind, content, ada.open_id)
    mention = feishu.mention(1, feishu.bot_id, "Bell", "bot")
    await feishu.push("im.message.receive_v1", feishu.received(said, ada, [mention]))
    event = await one(channel, feishu)
    assert {name: getattr(event, name) for name in expected} == expected


def message_event(feishu: FakeFeishu, ada: Person, chat: Chat, **changes: Any) -> Any:
    event = feishu.received(feishu.show(chat, "text", {"text": "/list"}, ada.open_id), ada, [])
    event["message"] |= changes
    return event


async def test_what_a_bot_says_is_no_message(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat) -> None:
    event = message_event(feishu, ada, team)
    event["sender"]["sender_type"] = "app"
    assert isinstance(await one(channel, feishu, feishu.document("im.message.receive_v1", event)), Unknown)


@pytest.mark.parametrize(
    "changes",
    [
        {"content": "no json"},
        {"content": "[]"},
        {"content": "[" * 100_000},
        {"chat_id": "elsewhere"},
        {"message_id": "om_1 or 1"},
        {"mentions": 5},
    ],
)
async def test_messages_of_another_form_are_unknown(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat, changes: dict[str, Any]
) -> None:
    document = feishu.document("im.message.receive_v1", message_event(feishu, ada, team, **changes))
    assert isinstance(await one(channel, feishu, document), Unknown)


async def test_missing_and_additional_fields_do_no_harm(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat
) -> None:
    event = message_event(feishu, ada, team, brand_new={"a": [1]}, parent_id=None, mentions=None)
    event["sender"]["sender_id"] = {"open_id": ada.open_id, "user_id": None}
    event["message"]["mentions"] = [{"key": "@_user_1", "id": None, "name": None, "mentioned_type": None}]
    document = feishu.document("im.message.receive_v1", event)
    said = await one(channel, feishu, document)
    assert (said.sender, said.sender_also, said.text) == (ada.open_id, (), "/list")


# --- Comings and goings


async def test_the_bot_is_added_and_removed(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat) -> None:
    await feishu.add_bot(team, ada)
    joined = await one(channel, feishu)
    assert isinstance(joined, ChatJoined)
    assert (joined.chat, joined.direct, joined.sender, joined.name) == (team.id, False, ada.open_id, "Team")
    await feishu.remove_bot(team, ada)
    left = await one(channel, feishu)
    assert (type(left), left.chat) == (ChatLeft, team.id)
    gone = await one(channel, feishu, feishu.document("im.chat.disbanded_v1", {"chat_id": team.id}))
    assert (type(gone), gone.chat) == (ChatLeft, team.id)


@pytest.mark.parametrize(("last", "first"), [("", True), (None, True), ("om_1", False)])
async def test_opening_the_chat_is_told_every_time_and_new_only_once(
    channel: Feishu, feishu: FakeFeishu, ada: Person, last: str | None, first: bool
) -> None:
    chat = feishu.private(ada)
    event = {"chat_id": chat.id, "operator_id": ada.ids, "last_message_id": last}
    joined = await one(channel, feishu, feishu.document("im.chat.access_event.bot_p2p_chat_entered_v1", event))
    assert (joined.chat, joined.direct, joined.sender, joined.first) == (chat.id, True, ada.open_id, first)


async def test_read_receipts_are_one_status_for_each_message(channel: Feishu, feishu: FakeFeishu, ada: Person) -> None:
    event = {
        "reader": {"reader_id": ada.ids, "read_time": "1767225600000", "tenant_key": "tk1"},
        "message_id_list": ["om_1", "om_2", "no id"],
    }
    statuses = await heard(channel, feishu, feishu.document("im.message.message_read_v1", event, event_id="e9"))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert statuses == [
        StatusChanged(key=f"e:e9:{id_}", at=at, message_id=id_, status="read", chat=ada.open_id)
        for id_ in ("om_1", "om_2")
    ]


# --- Presses


async def press(channel: Feishu, feishu: FakeFeishu, chat: Chat, by: Person, value: Any) -> Any:
    card = feishu.show(chat, "interactive", {}, feishu.app_id)
    return await one(channel, feishu, feishu.document("card.action.trigger", feishu.pressed(card, value, by)))


@pytest.mark.parametrize("value", [{"v": "unsub:3"}, '{"v":"unsub:3"}'])
async def test_a_press_in_a_group(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat, value: Any) -> None:
    pressed = await press(channel, feishu, team, ada, value)
    assert isinstance(pressed, ChatMessage)
    assert (pressed.action, pressed.chat, pressed.sender) == ("unsub:3", team.id, ada.open_id)
    assert (pressed.direct, pressed.also, pressed.wants_answer, pressed.addressed) == (False, (), True, True)
    assert pressed.key.startswith("e:")
    assert pressed.answers.startswith("om_")
    assert pressed.answer_to.startswith("c-")


async def test_what_kind_of_chat_a_press_is_from_is_known_from_messages_or_asked(
    channel: Feishu, feishu: FakeFeishu, ada: Person
) -> None:
    chat = feishu.private(ada)
    asked = await press(channel, feishu, chat, ada, {"v": "a"})
    assert (asked.direct, asked.also) == (True, (ada.open_id,))
    calls = len(feishu.api.calls)
    assert (await press(channel, feishu, chat, ada, {"v": "a"})).direct
    ben = feishu.person("Ben")
    await feishu.say(feishu.private(ben), ben, "hello")
    await one(channel, feishu)
    assert (await press(channel, feishu, feishu.private(ben), ben, {"v": "a"})).direct
    assert len(feishu.api.calls) == calls


async def test_a_press_where_nothing_can_be_learnt_is_taken_for_one_in_a_group(
    channel: Feishu, feishu: FakeFeishu, ada: Person
) -> None:
    feishu.token_broken = True
    pressed = await press(channel, feishu, feishu.private(ada), ada, {"v": "a"})
    assert (pressed.direct, pressed.also, pressed.action) == (False, (), "a")


@pytest.mark.parametrize("value", [None, 5, [], {}, {"v": 5}, {"v": ""}, {"v": "ü"}, {"v": "x" * 201}, "no json", "5"])
async def test_what_no_button_of_ours_carries_is_unknown(
    channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat, value: Any
) -> None:
    assert isinstance(await press(channel, feishu, team, ada, value), Unknown)


# --- The first form of events


async def test_a_message_of_the_old_form_has_the_same_key(channel: Feishu, feishu: FakeFeishu, ada: Person) -> None:
    chat = feishu.private(ada)
    said = await feishu.say(chat, ada, "list")
    new = await one(channel, feishu)
    event = {
        "type": "message",
        "app_id": feishu.app_id,
        "tenant_key": "tk1",
        "open_chat_id": chat.id,
        "chat_type": "private",
        "open_id": ada.open_id,
        "open_message_id": said.id,
        "msg_type": "text",
        "text": "list",
        "parent_id": "",
    }
    old = await one(channel, feishu, old_form(feishu, event))
    assert (old.key, old.chat, old.sender, old.text, old.direct) == (new.key, new.chat, new.sender, "list", True)
    assert old.at == datetime(2026, 1, 1, 0, 0, 0, 123000, UTC)


def old_form(feishu: FakeFeishu, event: dict[str, Any]) -> dict[str, Any]:
    event = {"app_id": feishu.app_id} | event
    return {"ts": "1767225600.123", "uuid": "u1", "token": "v-token", "type": "event_callback", "event": event}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "add_bot", "open_chat_id": "oc_1", "chat_name": "Team"}, ChatJoined),
        ({"type": "remove_bot", "open_chat_id": "oc_1"}, ChatLeft),
        ({"type": "p2p_chat_create", "chat_id": "oc_1"}, Unknown),
        ({"type": "message", "open_chat_id": "oc_1", "open_id": "x", "open_message_id": "om_1"}, Unknown),
    ],
)
async def test_other_events_of_the_old_form(
    channel: Feishu, feishu: FakeFeishu, event: dict[str, Any], kind: type[AnyEvent]
) -> None:
    read = await one(channel, feishu, old_form(feishu, event))
    assert type(read) is kind
    assert read.key == "e:u1"


async def test_hostile_mentions_of_the_old_form_take_no_time(channel: Feishu, feishu: FakeFeishu) -> None:
    event = {
        "type": "message",
        "open_chat_id": "oc_1",
        "chat_type": "group",
        "open_id": "ou_1",
        "open_message_id": "om_1",
        "text": "<at" * 100_000 + '<at open_id="ou_1">@Ben</at> /x',
    }
    assert isinstance(await one(channel, feishu, old_form(feishu, event)), ChatMessage)


async def test_names_of_headers_match_in_any_case(channel: Feishu, feishu: FakeFeishu, ada: Person, team: Chat) -> None:
    await feishu.say(team, ada, "/list")
    headers, body = feishu.request(feishu.events[-1])
    lower = CIMultiDict({name.lower(): value for name, value in headers.items()})
    assert len((await channel.parse(callback(lower, body))).events) == 1  # type: ignore[arg-type]


async def test_extra_blanks_of_a_body_are_signed_too(channel: Feishu, feishu: FakeFeishu) -> None:
    body = b" " + wire.sealed("test key", json.dumps(feishu.document("im.test", {})).encode()) + b"\n"
    headers = wire.event_headers("test key", body, "1700000000")
    assert len((await channel.parse(callback(headers, body))).events) == 1
