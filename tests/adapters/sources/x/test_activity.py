"""Posts and deletions at once, by the Activity API (sources-x.md 8)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.http import Outbound
from adapters.sources.x import X
from adapters.sources.x.activity import MOST_REMEMBERED, Activity
from adapters.sources.x.api import Api
from tests.adapters.sources.x.ears import Ear, listening
from tests.adapters.sources.x.parts import Follower
from tests.clock import MovableClock
from tests.fakes.x import FakeX
from tests.fakes.x.tricks import NO_CREDITS, NOT_ENROLLED, Answer


@pytest.fixture
async def ear(outbound: Outbound, x: FakeX) -> AsyncIterator[Ear]:
    async with listening(outbound, x, "activity") as ear:
        await ear.connected()
        yield ear


@pytest.mark.parametrize("new_names", [False, True])
async def test_a_post_is_heard_at_once_as_polling_would_read_it(
    x: FakeX, ear: Ear, outbound: Outbound, clock: MovableClock, *, new_names: bool
) -> None:
    x.rules.new_names = new_names
    comet = x.post("jaxa", "a comet")
    x.post("nasa", "look", quote=comet, urls=[{"url": "https://t.co/a", "expanded_url": "https://e.example/"}])
    await ear.until(lambda: bool(ear.posts))
    key, page = ear.pages[0]
    assert (key, page.via, page.complete, page.reads) == (ear.followed[0], "stream", False, 1)
    assert page.info is not None
    assert page.info.name == "NASA"
    polled = await X(outbound, x.config()).poll(key, {}, clock())
    assert list(polled.posts) == list(page.posts)


async def test_what_stream_and_poll_both_bring_has_one_key(x: FakeX, ear: Ear, source: X, clock: MovableClock) -> None:
    nasa = await Follower(source, clock).follow("nasa")
    x.post("nasa", "once")
    await ear.until(lambda: bool(ear.posts))
    assert await nasa.poll() == ["once"]
    assert {one.key for one in nasa.seen} == {one.key for one in ear.posts}


async def test_reposts_are_left_to_the_timeline(x: FakeX, ear: Ear) -> None:
    x.post("nasa", repost=x.post("jaxa", "a probe"))
    x.post("nasa", "an answer", reply_to=x.post("jaxa", "a question"))
    x.post("esa", "a post")
    await ear.until(lambda: len(ear.posts) == 2)
    assert sorted((one.content, one.kind) for one in ear.posts) == [("a post", ""), ("an answer", "reply")]
    assert sum(page.reads for _, page in ear.pages) == 3  # X bills what nobody asked for, too


async def test_without_threads_no_answers_are_heard(outbound: Outbound, x: FakeX) -> None:
    async with listening(outbound, x, "activity", threads=False) as ear:
        await ear.connected()
        first = x.post("nasa", "first")
        x.post("nasa", "second", reply_to=first)
        x.post("nasa", "third")
        await ear.until(lambda: "third" in ear.texts)
        assert ear.texts == ["first", "third"]


async def test_a_deleted_post_is_withdrawn(x: FakeX, ear: Ear) -> None:
    tweet = x.post("nasa", "a mistake")
    await ear.until(lambda: bool(ear.posts))
    x.delete(tweet)
    await ear.until(lambda: bool(ear.withdrawn))
    assert ear.withdrawn == [ear.posts[0].key]


async def test_an_event_that_is_repeated_is_told_once(x: FakeX, ear: Ear) -> None:
    x.activity.split, x.activity.twice = 7, True
    x.delete(x.post("nasa", "héllo 🚀🚀"))
    x.post("esa", "last")
    await ear.until(lambda: "last" in ear.texts)
    assert sorted(ear.texts) == ["héllo 🚀🚀", "last"]
    assert len(ear.withdrawn) == 1
    assert all(one["data"]["event_uuid"].startswith("-") for one in x.activity.sent)


async def test_repeats_are_remembered_within_bounds(outbound: Outbound, x: FakeX) -> None:
    activity = Activity(Api(outbound, x.config()), replies=True)

    def told(number: int) -> int:
        payload = {"id": "2034419579089846272", "text": "x"}
        event: dict[str, Any] = {"event_uuid": str(number), "event_type": "post.create", "filter": {"user_id": "1"}}
        [*rows] = activity.read(json.dumps({"data": event | {"payload": payload}}).encode()).rows
        assert all(tweet.author_id == "1" for tweet, _ in rows)
        return len(rows)

    assert [told(-1), told(-1)] == [1, 0]
    assert sum(told(number) for number in range(MOST_REMEMBERED)) == MOST_REMEMBERED
    assert told(-1) == 1


async def test_lines_that_make_no_sense_do_not_end_the_stream(x: FakeX, ear: Ear) -> None:
    event = '{"data":{"event_uuid":"%d","event_type":"%s","filter":%s,"payload":%s}}'
    nasa = json.dumps({"user_id": ear.followed[0]})
    lines = [
        "nonsense", "[1]", '{"data":{"event_uuid":1}}', '{"data":null}',
        event % (1, "post.create", "null", '{"id":"1"}'),
        event % (2, "post.create", nasa, '{"id":"x"}'),
        event % (3, "post.create", nasa, "[[]]"),
        event % (4, "post.delete", nasa, '{"id":"-5"}'),
        event % (5, "profile.update.handle", nasa, '{"id":"6","handle":"nasa2"}'),
    ]  # fmt: skip
    for line in lines:
        x.activity.connections[0].pieces.put_nowait(line.encode() + b"\r\n")
    x.post("nasa", "sense")
    await ear.until(lambda: bool(ear.posts))
    assert (ear.texts, ear.withdrawn, x.requests["activity"]) == (["sense"], [], 1)


# --- Whom X tells of ---


async def test_subscriptions_follow_who_is_followed_and_those_of_others_stay(x: FakeX, ear: Ear) -> None:
    assert x.activity.of("post.create") == x.activity.of("post.delete") == ear.followed
    others = x.activity.create({"event_type": "post.create", "filter": {"user_id": "1"}, "tag": "somebody else's"})
    gone, stays = ear.followed
    jaxa = str(x.user("jaxa").id)
    ear.followed[0] = jaxa
    ear.look.set()
    await ear.until(lambda: x.activity.of("post.create") == ["1", stays, jaxa])
    await ear.until(lambda: x.activity.of("post.delete") == [stays, jaxa])
    assert others["data"][0]["subscription_id"] in x.activity.subscriptions
    x.post("jaxa", "now followed")
    await ear.until(lambda: bool(ear.posts))
    listed = x.requests["subscriptions"]
    ear.look.set()
    await asyncio.sleep(0.02)
    assert x.requests["subscriptions"] == listed  # nothing has changed: nothing is asked
    assert gone not in x.activity.of("post.create")


async def test_subscriptions_that_are_there_are_found_in_pages_and_in_both_shapes(outbound: Outbound, x: FakeX) -> None:
    x.activity.page, x.activity.bare = 1, True
    for _ in range(2):
        async with listening(outbound, x, "activity") as ear:
            await ear.connected()
            assert len(x.activity.subscriptions) == 4
    assert x.requests["subscribe"] == 4


async def test_accounts_beyond_the_limit_are_left_to_polling(
    outbound: Outbound, x: FakeX, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sources.x.subscriptions.MOST", 1)
    x.rules.keep_alive_seconds = 0.01
    async with listening(outbound, x, "activity") as ear:
        await ear.connected()
        x.post("nasa", "heard")
        await ear.until(lambda: bool(ear.posts))
        assert x.activity.of("post.create") == ear.followed[:1]
        assert not ear.source.listening  # else those that are not told of would be polled seldom
        del ear.followed[1]
        ear.look.set()
        await ear.until(lambda: ear.source.listening)


async def test_where_the_app_may_have_no_more_those_that_are_there_are_heard(outbound: Outbound, x: FakeX) -> None:
    x.rules.most_subscriptions, x.rules.keep_alive_seconds = 1, 0.01
    async with listening(outbound, x, "activity") as ear:
        await ear.connected()
        assert not ear.source.listening
        x.rules.most_subscriptions = 4
        ear.look.set()
        await ear.until(lambda: ear.source.listening)
        assert x.activity.of("post.create") == x.activity.of("post.delete") == ear.followed


async def test_when_x_asks_to_wait_the_rest_is_asked_for_later(
    outbound: Outbound, x: FakeX, clock: MovableClock
) -> None:
    x.rules.limits["subscribe"] = 3
    async with listening(outbound, x, "activity") as ear:
        await ear.until(lambda: len(x.activity.subscriptions) == 3)
        ear.look.set()
        await ear.until(lambda: x.requests["subscriptions"] == 2)
        assert x.activity.of("post.create") == ear.followed  # new posts come first
        assert len(ear.stream.connections) == 1

        def all_are_there() -> bool:
            ear.look.set()
            return x.activity.of("post.delete") == ear.followed

        assert not all_are_there()
        clock.advance(seconds=910)
        await ear.until(all_are_there)


async def test_a_protected_account_does_not_keep_the_others_from_being_heard(outbound: Outbound, x: FakeX) -> None:
    x.user("esa", protected=True)
    x.rules.keep_alive_seconds = 0.01
    async with listening(outbound, x, "activity") as ear:
        await ear.until(lambda: ear.source.listening)
        x.post("nasa", "heard")
        await ear.until(lambda: bool(ear.posts))


# --- What goes wrong ---


async def test_a_cut_connection_is_made_anew_and_its_gap_is_searched(x: FakeX, ear: Ear) -> None:
    x.post("nasa", "heard")
    await ear.until(lambda: bool(ear.posts))
    x.activity.deaf = True
    x.post("esa", "in the gap")
    x.activity.subscriptions.clear()  # somebody deletes them meanwhile
    x.activity.hang_up()
    await ear.until(lambda: "in the gap" in ear.texts)
    x.activity.deaf = False
    x.post("esa", "heard again")
    await ear.until(lambda: "heard again" in ear.texts)
    assert x.requests["activity"] == 2


async def test_x_may_say_why_it_hangs_up_and_is_called_again(x: FakeX, ear: Ear) -> None:
    x.activity.disconnect()
    await ear.until(lambda: x.requests["activity"] == 2)
    await ear.connected()
    assert ear.rests == [0.0]


@pytest.mark.parametrize("endpoint", ["subscriptions", "activity"])
async def test_a_plan_without_it_leaves_everything_to_polling(
    outbound: Outbound, x: FakeX, clock: MovableClock, endpoint: str
) -> None:
    x.always(endpoint, NOT_ENROLLED)
    async with listening(outbound, x, "activity") as ear:
        await ear.until(lambda: len(ear.rests) >= 2)
        assert 5 <= ear.rests[0] < ear.rests[1]
        assert not ear.source.listening
        nasa = await Follower(ear.source, clock).follow("nasa")
        x.post("nasa", "polled")
        assert await nasa.poll() == ["polled"]


async def test_subscriptions_that_cannot_be_made_are_tried_again(outbound: Outbound, x: FakeX) -> None:
    x.fail("subscribe", NO_CREDITS, Answer.html())
    async with listening(outbound, x, "activity") as ear:
        await ear.connected()
        assert x.activity.of("post.create") == ear.followed
        assert ear.rests
