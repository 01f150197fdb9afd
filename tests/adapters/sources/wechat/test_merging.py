"""Several providers for one account: gaps filled, nothing twice, nothing lost when one of them dies."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.base import FeedFailed, FeedThrottled, SourceSuspended
from adapters.sources.wechat import WeChat
from tests.adapters.sources.wechat.conftest import Follower, Making
from tests.clock import MovableClock
from tests.fakes.wechat import Town

Follow = Callable[[WeChat, str], Follower]
DAY = timedelta(days=1)
DOWN = (503, "<html>down</html>")


@pytest.mark.parametrize("second", ["we-mp-rss", "wechat2rss", "rsshub", "messages"])
@pytest.mark.parametrize("late", [False, True])
async def test_what_two_have_under_different_addresses_comes_once(
    town: Town, source: Making, follow: Follow, clock: MovableClock, second: str, late: bool
) -> None:
    town.rsshub.form = "temporary"
    harbour = town.account(articles=5)
    feed = follow(await source("wewe-rss", second), harbour.biz)
    page = await feed.poll()
    assert [post.title for post in page.posts] == [f"文章 {n}" for n in range(1, 6)]
    assert page.via == f"wewe-rss, {second}"
    storm = town.publish(harbour, "Storm", at=clock())
    if late:
        for shelf in (town.we_mp, town.wechat2rss, town.rsshub):
            shelf.hidden.add(storm)
        storm.collected = clock() + timedelta(hours=3)
    await feed.poll()
    for shelf in town.shelves:
        shelf.hidden.clear()
    for _ in range(4):
        await feed.poll(after=timedelta(hours=1))
    assert feed.delivered == ["Storm"]


async def test_they_fill_each_others_gaps_in_any_order(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=2)
    feed = follow(await source("wewe-rss", "we-mp-rss"), harbour.biz)
    await feed.poll()
    for number in range(9):
        article = town.publish(harbour, f"News {number}", at=clock())
        (town.wewe, town.we_mp)[number % 2].hidden.add(article)
        await feed.poll()
    assert feed.delivered == [f"News {number}" for number in range(9)]
    for shelf in town.shelves:
        shelf.hidden.clear()
        await feed.poll()
    assert len(feed.delivered) == 9


async def test_one_that_is_down_is_replaced_and_brings_nothing_again_when_it_is_back(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=3)
    feed = follow(await source("wewe-rss", "we-mp-rss"), harbour.biz)
    town.we_mp.trouble = DOWN
    await feed.poll()
    town.wewe.trouble, town.we_mp.trouble = DOWN, None
    town.publish(harbour, "Storm", at=clock())
    page = await feed.poll()
    assert page.via == "we-mp-rss"
    assert feed.delivered == ["Storm"]
    town.wewe.trouble = None
    await feed.poll()
    assert feed.delivered == ["Storm"]


async def test_when_all_are_down_the_error_names_each(town: Town, source: Making, clock: MovableClock) -> None:
    harbour = town.account(articles=1)
    town.wewe.trouble, town.messages.failure = DOWN, (401, {})
    with pytest.raises(FeedFailed, match=r"wewe-rss: .*503.*; messages: .*make a new one"):
        await (await source("wewe-rss", "messages")).poll(harbour.biz, {}, clock())
    town.messages.failure = (429, {})
    with pytest.raises(FeedFailed):
        await (await source("wewe-rss", "messages")).poll(harbour.biz, {}, clock())
    with pytest.raises(FeedThrottled):
        await (await source("messages")).poll(harbour.biz, {}, clock())
    town.messages.failure = (401, {})
    with pytest.raises(SourceSuspended):
        await (await source("messages")).poll(harbour.biz, {}, clock())


async def test_a_provider_that_is_added_later_does_not_bring_the_past(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    clock.advance(days=3)
    harbour = town.account(articles=30)
    town.wewe.keep = 3
    feed = follow(await source("wewe-rss"), harbour.biz)
    await feed.poll()
    missed = town.publish(harbour, "Missed by the first", at=clock() + timedelta(minutes=10))
    town.wewe.hidden.add(missed)
    feed._source = await source("wewe-rss", "wechat2rss")
    await feed.poll(after=timedelta(hours=1))
    assert feed.delivered == ["Missed by the first"]
    town.wewe.keep = 20
    await feed.poll(after=timedelta(hours=1))  # and what it held back is not brought by the first one either
    assert feed.delivered == ["Missed by the first"]


async def test_titles_that_recur_are_articles_of_their_own(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("wewe-rss", "we-mp-rss"), harbour.biz)
    await feed.poll()
    for _ in range(5):
        town.publish(harbour, "Good morning", at=clock())
        await feed.poll(after=DAY)
    town.publish(harbour, "Twice in a burst", at=clock(), idx=1)
    town.publish(harbour, "Twice in a burst", at=clock(), idx=2)
    await feed.poll()
    assert feed.delivered == ["Good morning"] * 5 + ["Twice in a burst"] * 2
    town.publish(harbour, "Retracted", at=clock())
    await feed.poll()
    town.publish(harbour, "Retracted", at=clock() + timedelta(minutes=3))  # taken back, and published again
    await feed.poll(after=timedelta(minutes=4))
    assert feed.delivered[-2:] == ["Retracted"] * 2


async def test_short_names_differ_by_case(town: Town, source: Making, follow: Follow, clock: MovableClock) -> None:
    harbour = town.account(articles=2)
    feed = follow(await source("wewe-rss"), harbour.biz)
    await feed.poll()
    one, two = town.publish(harbour, at=clock()), town.publish(harbour, at=clock())
    three = town.publish(harbour, at=clock())
    assert {one.short.lower(), two.short.lower(), three.short.lower()} != {one.short, two.short, three.short}
    await feed.poll()
    assert len(feed.delivered) == 3


async def test_what_its_first_provider_said_is_not_replaced_by_anothers_words(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("we-mp-rss", "wewe-rss"), harbour.biz)
    await feed.poll()
    storm = town.publish(harbour, "Storm", at=clock(), html="<p>Wind</p>")
    for _ in range(3):
        page = await feed.poll()
        assert [post.content for post in page.posts if post.title == "Storm"] in ([], ["<p>Wind</p>"])
    storm.html = "<p>Wind, and rain</p>"
    page = await feed.poll()
    assert [post.content for post in page.posts if post.title == "Storm"] == ["<p>Wind, and rain</p>"]


async def test_posts_that_were_not_all_taken_keep_their_identity(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    """The core took half of a page; then the provider whose address was the key is down."""
    harbour = town.account(articles=2)
    feed = follow(await source("wewe-rss", "we-mp-rss"), harbour.biz)
    await feed.poll()
    for number in range(6):
        town.publish(harbour, f"News {number}", at=clock())
    clock.advance(minutes=1)
    page = await feed._source.poll(harbour.biz, feed.cursor, clock())
    assert page.halfway is not None
    taken = [post for post in page.posts if post.title in ("News 0", "News 1", "News 2")]
    feed.known |= {post.key for post in taken}
    feed.delivered += [post.title for post in taken]
    feed.cursor = page.halfway
    town.wewe.trouble = DOWN
    await feed.poll()
    town.wewe.trouble = None
    await feed.poll()
    assert feed.delivered == [f"News {number}" for number in range(6)]


async def test_of_more_than_is_remembered_nothing_is_lost_though_it_is_taken_in_parts(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    feed = follow(await source("messages"), harbour.biz)
    await feed.poll()
    titles = [f"News {number}" for number in range(330)]
    for title in titles:
        clock.advance(seconds=1)
        town.publish(harbour, title, at=clock())
    asked = len(town.messages.asked)
    while len(feed.delivered) < len(titles):  # fifty at once, as the core takes them
        clock.advance(seconds=1)
        page = await feed._source.poll(harbour.biz, feed.cursor, clock())
        new = [post for post in page.posts if post.key not in feed.known][:50]
        assert new, f"{len(feed.delivered)} came"
        feed.known |= {post.key for post in new}
        feed.delivered += [post.title for post in new]
        assert page.halfway is not None
        feed.cursor = page.halfway
    assert len(town.messages.asked) == asked + 7  # one walk for all parts
    await feed.poll()
    assert feed.delivered == titles
    assert len(feed.cursor["a"]) == 200


async def test_nothing_new_changes_nothing(town: Town, source: Making, follow: Follow, clock: MovableClock) -> None:
    harbour = town.account(articles=2)
    town.wechat2rss.form = "short"
    feed = follow(await source("messages"), harbour.biz)
    await feed.poll()
    page = await feed.poll()
    assert page.info is None
    assert page.cursor == feed.cursor
    later = await feed.poll(after=timedelta(hours=2))
    assert later.cursor["p"]["messages"]["s"] > page.cursor["p"]["messages"]["s"]


async def test_what_is_remembered_stays_small_and_forgets_nothing_that_documents_show(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    harbour = town.account(articles=1)
    town.wewe.keep = town.we_mp.keep = 50
    feed = follow(await source("wewe-rss", "we-mp-rss"), harbour.biz)
    await feed.poll()
    for _ in range(6):
        for _ in range(45):
            town.publish(harbour, at=clock())
            clock.advance(minutes=1)
        await feed.poll()
    assert len(feed.delivered) == len(set(feed.delivered)) == 6 * 45
    assert len(feed.cursor["a"]) == 200
    town.wewe.keep = town.we_mp.keep = 271  # a document from before all that is remembered
    await feed.poll()
    assert len(feed.delivered) == 6 * 45
