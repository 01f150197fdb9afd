"""Life on Feishu: cards and their buttons, groups that take the bot in and out, and the long connection."""

from typing import Any

import pytest

from storage.models import Delivery, Subscription
from tests.conversations.town import Town
from tests.fakes.feishu import Chat, Person, Shown
from tests.fakes.publisher import Feed

LONG = pytest.mark.parametrize("town", [{"FEISHU_MODE": "websocket"}], indirect=True)
BOTH_WAYS = pytest.mark.parametrize("town", [{}, {"FEISHU_MODE": "websocket"}], indirect=True)


@pytest.fixture
def ann(town: Town) -> Person:
    return town.feishu.person("Ann")


@pytest.fixture
def chat(town: Town, ann: Person) -> Chat:
    return town.feishu.private(ann)


async def say(town: Town, chat: Chat, who: Person, text: str) -> list[Shown]:
    """What the chat shows after that."""
    before = len(town.feishu.shown(chat))
    await town.feishu.say(chat, who, text)
    await town.quiet()
    return town.feishu.shown(chat)[before:]


async def follow(town: Town, chat: Chat, who: Person) -> tuple[Feed, Shown]:
    """A feed, and the card that says that it is followed."""
    feed = town.publisher.feed("/harbour.xml", title="Harbour news", posts=1)
    [card] = await say(town, chat, who, f"/subscribe {feed.url}")
    return feed, card


async def news(town: Town, feed: Feed, *titles: str) -> None:
    for title in titles:
        feed.publish(title)
    await town.poll(feed.url)


@BOTH_WAYS
async def test_a_post_comes_as_a_card_and_buttons_are_answered_in_place(town: Town, chat: Chat, ann: Person) -> None:
    if town.gateway.channels["feishu"]._config.mode == "websocket":  # type: ignore[attr-defined]
        await town.feishu.connections.connected()
    feed, card = await follow(town, chat, ann)
    assert "You follow Harbour news now" in card.text
    await news(town, feed, "High tide")
    post = town.feishu.shown(chat)[-1]
    assert post.msg_type == "interactive"
    assert "High tide" in post.text
    answer = await town.feishu.press(card, "Undo", ann)
    assert "Taken back" in answer["toast"]["content"]
    assert "Taken back" in card.text
    await town.quiet()
    assert len(town.feishu.shown(chat)) == 2  # nothing was sent besides
    assert [row.active for row in await town.rows(Subscription)] == [False]


@LONG
async def test_what_happened_while_the_connection_was_lost_is_told_again(town: Town, chat: Chat, ann: Person) -> None:
    feishu = town.feishu
    feishu.callback_url = "http://127.0.0.1:1/"  # nobody
    await feishu.connections.connected()
    await feishu.connections.drop()
    await feishu.say(chat, ann, "list")
    assert feishu.pending
    await feishu.connections.connected()
    town.clock.advance(seconds=15)
    await feishu.repeat()
    await town.quiet()
    assert [message.text.partition(".")[0] for message in feishu.shown(chat)] == ["Nothing is followed here yet"]


async def test_a_group_that_takes_the_bot_back_may_have_its_subscriptions_back(town: Town, ann: Person) -> None:
    feishu = town.feishu
    group = feishu.group("Harbour friends", ann)
    await feishu.add_bot(group, ann)
    await town.quiet()
    feed, _ = await follow(town, group, ann)
    await feishu.remove_bot(group, ann)
    await town.quiet()
    assert [row.active for row in await town.rows(Subscription)] == [False]
    await feishu.add_bot(group, ann)
    await town.quiet()
    offer = feishu.shown(group)[-1]
    [label] = [label for label, does in offer.buttons.items() if does["value"]["v"] == "back"]
    await feishu.press(offer, label, ann)
    await town.quiet()
    assert [row.active for row in await town.rows(Subscription)] == [True]
    await town.poll(feed.url)  # what it brought while nobody read it is no news
    await news(town, feed, "High tide")
    assert "High tide" in feishu.shown(group)[-1].text


async def test_who_may_not_press_a_button_changes_nothing_that_others_see(town: Town, ann: Person) -> None:
    ben = town.feishu.person("Ben")
    group = town.feishu.group("Harbour friends", ann, ben)
    _, card = await follow(town, group, ann)
    before = card.content
    answer = await town.feishu.press(card, "Undo", ben)
    assert "only they can take it back" in answer["toast"]["content"]
    assert card.content == before
    await town.quiet()
    await town.feishu.press(card, "Undo", ann)
    assert "Taken back" in card.text


async def test_a_repeated_callback_has_its_effect_once(town: Town, chat: Chat, ann: Person) -> None:
    await follow(town, chat, ann)
    told: list[Any] = list(town.feishu.events)
    for document in (*told, *told):
        assert await town.feishu.deliver(document) is not None
    await town.quiet()
    assert len(town.feishu.shown(chat)) == 1
    assert len(await town.rows(Delivery)) == 1
