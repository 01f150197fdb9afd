"""X by feeds that others make of it: the same posts under the same keys (sources-x.md 16)."""

from collections.abc import AsyncIterator

import pytest

from adapters.base import FeedFailed, FeedNotFound, FeedThrottled
from adapters.http import Outbound
from adapters.sources.x import X
from tests.adapters.sources.x.parts import Follower, texts
from tests.clock import MovableClock
from tests.fakes.publisher import Answer as Instead
from tests.fakes.publisher import Publisher
from tests.fakes.x import FakeX
from tests.fakes.x.tricks import NO_CREDITS, Answer

OLD, NEW = "1797123456789000000", "2034419579089846272"


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


def bridge(publisher: Publisher) -> str:
    return f"{publisher.url}/{{username}}/rss"


def bridged(outbound: Outbound, publisher: Publisher) -> X:
    return X(outbound, X.Config(bridge_url=bridge(publisher)))


@pytest.mark.parametrize(
    ("guid", "link", "title", "kind", "url"),
    [
        (f"https://twitter.com/nasa/status/{OLD}", f"https://x.com/nasa/status/{OLD}", "a rocket", "", f"https://x.com/nasa/status/{OLD}"),
        (NEW, f"https://nitter.example/NASA/status/{NEW}#m", "a rocket", "", f"https://x.com/NASA/status/{NEW}"),
        (f"https://nitter.example/nasa/status/{OLD}#m", "", "Pinned: a rocket", "", f"https://x.com/nasa/status/{OLD}"),
        (NEW, f"https://nitter.example/esa/status/{NEW}#m", "RT by @nasa: a comet", "repost", f"https://x.com/esa/status/{NEW}"),
        (NEW, f"https://x.com/esa/status/{NEW}", "a comet", "repost", f"https://x.com/esa/status/{NEW}"),
        (NEW, f"https://nitter.example/nasa/status/{NEW}#m", "R to @esa: well done", "reply", f"https://x.com/nasa/status/{NEW}"),
        (NEW, f"https://nitter.example/nasa/status/{NEW}#m", "R to @nasa: second", "", f"https://x.com/nasa/status/{NEW}"),
        (f"https://twitter.com/nasa/statuses/{OLD}", f"https://x.com/i/status/{OLD}", "x", "", f"https://x.com/i/status/{OLD}"),
    ],
)  # fmt: skip
async def test_each_bridge_has_its_own_way_to_name_the_same_post(
    publisher: Publisher, outbound: Outbound, clock: MovableClock, guid: str, link: str, title: str, kind: str, url: str
) -> None:
    feed = publisher.feed("/nasa/rss")
    feed.publish(title, id=guid, url=link or guid, html="<p>the text</p>")
    source = bridged(outbound, publisher)
    page = await source.poll("@nasa", {}, clock())
    assert [(one.kind, one.url, one.title, one.content) for one in page.posts] == [(kind, url, "", "<p>the text</p>")]
    assert page.via == "127.0.0.1"
    assert page.reads == 0
    assert (page.posts[0].link_key is None) is (kind == "repost")
    await source.close()


async def test_an_account_is_found_by_a_bridge_alone(
    publisher: Publisher, outbound: Outbound, clock: MovableClock
) -> None:
    feed = publisher.feed("/NASA/rss", title="NASA / @NASA")
    feed.publish("old", id=OLD, url=f"https://x.com/NASA/status/{OLD}")
    source = bridged(outbound, publisher)
    found = await source.resolve("https://x.com/NASA", clock())
    assert found.key == "@nasa"
    assert found.page.info is not None
    assert (found.page.info.title, found.page.info.name) == ("NASA / @NASA", "NASA")
    with pytest.raises(FeedNotFound, match="no @nobody"):
        await source.resolve("@nobody", clock())
    await source.close()


async def test_a_feed_with_nothing_new_is_not_read_again(
    publisher: Publisher, outbound: Outbound, clock: MovableClock
) -> None:
    feed = publisher.feed("/nasa/rss")
    feed.publish("old", id=OLD, url=f"https://x.com/nasa/status/{OLD}")
    nasa = Follower(bridged(outbound, publisher), clock)
    await nasa.follow("nasa")
    before = nasa.cursor
    assert await nasa.poll() == []
    assert nasa.cursor is before
    assert publisher.conditional["/nasa/rss"] == 1
    feed.publish("new", id=NEW, url=f"https://x.com/nasa/status/{NEW}", html="<p>new</p>")
    assert (await nasa.poll())[-1] == "<p>new</p>"


async def test_a_pinned_post_at_the_top_does_not_come_last(
    publisher: Publisher, outbound: Outbound, clock: MovableClock
) -> None:
    feed = publisher.feed("/nasa/rss")
    feed.publish("new", id=NEW, url=f"https://x.com/nasa/status/{NEW}", html="new")
    feed.publish("Pinned: old", id=OLD, url=f"https://x.com/nasa/status/{OLD}", html="old")
    source = bridged(outbound, publisher)
    assert texts(await source.poll("@nasa", {}, clock())) == ["old", "new"]


