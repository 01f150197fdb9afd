"""Polling: due feeds are read and recorded, and neither one bad feed nor our own outage harms the others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from adapters.base import Cursor, FeedFailed, FeedFault, FeedInfo, Page, SourceError
from bot.gate import Gate
from bot.jobs.poller import Poller, Weather
from bot.metrics import Metrics
from bot.usecases import feeds, posts
from storage.database import Database, StorageFull
from storage.models import Feed, Post
from tests import world
from tests.bot.jobs.parts import PlainSource
from tests.clock import MovableClock
from tests.world import item, page

DNS = FeedFailed(FeedFault.DNS, "no such host")
UNCHANGED = Page(cursor={})
Answer = Page | SourceError | Exception


class Newsroom:
    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock, self.gate = database, clock, Gate()
        self.answers: dict[str, Answer] = {}
        self.source = PlainSource(self._answer)
        self.poller = Poller(
            database,
            {"feed": self.source},
            clock,
            Metrics(),
            self.gate,
            policy=world.POLICY,
            politeness=world.POLITE,
            interval=world.INTERVAL,
            slots=8,
        )

    def _answer(self, key: str, cursor: Mapping[str, Any]) -> Answer:
        return self.answers.get(key, UNCHANGED)

    async def feeds(self) -> list[Any]:
        return await self.database.read(world.rows, Feed)

    async def run_until(self, done: Callable[[list[Any]], bool]) -> list[Any]:
        async with asyncio.timeout(10):
            while not done(rows := await self.feeds()):
                await self.poller.tick()
                await asyncio.sleep(0.01)
        return rows


@pytest.fixture
async def newsroom(database: Database, clock: MovableClock) -> AsyncIterator[Newsroom]:
    newsroom = Newsroom(database, clock)
    for number in range(1, 21):
        await database.write(world.add_feed, number)
    yield newsroom
    await newsroom.poller.drain(0.1)


def all_polled(rows: list[Any]) -> bool:
    return all(row.last_polled_at and row.lease_token is None for row in rows)


async def test_every_due_feed_is_read_once_and_what_is_new_is_stored(newsroom: Newsroom) -> None:
    for number in range(1, 21):
        newsroom.answers[f"https://{number}.example.org/feed"] = page(item(number))
    await newsroom.run_until(all_polled)
    assert len(newsroom.source.polled) == 20
    assert len(await newsroom.database.read(world.rows, Post)) == 20


async def test_one_feed_that_is_read_on_demand_brings_no_others_with_it(newsroom: Newsroom) -> None:
    due = await newsroom.database.write(feeds.hurry, 7, world.INTERVAL)
    await newsroom.poller.poll(due)
    await newsroom.feeds()
    rows = await newsroom.database.write(world.rows, Feed)  # behind a claim, if one had begun
    assert [row.id for row in rows if row.last_polled_at == newsroom.clock()] == [7]
    assert not any(row.lease_token for row in rows)


@pytest.mark.parametrize("error", [DNS, ValueError("bug"), RecursionError(), TimeoutError()])
async def test_a_feed_that_fails_is_recorded_as_failing_and_costs_no_other(
    newsroom: Newsroom, error: Exception
) -> None:
    newsroom.answers["https://7.example.org/feed"] = error
    rows = await newsroom.run_until(all_polled)
    assert {row.id for row in rows if row.failures} == {7}


@pytest.mark.parametrize("poison", ["\ud800", "a\0b"])
async def test_a_page_that_cannot_be_stored_costs_no_other_feed(newsroom: Newsroom, poison: str) -> None:
    for number in range(1, 21):
        newsroom.answers[f"https://{number}.example.org/feed"] = page(item(number))
    bad = page(item("bad", title=poison), info=FeedInfo(title=poison))
    newsroom.answers["https://7.example.org/feed"] = bad
    await newsroom.run_until(lambda rows: all_polled([row for row in rows if row.id != 7]))
    assert len(await newsroom.database.read(world.rows, Post)) >= 19


class FullDisk(Database):
    """One that takes no posts until there is room."""

    full = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused = asyncio.Event()

    async def write(self, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if self.full and use_case is posts.record:
            self.refused.set()
            raise StorageFull("disk full")
        return await super().write(use_case, *args, **kwargs)


async def test_what_could_not_be_stored_is_read_again_as_soon_as_there_is_room(
    database_url: str, clock: MovableClock
) -> None:
    database = FullDisk(database_url, clock, shared_time=False)
    newsroom = Newsroom(database, clock)
    await database.write(world.add_feed, 1)
    newsroom.answers["https://1.example.org/feed"] = page(item(1))
    await newsroom.poller.tick()
    await asyncio.wait_for(database.refused.wait(), 5)
    database.full, newsroom.gate.writable = False, True
    clock.advance(seconds=2)  # its host's pause, and far from the lease's end
    await newsroom.run_until(all_polled)
    assert len(await database.read(world.rows, Post)) == 1
    await newsroom.poller.drain(0.1)
    database.close()


class SlowDisk(Database):
    """One that records polls when it is let."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_record, self.asked = asyncio.Event(), asyncio.Event()

    async def write(self, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if use_case is posts.record:
            self.asked.set()
            await self.may_record.wait()
        return await super().write(use_case, *args, **kwargs)


async def test_polling_does_not_run_far_ahead_of_what_is_recorded(
    database_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.poller.CALM_WAITING", 4)
    database = SlowDisk(database_url, clock, shared_time=False)
    newsroom = Newsroom(database, clock)
    for number in range(1, 81):
        await database.write(world.add_feed, number)
    await newsroom.poller.tick()
    await asyncio.wait_for(database.asked.wait(), 5)
    for _ in range(5):
        await newsroom.poller.tick()
        await asyncio.sleep(0.02)
    assert len(newsroom.source.polled) <= 2 * (4 + 8)  # what is being recorded, and what waits in turn
    database.may_record.set()
    await newsroom.run_until(all_polled)
    await newsroom.poller.drain(0.5)
    database.close()


class SelectiveSource(PlainSource):
    """Remembers which kinds each poll was to bring."""

    def __init__(self) -> None:
        super().__init__(lambda _key, _cursor: UNCHANGED)
        self.kinds: dict[str, frozenset[str]] = {}

    async def poll_kinds(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        self.kinds[key] = kinds
        return await self.poll(key, cursor, now)


async def test_a_source_that_can_choose_reads_only_kinds_that_somebody_asked_for(
    database: Database, clock: MovableClock
) -> None:
    source = SelectiveSource()
    poller = Poller(
        database, {"x": source}, clock, Metrics(), Gate(),
        policy=world.POLICY, politeness=world.POLITE, interval=world.INTERVAL, slots=1,
    )  # fmt: skip
    for number, wants in ((1, 0), (2, 1), (3, 3)):
        await database.write(world.add_feed, number, source="x", key=str(number), wants=wants)
        await poller.poll(await database.write(feeds.hurry, number, world.INTERVAL))
    assert source.kinds == {"1": frozenset(), "2": {"repost"}, "3": {"repost", "reply"}}
    await poller.drain(0.1)


async def test_a_feed_without_its_source_fails_and_says_so(newsroom: Newsroom) -> None:
    await newsroom.database.write(world.add_feed, 99, source="removed")
    rows = await newsroom.run_until(all_polled)
    [row] = [row for row in rows if row.id == 99]
    assert "removed" in row.reason


@pytest.mark.parametrize(("writable", "low"), [(False, False), (True, True)])
async def test_nothing_is_taken_in_while_it_could_not_be_kept(newsroom: Newsroom, writable: bool, low: bool) -> None:
    newsroom.gate.writable, newsroom.gate.low = writable, low
    await newsroom.poller.tick()
    await asyncio.sleep(0.02)
    assert newsroom.source.polled == []


async def test_when_everything_is_unreachable_no_feed_is_blamed_for_long(newsroom: Newsroom) -> None:
    for number in range(1, 21):
        newsroom.answers[f"https://{number}.example.org/feed"] = DNS
    rows = await newsroom.run_until(all_polled)
    assert sum(bool(row.failures) for row in rows) == Weather.IN_A_ROW - 1


@pytest.mark.parametrize(
    ("results", "ours"),
    [
        ([("a", DNS)] * 50, False),  # one host is no weather
        ([(str(n), DNS) for n in range(9)], False),
        ([(str(n), DNS) for n in range(10)], True),
        ([(str(n % 4), DNS) for n in range(20)], False),
        ([(str(n % 5), DNS) for n in range(20)], True),
        ([(str(n), FeedFailed(FeedFault.HTTP, "500")) for n in range(50)], False),
        ([*((str(n), DNS) for n in range(10)), ("x", UNCHANGED), ("a", DNS)], False),  # somebody answers again
    ],
)
def test_the_weather_is_bad_when_many_hosts_in_a_row_cannot_be_reached(
    results: list[tuple[str, Page | SourceError]], ours: bool
) -> None:
    weather = Weather()
    assert [weather.after(host, result) for host, result in results][-1] is ours
