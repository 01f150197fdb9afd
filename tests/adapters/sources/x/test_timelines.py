"""From an account's timeline to posts: nothing is missed, whatever the pages look like (sources-x.md 4 and 5)."""

import asyncio
from typing import Any

import pytest

from adapters.base import FeedNotFound, FeedUnavailable
from adapters.http import Outbound
from adapters.sources.x import X
from tests.adapters.sources.x.parts import Follower, texts
from tests.clock import MovableClock
from tests.fakes.x import Answer, FakeX

BAD_TOKEN = Answer(400, b'{"title":"Invalid Request","type":"https://api.twitter.com/2/problems/invalid-request"}')


@pytest.fixture
async def nasa(source: X, clock: MovableClock) -> Follower:
    return await Follower(source, clock).follow("@nasa")


async def test_an_account_is_found_and_its_next_post_arrives(x: FakeX, source: X, clock: MovableClock) -> None:
    x.post("NASA", "before")
    found = await source.resolve("https://x.com/nasa/status/20?s=20", clock())
    assert found.key == str(x.user("NASA").id)
    assert found.page.info is not None
    assert (found.page.info.name, found.page.info.title) == ("NASA", "National Aeronautics")
    assert found.page.info.image == "https://pbs.example/NASA_400x400.jpg"
    assert found.page.info.home == "https://x.com/NASA"
    clock.advance(seconds=5)
    tweet = x.post("NASA", "after")
    page = await source.poll(found.key, found.page.cursor, clock())
    assert texts(page) == ["after"]
    assert page.posts[0].url == f"https://x.com/NASA/status/{tweet.id}"
    assert page.posts[0].published == clock()
    assert (page.posts[0].author, page.posts[0].title, page.posts[0].kind) == ("National Aeronautics @NASA", "", "")
    assert page.via == "api"
    assert page.reads == 1


async def test_names_that_are_asked_for_together_go_in_one_request(x: FakeX, source: X, clock: MovableClock) -> None:
    names = [f"user{number}" for number in range(30)]
    for name in names:
        x.user(name)
    found = await asyncio.gather(*(source.resolve(name, clock()) for name in [*names, "USER3", "@user3"]))
    assert x.requests["users"] == 1
    assert [one.page.info.name for one in found if one.page.info][:30] == names
    assert found[30].key == found[31].key == found[3].key


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("@nobody", "there is no @nobody on X"),
        ("@banned", "X has suspended @banned"),
        ("@shy", "protected"),
        ("not a name", "up to 15 letters"),
        ("much_too_long_for_a_name", "up to 15 letters"),
        ("https://x.com/i/web/status/1234567", "names no account"),
    ],
)
async def test_who_cannot_be_followed_is_told_apart(
    x: FakeX, source: X, clock: MovableClock, name: str, reason: str
) -> None:
    x.user("banned", suspended=True)
    x.user("shy", protected=True)
    with pytest.raises(FeedNotFound, match=reason):
        await source.resolve(name, clock())


async def test_one_that_is_missing_does_not_cost_the_others(x: FakeX, source: X, clock: MovableClock) -> None:
    missing, there = await asyncio.gather(
        source.resolve("nobody", clock()), source.resolve("nasa", clock()), return_exceptions=True
    )
    assert isinstance(missing, FeedNotFound)
    assert not isinstance(there, BaseException)


async def test_a_first_visit_without_a_cursor_reads_five_posts_and_goes_on_from_there(
    x: FakeX, source: X, clock: MovableClock
) -> None:
    for number in range(9):
        x.post("NASA", f"old {number}")
    key = str(x.user("NASA").id)
    page = await source.poll_kinds(key, {}, clock(), frozenset())
    assert texts(page) == [f"old {number}" for number in range(4, 9)]
    assert page.info is not None
    assert page.info.name == "NASA"
    assert "max_results=5" in x.asked[-1]
    x.post("NASA", "new")
    assert texts(await source.poll_kinds(key, page.cursor, clock(), frozenset())) == ["new"]


async def test_an_account_without_posts_has_nothing_to_go_on_from_but_the_time(
    x: FakeX, source: X, clock: MovableClock
) -> None:
    key = str(x.user("NASA").id)
    page = await source.poll_kinds(key, {}, clock(), frozenset())
    assert not page.posts
    clock.advance(hours=1)
    x.post("NASA", "the first")
    assert texts(await source.poll_kinds(key, page.cursor, clock(), frozenset())) == ["the first"]


async def test_a_poll_without_news_changes_nothing(x: FakeX, nasa: Follower) -> None:
    x.post("NASA", "one")
    assert await nasa.poll() == ["one"]
    before = nasa.cursor
    assert await nasa.poll() == []
    assert nasa.cursor is before


async def test_a_walk_over_many_pages_keeps_its_place_and_loses_nothing(x: FakeX, nasa: Follower) -> None:
    for number in range(250):
        x.post("NASA", f"{number}")
    assert await nasa.poll() == [f"{number}" for number in range(250)]
    walked = [one for one in x.asked if "/tweets" in one]
    since = {one.split("since_id=")[1].split("&")[0] for one in walked}
    assert (len(walked), len(since)) == (3, 1)