async def test_errors_among_the_items_are_no_posts(
    publisher: Publisher, outbound: Outbound, clock: MovableClock
) -> None:
    feed = publisher.feed("/nasa/rss")
    feed.publish("Bridge returned error 500 (20260302)", id="2026-03-02", url=f"{publisher.url}/?action=display")
    source = bridged(outbound, publisher)
    with pytest.raises(FeedFailed, match="Bridge returned error 500"):
        await source.poll("@nasa", {}, clock())
    feed.publish("a rocket", id=NEW, url=f"https://x.com/nasa/status/{NEW}", html="a rocket")
    assert texts(await source.poll("@nasa", {}, clock())) == ["a rocket"]


async def test_an_empty_document_says_nothing(publisher: Publisher, outbound: Outbound, clock: MovableClock) -> None:
    publisher.feed("/nasa/rss")
    page = await bridged(outbound, publisher).poll("@nasa", {}, clock())
    assert (list(page.posts), page.complete) == ([], False)


@pytest.mark.parametrize("status", [404, 410, 403, 503])
async def test_a_bridge_that_refuses_is_a_failure_and_no_word_about_the_account(
    publisher: Publisher, outbound: Outbound, clock: MovableClock, status: int
) -> None:
    publisher.feed("/nasa/rss").always = Instead(status=status)
    with pytest.raises(FeedFailed):
        await bridged(outbound, publisher).poll("@nasa", {}, clock())


# --- The API first, then bridges ---


@pytest.fixture
async def both(x: FakeX, publisher: Publisher, outbound: Outbound) -> AsyncIterator[X]:
    source = X(outbound, x.config(bridge_url=bridge(publisher)))
    yield source
    await source.close()


async def test_changing_ways_delivers_nothing_twice_and_loses_nothing(
    x: FakeX, publisher: Publisher, both: X, clock: MovableClock
) -> None:
    feed = publisher.feed("/NASA/rss")
    nasa = await Follower(both, clock).follow("nasa")

    def bridged_too(text: str) -> None:
        tweet = x.post("NASA", text)
        feed.publish(text, id=str(tweet.id), url=f"https://x.com/NASA/status/{tweet.id}", html=text, at=clock())
        clock.advance(seconds=1)

    bridged_too("by the api")
    assert await nasa.poll() == ["by the api"]
    x.always("timeline", NO_CREDITS)
    bridged_too("by the bridge")
    assert await nasa.poll() == ["by the bridge"]
    assert x.requests["timeline"] == 2
    assert await nasa.poll() == []
    assert x.requests["timeline"] == 2  # no money: not asked again and again
    x.always("timeline", None)
    x.post("NASA", "missed by the bridge")
    clock.advance(hours=1)
    again = await nasa.poll()
    assert "missed by the bridge" in again
    keys = {one.content: one.key for one in nasa.seen}
    assert len({one.key for one in nasa.seen}) == len(keys) == 3
    assert await nasa.poll() == []


async def test_a_bridge_helps_when_x_asks_to_wait(x: FakeX, publisher: Publisher, both: X, clock: MovableClock) -> None:
    nasa = await Follower(both, clock).follow("nasa")
    feed = publisher.feed("/NASA/rss")
    feed.publish("a rocket", id="2100000000000000000", url="https://x.com/NASA/status/2100000000000000000", html="r")
    x.always("timeline", Answer(429, b"{}"))
    assert await nasa.poll() == ["r"]


async def test_when_no_way_is_left_the_best_ones_error_is_told(
    x: FakeX, publisher: Publisher, both: X, clock: MovableClock
) -> None:
    nasa = await Follower(both, clock).follow("nasa")
    x.always("timeline", Answer(429, b"{}"))
    with pytest.raises(FeedThrottled, match="X asks to wait"):
        await nasa.poll()


async def test_who_was_found_by_a_bridge_goes_on_by_number_when_the_api_is_back(
    x: FakeX, publisher: Publisher, both: X, clock: MovableClock
) -> None:
    x.always("users", NO_CREDITS)
    feed = publisher.feed("/nasa/rss")
    tweet = x.post("NASA", "a rocket")
    feed.publish("a rocket", id=str(tweet.id), url=f"https://x.com/NASA/status/{tweet.id}")
    nasa = await Follower(both, clock).follow("nasa")
    assert nasa.key == "@nasa"
    x.always("users", None)
    clock.advance(hours=1)
    x.post("NASA", "a probe")
    assert "a probe" in await nasa.poll()
    assert nasa.key == str(x.user("NASA").id)
    x.post("NASA", "a comet")
    assert await nasa.poll() == ["a comet"]
