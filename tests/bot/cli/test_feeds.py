"""How feeds fare, and polling one from the command line."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.clock import utc_now
from bot.usecases import feeds
from storage.database import Database
from tests.bot.cli.shell import Shell
from tests.fakes.publisher import Answer, Feed, Publisher
from tests.world import add_feed

HOOK = "https://example.org/hook"


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def feed(shell: Shell, publisher: Publisher) -> Feed:
    """Followed by somebody, with two posts."""
    feed = publisher.feed("/a.xml", posts=2, title="Harbour news")
    shell("account", "add", "ann@example.org")
    shell("destination", "add", 1, "webhook", HOOK)
    await shell.beside("subscribe", 1, feed.url, 1)
    return feed


async def test_a_poll_shows_and_queues_what_is_new(shell: Shell, feed: Feed) -> None:
    feed.publish("Storm warning", html="<p>Wind</p>")
    feed.publish("Storm over", html="<p>Calm</p>")
    polled = (await shell.beside("poll", 1, "--json")).json()
    assert [(post["seq"], post["title"]) for post in polled["new"]] == [(4, "Storm over"), (3, "Storm warning")]
    assert (polled["feed_id"], polled["outcome"], polled["posts"]) == (1, "new", 4)
    assert polled["next_at"].endswith("Z")
    queued = shell("deliveries", "--state", "queued", "--json").json()
    assert [one["title"] for one in queued] == ["Storm over", "Storm warning"]
    assert shell("feeds", "--json").json()[0]["posts"] == 4


async def test_a_poll_that_brings_nothing_says_so(shell: Shell, feed: Feed) -> None:
    assert "has not changed" in (await shell.beside("poll", feed.url)).out
    feed.head = "<ttl>5</ttl>"
    feed.set_body(feed.current()[0] + b"<!-- another byte -->")
    assert "none of them new" in (await shell.beside("poll", feed.url)).out


async def test_a_feed_that_cannot_be_read_is_a_failure_with_a_reason(shell: Shell, feed: Feed) -> None:
    feed.always = Answer(status=503, body=b"down")
    ran = await shell.beside("poll", 1, "--json", code=1)
    assert ran.json()["outcome"] == "failed"
    assert "503" in ran.json()["reason"]
    (failing,) = shell("feeds", "--failing", "--json").json()
    assert (failing["failures"], failing["reason"]) == (1, ran.json()["reason"])
    assert "failing ×1" in shell("feeds").out
    feed.always = None
    await shell.beside("poll", 1)
    assert shell("feeds", "--failing", "--json").json() == []
    assert "No feed is in trouble" in shell("feeds", "--failing").out


async def test_a_poll_takes_the_feed_from_whoever_reads_it(shell: Shell, feed: Feed, stored: Database) -> None:
    late = stored.run(feeds.hurry, 1, timedelta(seconds=600))
    feed.publish("Storm warning")
    assert (await shell.beside("poll", 1, "--json")).json()["outcome"] == "new"
    assert late.token != stored.run(feeds.get, 1).lease_token


async def test_only_what_is_followed_is_polled(shell: Shell, publisher: Publisher) -> None:
    stranger = publisher.feed("/b.xml", posts=1)
    assert "nobody follows" in (await shell.beside("poll", stranger.url, code=1)).complaint
    assert "no feed 5" in (await shell.beside("poll", 5, code=1)).complaint


async def test_feeds_say_how_they_fare(shell: Shell, stored: Database) -> None:
    soon = utc_now() + timedelta(minutes=7, seconds=5)
    stored.run(add_feed, 1, title="Fine", due_at=soon, last_new_at=utc_now() - timedelta(hours=3))
    stored.run(add_feed, 2, title="Broken", failures=4, failing_since=utc_now(), reason="the server answered 500")
    stored.run(add_feed, 3, title="Over", state="gone", reason="the server answered 410")
    stored.run(add_feed, 4, title="Idle", state="paused")
    stored.run(add_feed, 5, title="Read now", lease_token="abc")
    listed = {one["id"]: one for one in shell("feeds", "--json").json()}
    assert listed[1]["next_at"] is not None
    assert listed[3]["next_at"] is None
    assert listed[5]["reading"]
    lines = {line.split()[0]: line for line in shell("feeds").out.splitlines() if line.strip()[:1].isdigit()}
    assert [word in lines["1"] for word in ("Fine", "ok", "in 7 min", "3 h ago")] == [True] * 4
    assert [word in lines["2"] for word in ("Broken", "failing ×4", "the server")] == [True] * 3
    assert "gone" in lines["3"]
    assert "paused" in lines["4"]
    assert [one["id"] for one in shell("feeds", "--failing", "--json").json()] in ([2, 3], [3, 2])


async def test_a_limit_is_kept_and_told(shell: Shell, stored: Database) -> None:
    for number in range(1, 4):
        stored.run(add_feed, number)
    assert [one["id"] for one in shell("feeds", "--limit", 2, "--json").json()] == [3, 2]
    assert "--limit shows more" in shell("feeds", "--limit", 2).out
    assert "--limit shows more" not in shell("feeds", "--limit", 4).out
