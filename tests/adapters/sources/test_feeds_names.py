"""Finding a feed by what people paste, over the page that names it."""

import pytest

from adapters.base import (
    FeedFailed,
    FeedGone,
    FeedNotFound,
    FeedThrottled,
    SourceError,
)
from adapters.sources.feeds import Feeds, spelled_out
from tests.adapters.sources.visits import NOW, stored, titles
from tests.fakes.publisher import Publisher


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("example.org/feed", "https://example.org/feed"),
        ("  https://example.org/  ", "https://example.org/"),
        ("<https://example.org/a>", "https://example.org/a"),
        ("http://example.org/a", "http://example.org/a"),
        ("feed://example.org/a.xml", "https://example.org/a.xml"),
        ("feed:https://example.org/a.xml", "https://example.org/a.xml"),
        ("Feed:http://example.org/a.xml", "http://example.org/a.xml"),
    ],
)
def test_what_people_paste_is_spelled_out(pasted: str, url: str) -> None:
    assert spelled_out(pasted) == url


@pytest.mark.parametrize(
    "pasted", ["", "nasa", "@nasa", "two words.example", "ftp://example.org/a", "javascript:alert(1)", "https://"]
)
async def test_what_is_no_address_is_not_found(feeds: Feeds, pasted: str) -> None:
    with pytest.raises(FeedNotFound, match="not a web address"):
        await feeds.resolve(pasted, NOW)


async def test_a_pasted_feed_is_found_with_its_first_page(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=2)
    found = await feeds.resolve(f" HTTP{feed.url[4:]}#latest ", NOW)
    assert found.key == feed.url
    assert titles(found.page) == ["Post 1", "Post 2"]
    cursor = stored(found.page.cursor)
    assert (await feeds.poll(found.key, cursor, NOW)).cursor is cursor


@pytest.mark.parametrize(("status", "key"), [(301, "/new"), (302, "/old")])
async def test_a_pasted_address_that_has_moved_is_followed_at_its_new_place(
    feeds: Feeds, publisher: Publisher, status: int, key: str
) -> None:
    publisher.feed("/new", posts=1)
    found = await feeds.resolve(publisher.redirect("/old", "/new", status), NOW)
    assert found.key == publisher.url + key
    cursor = stored(found.page.cursor)
    assert (await feeds.poll(found.key, cursor, NOW)).cursor is cursor


def page_naming(*hrefs: str) -> str:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{href}">' for href in hrefs)
    return f"<!doctype html><html><head><title>Blog</title>{links}</head><body>Hello</body></html>"


async def test_a_page_with_one_feed_leads_to_it(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/feed", posts=1)
    found = await feeds.resolve(publisher.page("/blog/", page_naming("/feed")), NOW)
    assert found.key == feed.url
    assert titles(found.page) == ["Post 1"]


async def test_of_several_feeds_the_first_that_works_and_is_not_comments_is_taken(
    feeds: Feeds, publisher: Publisher
) -> None:
    publisher.feed("/comments/feed/", posts=1)
    publisher.page("/broken", "<!doctype html><p>no feed")
    publisher.feed("/good", posts=1)
    page = page_naming("/comments/feed/", "/broken", "/missing", "/good", "/good")
    found = await feeds.resolve(publisher.page("/", page), NOW)
    assert found.key == f"{publisher.url}/good"
    assert publisher.requests["/comments/feed/"] == 0


async def test_a_lone_comments_feed_is_what_was_meant(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/post/comments", posts=1)
    found = await feeds.resolve(publisher.page("/post", page_naming("/post/comments")), NOW)
    assert found.key == f"{publisher.url}/post/comments"


async def test_when_no_named_feed_works_they_are_listed(feeds: Feeds, publisher: Publisher) -> None:
    url = publisher.page("/", page_naming("/x", "/y", "javascript:alert(1)"))
    with pytest.raises(FeedNotFound) as caught:
        await feeds.resolve(url, NOW)
    assert caught.value.candidates == (f"{publisher.url}/x", f"{publisher.url}/y")


async def test_a_page_without_feeds_says_so(feeds: Feeds, publisher: Publisher) -> None:
    with pytest.raises(FeedNotFound, match="names none") as caught:
        await feeds.resolve(publisher.page("/", page_naming()), NOW)
    assert caught.value.candidates == ()


async def test_an_empty_answer_is_no_feed(feeds: Feeds, publisher: Publisher) -> None:
    with pytest.raises(FeedNotFound, match="nothing in it"):
        await feeds.resolve(publisher.page("/"), NOW)


@pytest.mark.parametrize(
    ("status", "error"), [(404, FeedFailed), (410, FeedGone), (429, FeedThrottled), (500, FeedFailed)]
)
async def test_what_cannot_be_read_now_says_why(
    feeds: Feeds, publisher: Publisher, status: int, error: type[SourceError]
) -> None:
    with pytest.raises(error, match=f"the server answered {status}"):
        await feeds.resolve(publisher.page("/", status=status), NOW)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://example.org/a", "https://example.org:443"),
        ("http://example.org/a", "http://example.org:80"),
        ("https://example.org:8443/a", "https://example.org:8443"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]:80"),
    ],
)
def test_the_host_of_a_feed(feeds: Feeds, key: str, host: str) -> None:
    assert feeds.host(key) == host
