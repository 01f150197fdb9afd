"""Streams: what is heard is delivered at once and once, by one process, and polls come back when it falls silent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import Found
from adapters.http import Egress, Outbound
from bot import parts
from bot.gate import Gate
from bot.jobs import streams as jobs
from bot.jobs.poller import Poller
from bot.jobs.streams import Streams
from bot.metrics import Metrics
from bot.rules.budget import SAFETY
from bot.settings import load
from bot.usecases import spending, streams, subscriptions
from storage import models
from storage.database import Database, StorageFull
from tests import world
from tests.clock import MovableClock
from tests.fakes.wire import Agency, Wire
from tests.world import MINUTE, SECOND

NAMES = ("ann", "bob", "cleo")
PATIENCE = 90.0  # seconds in which whatever must happen has happened, on a busy machine too


class Process:
    """A poller and a listener, as one process has them."""

    def __init__(self, database: Database, clock: MovableClock, outbound: Outbound, config: Wire.Config) -> None:
        self.source = Wire(outbound, config)
        self.gate, self.metrics = Gate(), Metrics()
        self.policy = parts.make_policy(load(), {"wire": self.source})
        self.streams = Streams(
            database, {"wire": self.source}, self.metrics, self.gate, policy=self.policy, interval=world.INTERVAL
        )
        self.poller = Poller(
            database, {"wire": self.source}, clock, self.metrics, self.gate,
            policy=self.policy, politeness=world.POLITE, interval=world.INTERVAL, slots=4,
        )  # fmt: skip


class Newsroom:
    def __init__(self, database: Database, clock: MovableClock, agency: Agency, outbound: Outbound) -> None:
        self.database, self.clock, self.agency, self._outbound = database, clock, agency, outbound
        self.processes: list[Process] = []

    def process(self, **config: Any) -> Process:
        given = replace(Wire.Config(base_url=self.agency.url, stream=True), **config)
        self.processes.append(Process(self.database, self.clock, self._outbound, given))
        return self.processes[-1]

    async def follow(self, process: Process) -> None:
        await self.database.write(world.add_destinations, 1)
        for name in NAMES:
            found = await process.source.resolve(f"wire:{name}", self.clock())
            await self.subscribe(process, found)

    async def subscribe(self, process: Process, found: Found) -> None:
        await self.database.write(
            subscriptions.subscribe, account_id=1, destination_id=1, source="wire", found=found, host="wire",
            policy=process.policy, default_interval=world.INTERVAL, latest=False,
        )  # fmt: skip

    async def delivered(self) -> list[str]:
        """Addresses, in the order of deliveries."""
        made = await self.database.read(world.rows, models.Delivery)
        urls = {post.id: post.url for post in await self.database.read(world.rows, models.Post)}
        return [urls[row.post_id] for row in made if row.post_id]

    async def standing(self) -> streams.Standing:
        [one] = await self.database.read(streams.standings)
        return one

    async def hears(self) -> bool:
        return any(one.hears for one in await self.database.read(streams.standings))

    async def next_in(self) -> list[timedelta]:
        return [row.due_at - self.clock() for row in await self.database.read(world.rows, models.Feed)]

    async def until(self, done: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await done():  # noqa: ASYNC110 (it looks at a database)
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("LOOK_SECONDS", 0.01), ("RENEW_SECONDS", 0.02), ("TRY_SECONDS", 0.02), ("FIRST_WAIT", 0.01)):
        monkeypatch.setattr(jobs, name, seconds)


@pytest.fixture
async def newsroom(database: Database, clock: MovableClock) -> AsyncIterator[Newsroom]:
    egress = Egress.parse("127.0.0.1/32", [])
    async with AsyncExitStack() as stack:
        agency = await stack.enter_async_context(Agency())
        outbound = await stack.enter_async_context(Outbound(egress, user_agent="test"))
        newsroom = Newsroom(database, clock, agency, outbound)
        yield newsroom
        for process in newsroom.processes:
            await process.streams.stop()
            await process.poller.drain(0.1)


async def test_what_is_heard_is_queued_at_once_and_polls_bring_it_no_second_time(newsroom: Newsroom) -> None:
    process = newsroom.process()
    await newsroom.follow(process)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    urls = [newsroom.agency.publish(name) for name in NAMES]
    newsroom.agency.publish("nobody follows this one")
    newsroom.agency.publish("ann", "repost")  # nor wants this
    last = newsroom.agency.publish("bob")

    async def complete() -> bool:
        return await newsroom.delivered() == [*urls, last]

    await newsroom.until(complete)
    polls = newsroom.agency.told.polls
    newsroom.clock.advance(2 * SAFETY)
    await process.poller.tick()

    async def polled() -> bool:
        rows = await newsroom.database.read(world.rows, models.Feed)
        return all(row.last_success_at == newsroom.clock() for row in rows)

    await newsroom.until(polled)
    assert newsroom.agency.told.polls == polls + 3
    assert await newsroom.delivered() == [*urls, last]


async def test_what_was_heard_is_counted_as_read(newsroom: Newsroom) -> None:
    process = newsroom.process()
    await newsroom.follow(process)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    newsroom.agency.publish("ann")
    await newsroom.until(newsroom.delivered)
    [bill] = await newsroom.database.read(spending.bills, process.policy.paces)
    assert (bill.source, bill.reads, bill.price) == ("wire", 1, 0.005)


async def test_polls_are_seldom_while_it_hears_and_back_within_their_interval_when_it_does_not(
    newsroom: Newsroom,
) -> None:
    process = newsroom.process(poll_seconds=30)
    await newsroom.follow(process)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    newsroom.clock.advance(MINUTE)
    await process.poller.tick()

    async def seldom() -> bool:
        return min(await newsroom.next_in()) > SAFETY / 2

    await newsroom.until(seldom)
    newsroom.agency.told.stream_status = 503
    newsroom.agency.publish("ann")  # wakes the server, which then refuses

    async def back() -> bool:
        return max(await newsroom.next_in()) <= 30 * SECOND

    await newsroom.until(back)
    assert not (await newsroom.standing()).hears
    assert (await newsroom.standing()).listens
    newsroom.agency.told.stream_status = 200
    await newsroom.until(newsroom.hears)


async def test_one_process_listens_and_when_it_stops_another_does(newsroom: Newsroom) -> None:
    first, second = newsroom.process(), newsroom.process()
    await newsroom.follow(first)
    first.streams.start()
    await newsroom.until(newsroom.hears)
    second.streams.start()
    await asyncio.sleep(0.1)
    assert (first.source.listening, second.source.listening) == (True, False)
    await first.streams.stop()

    async def taken_over() -> bool:
        return second.source.listening

    await newsroom.until(taken_over)
    assert not first.source.listening


async def test_when_its_process_dies_another_takes_over_within_half_a_minute(newsroom: Newsroom) -> None:
    process = newsroom.process(poll_seconds=30)
    await newsroom.follow(process)
    dead = "a process that is no more"
    assert await newsroom.database.write(streams.hold, "wire", dead, process.policy.paces, well=True)
    newsroom.clock.advance(MINUTE / 2)
    process.streams.start()

    async def taken_over() -> bool:
        return process.source.listening

    await newsroom.until(taken_over)
    assert max(await newsroom.next_in()) <= 30 * SECOND
    assert not await newsroom.database.write(streams.hold, "wire", dead, process.policy.paces, well=True)


async def test_a_stream_that_falls_over_is_begun_again(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.log, "exception", lambda *_, **__: None)
    process = newsroom.process()
    await newsroom.follow(process)
    stream, falls = process.source.stream, [ConnectionError(), RuntimeError()]

    async def falling(*args: Any) -> None:
        if falls:
            raise falls.pop()
        await stream(*args)

    monkeypatch.setattr(process.source, "stream", falling)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    assert not falls


async def test_a_budget_that_is_used_up_ends_the_stream(newsroom: Newsroom) -> None:
    process = newsroom.process(monthly_budget=3)
    await newsroom.follow(process)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    for _ in range(3):
        newsroom.agency.publish("ann")

    async def ended() -> bool:
        return not process.source.listening and not await newsroom.hears()

    await newsroom.until(ended)
    assert len(await newsroom.delivered()) == 3


async def test_what_could_not_be_stored_is_stored_when_there_is_room(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = newsroom.process()
    await newsroom.follow(process)
    process.streams.start()
    await newsroom.until(newsroom.hears)
    write, refusals = newsroom.database.write, [StorageFull("disk full")]

    async def full(use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if refusals and use_case is streams.hear:
            raise refusals.pop()
        return await write(use_case, *args, **kwargs)

    monkeypatch.setattr(newsroom.database, "write", full)
    newsroom.agency.publish("ann")

    async def refused() -> bool:
        return not process.gate.writable

    await newsroom.until(refused)
    process.gate.writable = True
    await newsroom.until(newsroom.delivered)


async def test_feeds_are_told_a_page_at_a_time_and_only_those_that_are_followed(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEYS_AT_ONCE", 2)
    process = newsroom.process()
    await newsroom.follow(process)
    await newsroom.database.write(subscriptions.unsubscribe, 2)
    seen: list[list[str]] = []

    async def stream(keys: Any, heard: Any) -> None:
        seen.append(await keys())
        await asyncio.Event().wait()

    monkeypatch.setattr(process.source, "stream", stream)
    process.streams.start()

    async def told() -> bool:
        return bool(seen)

    await newsroom.until(told)
    assert seen == [["ann", "cleo"]]
