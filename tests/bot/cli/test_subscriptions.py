"""Following feeds from the command line, over real sockets."""

from collections.abc import AsyncIterator

import pytest

from tests.bot.cli.shell import Shell
from tests.fakes.publisher import Publisher

HOOK = "https://example.org/hook"


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


@pytest.fixture
def ann(shell: Shell) -> Shell:
    shell("account", "add", "ann@example.org")
    shell("destination", "add", 1, "webhook", HOOK)
    return shell


async def test_it_says_what_was_recognised(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=3, title="Harbour news")
    feed.publish("Storm \x1b[31mwarning")
    said = (await ann.beside("subscribe", "ann@example.org", feed.url, 1)).out
    assert f"recognised: Harbour news – {feed.url}" in said
    assert "4 posts" in said
    assert "Storm" in said
    assert "\x1b" not in said
    assert "subscription 1: posts of feed 1" in said
    assert HOOK in said


async def test_programs_get_every_id(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=2, title="Harbour news")
    made = (await ann.beside("subscribe", 1, feed.url, 1, "--json")).json()
    assert made | {"newest_at": None} == {
        "id": 1, "account_id": 1, "feed_id": 1, "source": "feed", "key": feed.url, "title": "Harbour news",
        "destination_id": 1, "new": True, "latest_queued": False, "posts": 2, "newest_title": "Post 2",
        "newest_at": None,
    }  # fmt: skip
    listed = ann("subscriptions", "--json").json()
    assert [(one["id"], one["feed"], one["key"], one["address"]) for one in listed] == [
        (1, "Harbour news", feed.url, HOOK)
    ]
    assert "Harbour news" in ann("subscriptions", "--account", "ann@example.org").out


async def test_old_posts_stay_where_they_are_unless_the_latest_is_asked_for(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=3)
    await ann.beside("subscribe", 1, feed.url, 1)
    assert ann("deliveries", "--json").json() == []
    assert "on its way" in (await ann.beside("subscribe", 1, feed.url, 1, "--latest")).out
    (delivery,) = ann("deliveries", "--json").json()
    assert (delivery["state"], delivery["title"], delivery["attempts"]) == ("ready", "Post 3", [])


async def test_a_page_leads_to_its_feed(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=1)
    link = '<link rel="alternate" type="application/rss+xml" href="/a.xml">'
    page = publisher.page("/blog", f"<html><head>{link}</head></html>")
    assert (await ann.beside("subscribe", 1, page, 1, "--json")).json()["key"] == feed.url


async def test_a_known_feed_goes_by_its_id(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=1)
    await ann.beside("subscribe", 1, feed.url, 1)
    ann("destination", "add", 1, "webhook", f"{HOOK}/2")
    asked = publisher.requests["/a.xml"]
    made = (await ann.beside("subscribe", 1, 1, 2, "--json")).json()
    assert (made["feed_id"], made["new"], publisher.requests["/a.xml"]) == (1, True, asked)
    assert not (await ann.beside("subscribe", 1, 1, 2, "--json")).json()["new"]


async def test_candidates_are_named_when_it_is_no_feed(ann: Shell, publisher: Publisher) -> None:
    publisher.page("/broken.xml", "<p>nothing", status=404)
    link = '<link rel="alternate" type="application/rss+xml" href="/broken.xml">'
    page = publisher.page("/blog", f"<html><head>{link}</head></html>")
    said = (await ann.beside("subscribe", 1, page, 1, code=1)).complaint
    assert f"no feed at {page}" in said
    assert f"perhaps: {publisher.url}/broken.xml" in said


NOT_FOLLOWED = (  # account, feed, destination; exit code; what is said
    ((9, "{feed}", 1), 1, "no account '9'"),
    ((1, "{feed}", 9), 1, "no destination 9"),
    ((1, "{feed}", "one"), 2, "DESTINATION"),
    ((1, 77, 1), 1, "no feed 77"),
    ((1, "http://10.0.0.1/feed", 1), 1, "not allowed"),
    ((1, "not a feed", 1), 1, "no feed at not a feed"),
    ((1, "{feed}", 2), 1, "no destination 2"),  # somebody else's
)


async def test_what_cannot_be_followed_is_said_in_words(ann: Shell, publisher: Publisher) -> None:
    ann("account", "add", "bob@example.org")
    ann("destination", "add", 2, "webhook", HOOK)
    feed = publisher.feed("/a.xml", posts=1)
    for arguments, code, said in NOT_FOLLOWED:
        given = [str(one).format(feed=feed.url) for one in arguments]
        assert said in (await ann.beside("subscribe", *given, code=code)).complaint
    assert ann("feeds", "--json").json() == []


async def test_unsubscribing_ends_it_and_what_was_queued(ann: Shell, publisher: Publisher) -> None:
    feed = publisher.feed("/a.xml", posts=1)
    await ann.beside("subscribe", 1, feed.url, 1, "--latest")
    ann("unsubscribe", 1)
    assert ann("subscriptions", "--json").json() == []
    assert ann("deliveries", "--json").json()[0]["error"] == "the subscription has ended"
    assert ann("feeds", "--json").json()[0]["state"] == "paused"
    assert "no active subscription 1" in ann("unsubscribe", 1, code=1).complaint
