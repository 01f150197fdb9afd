"""Posts at once: the filtered stream, its rules, and what happens when it breaks (sources-x.md 7)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.http import NoConnection, Outbound
from adapters.sources.x import X
from adapters.sources.x.stream import Backoff, Refused
from tests.adapters.sources.x.ears import Ear, listening
from tests.clock import MovableClock
from tests.fakes.x import FakeX
from tests.fakes.x.tricks import NO_CREDITS, Answer


@pytest.fixture
async def ear(outbound: Outbound, x: FakeX) -> AsyncIterator[Ear]:
    async with listening(outbound, x) as ear:
        await ear.connected()
        yield ear


async def test_a_post_is_heard_at_once_under_the_key_that_polling_gives_it(
    x: FakeX, ear: Ear, outbound: Outbound, clock: MovableClock
) -> None:
    comet = x.post("jaxa", "a comet")
    x.post("nasa", "look", quote=comet, urls=[{"url": "https://t.co/a", "expanded_url": "https://e.example/"}])
    await ear.until(lambda: bool(ear.posts))
    key, page = ear.pages[0]
    assert (key, page.via, page.complete, page.reads) == (ear.followed[0], "stream", False, 4)
    assert page.info is not None
    assert page.info.name == "NASA"
    polled = await X(outbound, x.config()).poll(key, {}, clock())
    assert [(one.key, one.url, one.content) for one in polled.posts] == [
        (one.key, one.url, one.content) for one in page.posts
    ]


async def test_only_who_is_followed_is_heard(x: FakeX, ear: Ear) -> None:
    x.post("jaxa", "not followed")
    x.post("nasa", repost=x.post("jaxa", "a probe"))
    x.post("esa", "followed")
    await ear.until(lambda: bool(ear.posts))
    assert ear.texts == ["followed"]


async def test_pieces_may_be_cut_anywhere_and_posts_come_twice(x: FakeX, ear: Ear) -> None:
    x.streaming.split, x.streaming.twice = 7, True
    x.post("nasa", "héllo 🚀🚀")
    await ear.until(lambda: len(ear.posts) == 2 or len({one.key for one in ear.posts}) == 1)
    assert set(ear.texts) == {"héllo 🚀🚀"}


async def test_many_posts_are_told_in_batches(x: FakeX, ear: Ear) -> None:
    ear.seconds = 0.02
    for number in range(300):
        x.post("nasa", f"{number}")
    await ear.until(lambda: len(ear.posts) == 300)
    assert sorted(ear.texts, key=int) == [f"{number}" for number in range(300)]
    assert len(ear.pages) < 100


async def test_lines_that_make_no_sense_do_not_end_the_stream(x: FakeX, ear: Ear) -> None:
    nasa = ear.followed[0]
    for line in (b"nonsense", b"[1]", b'{"data":{"id":"x","author_id":"%b"}}' % nasa.encode(), b"\xff\xfe"):
        x.streaming.connections[0].pieces.put_nowait(line + b"\r\n")
    x.post("nasa", "sense")
    await ear.until(lambda: bool(ear.posts))
    assert ear.texts == ["sense"]
    assert x.requests["stream"] == 1


async def test_rules_follow_who_is_followed_and_nobody_is_without_one(x: FakeX, ear: Ear) -> None:
    x.streaming.change({"add": [{"value": "from:1", "tag": "somebody else's"}]})
    x.streaming.changes.clear()
    ear.followed.append(str(x.user("jaxa").id))
    ear.look.set()
    await ear.until(lambda: ("delete", 1) in x.streaming.changes)
    assert x.streaming.changes == [("add", 1), ("delete", 1)]
    x.post("jaxa", "now followed")
    await ear.until(lambda: bool(ear.posts))
    assert [one.tag for one in x.streaming.rules.values()] == ["somebody else's", "postbell"]
    ear.look.set()
    await asyncio.sleep(0.02)
    assert x.requests["rules"] == 2  # nothing has changed: nothing is asked


async def test_what_was_posted_while_nobody_listened_is_searched_for(x: FakeX, ear: Ear, clock: MovableClock) -> None:
    x.post("nasa", "heard")
    await ear.until(lambda: bool(ear.posts))
    x.streaming.deaf = True
    x.post("esa", "in the gap")
    x.streaming.hang_up()
    await ear.until(lambda: "in the gap" in ear.texts)
    gap = next(one for one in ear.posts if one.content == "in the gap")
    assert gap.url.startswith("https://x.com/esa/status/")


async def test_x_may_say_why_it_hangs_up_and_is_called_again(x: FakeX, ear: Ear) -> None:
    x.streaming.disconnect()
    await ear.until(lambda: x.requests["stream"] == 2)
    await ear.connected()
    x.post("nasa", "heard again")
    await ear.until(lambda: bool(ear.posts))
    assert ear.rests == [0.0]


async def test_a_connection_that_falls_silent_is_given_up(outbound: Outbound, x: FakeX) -> None:
    x.rules.keep_alive_seconds = 0.02
    async with listening(outbound, x, silence_seconds=0.15) as ear:
        await ear.connected()
        await asyncio.sleep(0.3)
        assert x.requests["stream"] == 1  # signs of life are enough
        x.streaming.stalled = True
        await ear.until(lambda: x.requests["stream"] == 2)


@pytest.mark.parametrize(("how", "least"), [(Answer(), 5), (Answer.html(403), 5), (Answer(429, b"{}"), 60)])
async def test_a_refusal_is_waited_out(outbound: Outbound, x: FakeX, how: Answer, least: float) -> None:
    x.fail("stream", how, how)
    async with listening(outbound, x) as ear:
        await ear.connected()
        assert [least <= one <= 1.1 * least or 2 * least <= one <= 2.2 * least for one in ear.rests] == [True, True]
        assert ear.rests[1] > ear.rests[0]


async def test_one_connection_is_all_that_is_allowed(outbound: Outbound, x: FakeX, ear: Ear) -> None:
    async with listening(outbound, x) as second:
        await second.until(lambda: bool(second.rests))
        assert second.rests[0] >= 60
        assert len(x.streaming.connections) == 1


async def test_rules_that_somebody_deleted_are_made_again(x: FakeX, ear: Ear) -> None:
    x.streaming.rules.clear()
    x.streaming.hang_up()
    await ear.until(lambda: bool(x.streaming.rules))
    await ear.connected()
    x.post("nasa", "heard again")
    await ear.until(lambda: bool(ear.posts))


async def test_who_follows_nobody_does_not_connect(outbound: Outbound, x: FakeX) -> None:
    async with listening(outbound, x) as ear:
        ear.followed.clear()
        await asyncio.sleep(0.02)
        assert x.requests["stream"] == 0
        ear.followed.append(str(x.user("nasa").id))
        ear.look.set()
        await ear.connected()


async def test_rules_that_cannot_be_read_are_tried_again(outbound: Outbound, x: FakeX) -> None:
    x.fail("rules", NO_CREDITS, Answer.html())
    async with listening(outbound, x) as ear:
        await ear.connected()
        assert len(ear.rests) == 2


async def test_a_post_that_cannot_be_stored_does_not_end_the_stream(x: FakeX, ear: Ear) -> None:
    ear.full = True
    x.post("nasa", "left to polling")
    await asyncio.sleep(0.05)
    ear.full = False
    x.post("nasa", "stored")
    await ear.until(lambda: bool(ear.posts))
    assert ear.texts == ["stored"]
    assert x.requests["stream"] == 1


def test_pauses_grow_by_what_went_wrong_and_end_with_a_byte() -> None:
    pauses = Backoff()
    lost = NoConnection("lost")
    assert [pauses.after(lost) for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    assert max(pauses.after(lost) for _ in range(100)) == 16
    pauses.alive()
    assert pauses.after(lost) == 0
    refused = [round(pauses.after(Refused("no", 503)) / 1.1) for _ in range(8)]
    assert refused[:5] == sorted(refused[:5])
    assert max(refused) <= 320
    pauses.alive()
    assert 60 <= pauses.after(Refused("no", 429)) <= 66
    assert 120 <= pauses.after(Refused("no", 429)) <= 132
    assert pauses.after(Refused("no", 429, wait=900)) >= 900
