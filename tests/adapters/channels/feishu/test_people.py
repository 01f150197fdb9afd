"""Answers to presses, who manages a group, and files: what happens around messages."""

import json

import pytest

from adapters.base import Button, Rejected, SendError
from adapters.channels.feishu import Feishu
from adapters.channels.feishu.directory import KEEP_SECONDS
from adapters.channels.feishu.download import MAX_BYTES
from adapters.inbound import ChatMessage, Reply
from bot.simulator.feishu_checks import check_card
from tests.adapters.channels.feishu.conftest import heard
from tests.clock import MovableClock
from tests.fakes.feishu import FakeFeishu

REPLY = Reply("Unsubscribed from *NASA*.\nUndo within ten minutes.", (Button("Undo", "undo"),))


def pressed(key: str = "e:1") -> ChatMessage:
    return ChatMessage(key=key, chat="oc_1", direct=True, sender="ou_ada", wants_answer=True)


def test_a_press_is_answered_by_a_notice_and_the_new_card(channel: Feishu) -> None:
    answer = json.loads(channel.answer(pressed(), REPLY).body)
    assert answer["toast"] == {"type": "info", "content": "Unsubscribed from *NASA*."}
    assert answer["card"]["type"] == "raw"
    check_card(answer["card"]["data"], set())
    assert '{"v": "undo"}' in json.dumps(answer)


def test_what_concerns_one_person_leaves_the_card_as_it_is(channel: Feishu) -> None:
    answer = json.loads(channel.answer(pressed(), Reply("Somebody else did that.", aside=True)).body)
    assert answer == {"toast": {"type": "info", "content": "Somebody else did that."}}


def test_an_old_callback_is_answered_by_the_card_alone(channel: Feishu) -> None:
    check_card(json.loads(channel.answer(pressed("flat:1"), REPLY).body), set())


def test_without_a_reply_nothing_is_shown(channel: Feishu) -> None:
    answer = channel.answer(pressed(), None)
    assert (answer.status, answer.body, answer.content_type) == (200, b"{}", "application/json")


async def test_the_managers_of_a_group_are_its_owner_and_administrators(
    channel: Feishu, feishu: FakeFeishu, clock: MovableClock
) -> None:
    ada, ben = feishu.person("Ada"), feishu.person("Ben")
    chat = feishu.group("Team", ada, ben)
    chat.managers = [ben, ada]
    for seconds, calls in ((0, 1), (KEEP_SECONDS - 1, 1), (2, 2)):
        clock.advance(seconds=seconds)
        assert await channel.managers(chat.id) == ("ou_ada", "ou_ben")
        assert len([path for _, path in feishu.api.calls if "chats" in path]) == calls


async def test_the_group_of_a_bot_has_no_owner_among_people(channel: Feishu, feishu: FakeFeishu) -> None:
    assert await channel.managers(feishu.group("Team").id) == ()
    assert await channel.managers("ou_1") is None


async def test_who_manages_a_group_may_not_be_to_be_learnt(channel: Feishu) -> None:
    with pytest.raises(SendError):
        await channel.managers("oc_unknown")


async def test_nothing_is_shown_while_a_message_is_worked_on(channel: Feishu, feishu: FakeFeishu) -> None:
    await channel.seen(pressed())
    assert feishu.api.calls == []


@pytest.mark.parametrize("content", [b"<opml/>" * 20_000, b'{"json":"feed"}', b""])
async def test_a_file_is_downloaded_whole(channel: Feishu, feishu: FakeFeishu, content: bytes) -> None:
    ada = feishu.person("Ada")
    await feishu.send_file(feishu.private(ada), ada, "feeds.opml", content)
    (event,) = await heard(channel, feishu)
    assert isinstance(event, ChatMessage)
    assert (event.kind, event.text) == ("file", "feeds.opml")
    assert await channel.download(event) == content
    feishu.api.revoke()
    assert await channel.download(event) == content


async def test_a_file_may_be_too_large_or_gone(channel: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    await feishu.send_file(feishu.private(ada), ada, "feeds.opml", bytes(MAX_BYTES + 1))
    (event,) = await heard(channel, feishu)
    assert isinstance(event, ChatMessage)
    with pytest.raises(Rejected, match="5 MiB"):
        await channel.download(event)
    feishu.api.files.clear()
    with pytest.raises(Rejected) as raised:
        await channel.download(event)
    assert raised.value.code == "feishu_234003"
    with pytest.raises(Rejected):
        await channel.download(pressed())