async def test_a_walk_that_is_too_long_goes_on_at_the_next_poll(x: FakeX, nasa: Follower) -> None:
    for number in range(420):
        x.post("NASA", f"{number}")
    first = await nasa.poll()
    x.post("NASA", "meanwhile")
    second = await nasa.poll()
    assert first == [f"{number}" for number in range(120, 420)]
    assert second == [f"{number}" for number in range(120)]
    assert await nasa.poll() == ["meanwhile"]


async def test_a_token_that_is_no_longer_known_starts_the_walk_again(x: FakeX, nasa: Follower) -> None:
    x.post("NASA", "one")
    nasa.cursor = {**nasa.cursor, "t": "FORGED"}
    x.fail("timeline", BAD_TOKEN)
    assert await nasa.poll() == ["one"]


async def test_pages_that_were_emptied_by_a_filter_do_not_end_the_walk(
    x: FakeX, source: X, clock: MovableClock
) -> None:
    nasa = await Follower(source, clock).follow("nasa")
    x.post("NASA", "below all of it")
    other = x.post("esa", "a post of others")
    for _ in range(210):
        x.post("NASA", repost=other)
    assert await nasa.poll() == ["below all of it"]


async def test_replies_are_not_excluded_so_that_the_timeline_reaches_far(x: FakeX, nasa: Follower) -> None:
    await nasa.poll()
    assert "exclude=retweets" in x.asked[-1]
    assert "replies" not in x.asked[-1].split("exclude=")[1].split("&")[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"suspended": True}, "suspended"), ({"protected": True}, "protected"), ({"gone": True}, "no longer on X")],
)
async def test_what_became_of_an_account_is_told(x: FakeX, nasa: Follower, change: dict[str, Any], reason: str) -> None:
    x.user("NASA", **change)
    with pytest.raises(FeedUnavailable, match=reason):
        await nasa.poll()


async def test_an_edited_post_is_the_same_post(x: FakeX, nasa: Follower) -> None:
    tweet = x.post("NASA", "teh launch")
    await nasa.poll()
    x.edit(tweet, "the launch")
    assert await nasa.poll() == ["the launch"]
    first, second = nasa.seen
    assert first.key == second.key
    assert first.link_key == second.link_key


async def test_reposts_and_replies_come_to_those_who_ask(x: FakeX, source: X, clock: MovableClock) -> None:
    everything = await Follower(source, clock, frozenset(("repost", "reply"))).follow("nasa")
    ordinary = await Follower(source, clock).follow("nasa")
    other = x.post("esa", "a comet")
    own = x.post("NASA", "first of a thread")
    x.post("NASA", "second", reply_to=own)
    x.post("NASA", "@esa well done", reply_to=other)
    x.post("NASA", repost=other)
    assert await everything.poll() == ["first of a thread", "second", "@esa well done", "RT @esa: a comet"]
    assert [post.kind for post in everything.seen] == ["", "", "reply", "repost"]
    assert await ordinary.poll_now() == ["first of a thread", "second"]


async def test_without_threads_replies_are_neither_read_nor_paid(
    x: FakeX, outbound: Outbound, clock: MovableClock
) -> None:
    source = X(outbound, x.config(threads=False))
    nasa = await Follower(source, clock).follow("nasa")
    own = x.post("NASA", "first of a thread")
    x.post("NASA", "second", reply_to=own)
    assert await nasa.poll() == ["first of a thread"]
    assert nasa.reads == 1
    await source.close()


async def test_a_post_is_paid_once_a_day(x: FakeX, source: X, clock: MovableClock) -> None:
    key = str(x.user("NASA").id)
    x.post("NASA", "one", quote=x.post("esa", "a comet"))
    first = await source.poll(key, {}, clock())
    again = await source.poll(key, {}, clock())
    assert (first.reads, again.reads) == (4, 0)  # two posts and their two authors
    clock.advance(days=1)
    assert (await source.poll(key, {}, clock())).reads == 4


async def test_both_vocabularies_are_understood(x: FakeX, nasa: Follower) -> None:
    x.rules.new_names = True
    quoted = x.post("esa", "a comet")
    tweet = x.post("NASA", "short", quote=quoted, long_text="long " * 100)
    await nasa.poll()
    x.edit(tweet, "short")
    assert (await nasa.poll())[0].startswith("long long")
    assert nasa.seen[0].content.endswith("> @esa: a comet")
    assert nasa.seen[0].key == nasa.seen[1].key


async def test_the_new_vocabulary_can_be_asked_for(x: FakeX, outbound: Outbound, clock: MovableClock) -> None:
    source = X(outbound, x.config(post_fields="post.fields"))
    nasa = await Follower(source, clock).follow("nasa")
    x.post("NASA", "one", quote=x.post("esa", "a comet"))
    assert await nasa.poll() == ["one\n\n> @esa: a comet"]
    assert "post.fields=" in x.asked[-1]
    await source.close()
