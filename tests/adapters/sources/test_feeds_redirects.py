"""Redirects of feeds: which are followed, and which in the end change the address."""

import pytest

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
)
from adapters.sources.feeds import Feeds, next_hop
from tests.adapters.sources.visits import DAY, HOUR, NOW, fault_of, stored, titles
from tests.fakes.publisher import Publisher, rss


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/feeds/b", "/feeds/b", "../feeds/b", "b", "{}/feeds/b#top"])
async def test_redirects_are_followed(feeds: Feeds, publisher: Publisher, status: int, location: str) -> None:
    publisher.feed("/feeds/b", posts=1)
    url = publisher.redirect("/feeds/a", location.format(publisher.url), status)
    page = await feeds.poll(url, {}, NOW)
    assert titles(page) == ["Post 1"]
    assert page.moved_to == ""


async def test_validators_go_only_where_they_came_from(feeds: Feeds, publisher: Publisher) -> None:
    async with Publisher() as other:
        other.feed("/b", posts=1)
        url = publisher.redirect("/a", f"{other.url}/b")
        cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
        assert (await feeds.poll(url, cursor, NOW)).cursor is cursor
        assert publisher.conditional["/a"] == 0
        assert other.conditional["/b"] == 1
        assert not {"Authorization", "Cookie", "Referer"} & other.last_headers["/b"].keys()

        publisher.feed("/c", posts=1)
        publisher.redirect("/a", "/c")
        await feeds.poll(url, cursor, NOW)
        assert publisher.conditional["/c"] == 0


async def test_the_same_document_elsewhere_brings_its_own_validators(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/b", posts=1, etag="weak")
    publisher.feed("/c", items=feed.items, body=rss(feed).encode(), etag="strong")
    url = publisher.redirect("/a", "/b")
    cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
    publisher.redirect("/a", "/c")
    page = await feeds.poll(url, cursor, NOW)
    assert page.info is None
    assert page.cursor["e"] == publisher.feeds["/c"].current()[1]
    again = stored(page.cursor)
    assert (await feeds.poll(url, again, NOW)).cursor is again
    assert publisher.conditional["/c"] == 1


@pytest.mark.parametrize(
    ("path", "location", "reason"),
    [
        ("/a", "/a", "in a circle"),
        ("/a", "/b", "in a circle"),
        ("/a", "", "no web address"),
        ("/a", "http://[::1", "no web address"),
        ("/a", "ftp://127.0.0.1/x", "no web address"),
        ("/a", "mailto:a@b.example", "no web address"),
        ("/a", "/1", "too often"),
    ],
)
async def test_redirects_that_lead_nowhere(
    feeds: Feeds, publisher: Publisher, path: str, location: str, reason: str
) -> None:
    publisher.redirect("/b", "/a")
    for number in range(1, 9):
        publisher.redirect(f"/{number}", f"/{number + 1}")
    failed = await fault_of(feeds, publisher.redirect(path, location))
    assert failed.fault is FeedFault.HTTP
    assert reason in str(failed)


async def test_five_redirects_are_still_followed(feeds: Feeds, publisher: Publisher) -> None:
    for number in range(5):
        publisher.redirect(f"/{number}", f"/{number + 1}")
    publisher.feed("/5", posts=1)
    assert titles(await feeds.poll(f"{publisher.url}/0", {}, NOW)) == ["Post 1"]


async def test_credentials_in_a_redirect_are_refused(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/b", posts=1)
    url = publisher.redirect("/a", publisher.url.replace("http://", "http://user:secret@") + "/b")
    assert (await fault_of(feeds, url)).fault in {FeedFault.HTTP, FeedFault.BLOCKED}
    assert publisher.requests["/b"] == 0


@pytest.mark.parametrize("location", ["", "mailto:a@b.example", "http://[", "//[]@/", "https://a.example:x/"])
def test_a_redirect_to_what_is_no_web_address_is_a_failure(location: str) -> None:
    with pytest.raises(FeedFailed, match="no web address"):
        next_hop("https://a.example/feed", location)


def test_a_redirect_never_gives_up_encryption() -> None:
    with pytest.raises(FeedFailed, match="from https to http"):
        next_hop("https://a.example/feed", "http://a.example/feed")
    assert next_hop("http://a.example/feed", "https://a.example/feed") == "https://a.example/feed"
    assert next_hop("https://a.example/x/feed", "//b.example/y?q=1#z") == "https://b.example/y?q=1"


async def test_a_feed_has_moved_after_three_polls_over_a_day(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/middle", 301)
    publisher.redirect("/middle", "/new", 308)
    cursor: Cursor = {}
    seen = []
    for passed in (0 * HOUR, 1 * HOUR, 2 * HOUR, 23 * HOUR, 24 * HOUR):
        page = await feeds.poll(url, cursor, NOW + passed)
        seen.append(page.moved_to)
        cursor = stored(page.cursor)
    assert seen == ["", "", "", "", f"{publisher.url}/new"]
    # Under the new key the cursor goes on: nothing is read again.
    page = await feeds.poll(f"{publisher.url}/new", cursor, NOW + DAY + HOUR)
    assert page.info is None
    assert page.moved_to == ""


async def test_once_the_count_is_full_redirects_cost_no_more_writes(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor: Cursor = {}
    for _ in range(3):
        cursor = stored((await feeds.poll(url, cursor, NOW)).cursor)
    assert (await feeds.poll(url, cursor, NOW + HOUR)).cursor is cursor


async def test_two_polls_are_no_move_even_after_days(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
    assert (await feeds.poll(url, cursor, NOW + 9 * DAY)).moved_to == ""


@pytest.mark.parametrize("change", ["another target", "a temporary hop", "no redirect"])
async def test_a_move_starts_over_when_redirects_change(feeds: Feeds, publisher: Publisher, change: str) -> None:
    publisher.feed("/new", posts=1)
    publisher.feed("/newer", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor: Cursor = {}
    for _ in range(3):
        cursor = stored((await feeds.poll(url, cursor, NOW)).cursor)
    match change:
        case "another target":
            publisher.redirect("/old", "/newer", 301)
        case "a temporary hop":
            publisher.redirect("/old", "/new", 302)
        case "no redirect":
            publisher.feed("/old", posts=1)
    cursor = stored((await feeds.poll(url, cursor, NOW + HOUR)).cursor)
    publisher.feeds.pop("/old", None)
    publisher.redirect("/old", "/new", 301)
    page = await feeds.poll(url, cursor, NOW + 2 * DAY)
    assert page.moved_to == ""
    assert page.cursor["r"][0] < 3


async def test_nothing_moves_to_a_page_that_is_no_feed(feeds: Feeds, publisher: Publisher) -> None:
    publisher.page("/login", "<!doctype html><title>Log in</title>")
    url = publisher.redirect("/old", "/login", 301)
    assert (await fault_of(feeds, url)).fault is FeedFault.NOT_A_FEED
