"""Life on WhatsApp: posts reach the phone, wait while the window is closed or after STOP, and are known to be read."""

from datetime import timedelta
from typing import Any

from storage.models import Delivery
from tests.conversations.town import Town
from tests.fakes.publisher import Feed
from tests.fakes.whatsapp import Shown

ANN = "+34600123456"
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def follow(town: Town, phone: str = ANN) -> Feed:
    """Ann's phone follows a feed with one old post."""
    feed = town.publisher.feed("/harbour.xml", title="Harbour news", posts=1)
    await say(town, f"subscribe {feed.url}", phone)
    return feed


async def say(town: Town, text: str, phone: str = ANN) -> list[Shown]:
    """What the phone shows after that."""
    shown = town.whatsapp.person(phone).screen
    before = len(shown)
    await town.whatsapp.say(phone, text)
    await town.quiet()
    return shown[before:]


async def news(town: Town, feed: Feed, *titles: str) -> None:
    for title in titles:
        feed.publish(title)
    await town.poll(feed.url)


def titles(shown: list[Shown]) -> list[str]:
    """The first line of each message."""
    return [one.text.partition("\n")[0].strip("*") for one in shown]


async def posts(town: Town) -> list[Any]:
    return [row for row in await town.rows(Delivery) if row.post_id]


async def test_a_post_arrives_and_is_known_to_be_delivered_and_read(town: Town) -> None:
    feed = await follow(town)
    screen = town.whatsapp.screen(ANN)
    assert titles(screen) == ["You follow Harbour news now, as number 1."]
    await news(town, feed, "High tide")
    assert titles(screen)[1:] == ["High tide"]
    [post] = await posts(town)
    assert (post.state, post.delivered_at, post.read_at) == ("delivered", town.clock(), None)
    await town.whatsapp.read(ANN)
    await town.quiet()
    [post] = await posts(town)
    assert (post.state, post.read_at) == ("read", town.clock())
    [answer] = await say(town, "why")
    assert "• read " in answer.text


async def test_statuses_may_come_early_twice_and_in_any_order(town: Town) -> None:
    how = town.whatsapp.statuses
    how.words, how.early, how.duplicate, how.reversed = ("sent", "delivered", "read"), True, True, True
    await news(town, await follow(town), "High tide")
    [post] = await posts(town)
    assert post.state == "read"
    assert titles(town.whatsapp.screen(ANN))[1:] == ["High tide"]


async def test_a_closed_window_holds_posts_until_the_person_answers(town: Town) -> None:
    feed = await follow(town)
    screen = town.whatsapp.screen(ANN)
    await town.sleep(DAY)
    await news(town, feed, "High tide", "Boat race", "Fog")
    assert len(screen) == 1
    assert {(post.state, post.error_code) for post in await posts(town)} == {("held", "window_closed")}
    await town.sleep(MINUTE)
    await town.sleep(MINUTE)
    assert [(one.template, one.parameters) for one in screen[1:]] == [("nudge", ("3",))]
    await town.whatsapp.press(ANN, "Show them")
    await town.quiet()
    assert titles(screen[2:]) == ["High tide", "Boat race", "Fog"]  # and no word besides


async def test_a_window_that_closes_on_the_way_holds_what_was_sent(town: Town) -> None:
    """The platform took it first and refused it later."""
    feed = await follow(town)
    town.whatsapp.statuses.failed = 131047
    await news(town, feed, "High tide")
    town.whatsapp.statuses.failed = 0
    [post] = await posts(town)
    assert (post.state, post.error_code) == ("held", "window_closed")
    assert titles(await say(town, "ok")) == ["High tide"]


async def test_stop_silences_everything_and_start_lets_it_come_in_order(town: Town) -> None:
    feed = await follow(town)
    [answer] = await say(town, "STOP")
    assert "no more messages" in answer.text
    await news(town, feed, "High tide", "Boat race")
    assert {(post.state, post.error_code) for post in await posts(town)} == {("held", "stopped")}
    shown = titles(await say(town, "START"))
    shown.remove("Messages come again, beginning with what has been waiting.")
    assert shown == ["High tide", "Boat race"]
