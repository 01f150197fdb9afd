"""Walks over a messages API: what is asked, how often, and by whom."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.base import FeedFailed, FeedThrottled
from adapters.sources.wechat import WeChat
from tests.adapters.sources.wechat.conftest import Follower, Making
from tests.clock import MovableClock
from tests.fakes.wechat import Town

Follow = Callable[[WeChat, str], Follower]
HOUR = timedelta(hours=1)


async def test_however_many_feeds_are_polled_the_service_is_read_once(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    wechat = await source("messages")
    feeds = [follow(wechat, town.account(f"n{number}", articles=2).biz) for number in range(20)]
    for one in feeds:
        await one.poll(after=timedelta(0))
    for account in town.accounts:
        town.publish(account, "News", at=clock())
    clock.advance(minutes=5)
    town.messages.asked.clear()
    await asyncio.gather(*[one.poll(after=timedelta(0)) for one in feeds])
    assert [one.delivered for one in feeds] == [["News"]] * 20
    assert len(town.messages.asked) == 2  # 60 messages: two pages


async def test_a_feed_that_is_polled_again_is_told_what_has_come_since(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages"), harbour.biz)
    await feed.poll()
    for number in range(3):
        town.publish(harbour, f"News {number}", at=clock())
        await feed.poll(after=timedelta(seconds=1))
        assert feed.delivered[-1] == f"News {number}"


@pytest.mark.parametrize("page_size", [4, 50])
async def test_messages_of_the_same_second_keep_the_order_of_the_list(
    town: Town, source: Making, follow: Follow, clock: MovableClock, page_size: int
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages", messages_page_size=page_size), harbour.biz)
    town.messages.ids_tell_nothing = True
    await feed.poll()
    for number in range(9):
        town.publish(harbour, f"News {number}", at=clock())
    await feed.poll()
    assert feed.delivered == [f"News {number}" for number in range(9)]


async def test_who_gives_up_waiting_does_not_end_it_for_the_others(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    wechat = await source("messages")
    one, two = (follow(wechat, town.account(f"n{number}", articles=2).biz) for number in range(2))
    impatient = asyncio.create_task(one.poll(after=timedelta(0)))
    patient = asyncio.create_task(two.poll(after=timedelta(0)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert len((await patient).posts) == 2


async def test_since_is_the_same_on_all_pages_and_lies_well_before_the_last_walk(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages", messages_page_size=2), harbour.biz)
    await feed.poll()
    last = clock()
    for _ in range(5):
        town.publish(harbour, at=clock())
    town.messages.asked.clear()
    await feed.poll(after=3 * HOUR)
    (since,) = {query["since"] for query in town.messages.asked}
    assert f"{last - 54 * HOUR:%Y-%m-%dT%H}" <= since[:13] <= f"{last - 48 * HOUR:%Y-%m-%dT%H}"
    assert since.endswith(":00:00.000Z")
    assert [query["page"] for query in town.messages.asked] == ["1", "2", "3"]


async def test_a_walk_that_breaks_off_is_taken_again_from_the_same_moment(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages", messages_page_size=2), harbour.biz)
    await feed.poll()
    before = feed.cursor
    for number in range(5):
        town.publish(harbour, f"News {number}", at=clock())

    def break_off(number: int) -> None:
        town.messages.failure = (500, "") if number == 2 else None

    town.messages.between_pages = break_off
    with pytest.raises(FeedFailed):
        await feed.poll()
    assert feed.cursor == before
    town.messages.between_pages, town.messages.failure = None, None
    await feed.poll(after=60 * HOUR)
    assert feed.delivered == [f"News {number}" for number in range(5)]


async def _waits(
    town: Town, source: Making, follow: Follow, clock: MovableClock, seconds: str, *, over: int
) -> tuple[Follower, list[float]]:
    """A feed whose service asks for a wait after the first page, which is over after so many; and the waits taken."""
    harbour = town.account(articles=5)
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == over:
            town.messages.failure = town.messages.between_pages = None

    def slow_down(number: int) -> None:
        if number == 1:
            town.messages.failure, town.messages.retry_after = (429, {}), seconds

    feed = follow(await source("messages", messages_page_size=2, pause=pause), harbour.biz)
    town.messages.between_pages = slow_down
    return feed, waits


async def test_a_short_wait_that_the_service_asks_for_does_not_end_a_walk(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    feed, waits = await _waits(town, source, follow, clock, "2", over=2)
    assert len((await feed.poll()).posts) == 5
    assert waits == [2.0, 2.0]


@pytest.mark.parametrize(("seconds", "waited"), [("6", 0), ("1", 3), ("soon", 0)])
async def test_a_long_wait_or_one_without_end_does(
    town: Town, source: Making, follow: Follow, clock: MovableClock, seconds: str, waited: int
) -> None:
    feed, waits = await _waits(town, source, follow, clock, seconds, over=9)
    with pytest.raises(FeedThrottled):
        await feed.poll()
    assert len(waits) == waited


@pytest.mark.parametrize("says_more", [True, False])
async def test_a_service_that_knows_no_pages_is_not_asked_for_ever(
    town: Town, source: Making, follow: Follow, clock: MovableClock, says_more: bool
) -> None:
    town.messages.ignores_page, town.messages.says_more = True, says_more
    harbour = town.account(articles=10)
    feed = follow(await source("messages", messages_page_size=10), harbour.biz)
    await feed.poll()
    town.messages.asked.clear()
    await feed.poll(after=HOUR)
    assert len(town.messages.asked) <= 5


async def test_an_account_that_has_been_silent_for_long_is_found_and_has_its_history(
    town: Town, source: Making, clock: MovableClock
) -> None:
    harbour, other = town.account(articles=3), town.account("别的")
    clock.advance(days=200)
    for _ in range(60):
        town.publish(other, at=clock())
    found = await (await source("messages", messages_page_size=20)).resolve("港口新闻", clock())
    assert (found.key, len(found.page.posts)) == (harbour.biz, 3)


async def test_a_recalled_message_is_withdrawn_and_never_announced(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages"), harbour.biz)
    await feed.poll()
    storm = town.publish(harbour, "Storm", at=clock())
    key = next(post.key for post in (await feed.poll()).posts if post.title == "Storm")
    never_seen = town.publish(harbour, "Never seen", at=clock())
    storm.recalled = never_seen.recalled = True
    page = await feed.poll()
    assert list(page.withdrawn) == [key]
    assert feed.delivered == ["Storm"]


async def test_other_names_of_fields_can_be_set(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    row = {"uuid": "1", "headline": "Storm", "where": {"who": harbour.biz}, "body": "Wind", "when": 1772366400}
    town.messages.failure = (200, {"result": {"rows": [row]}})
    fields = "list=result.rows,id=uuid,title=headline,account.id=where.who,content=body,published=when"
    page = await (await source("messages", messages_fields=fields)).poll(harbour.biz, {}, clock())
    assert [(post.title, post.content, post.is_html) for post in page.posts] == [("Storm", "Wind", False)]
    assert page.posts[0].published is not None
