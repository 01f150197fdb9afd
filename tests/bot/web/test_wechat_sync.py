"""A client that does what the document says gets every message: all pages first, then `since` the last sync.

Meanwhile messages come in, in transactions that take their time, from processes whose clocks differ; the client gives
up in the middle of a sync and begins again; the server is restarted.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from adapters.base import Post
from bot.rules.times import iso_millis
from storage.database import Database, Work
from tests import world
from tests.bot.web.gateway import Caller, Served, serving
from tests.bot.web.test_wechat_messages import PATH, _store, follows
from tests.clock import MovableClock
from tests.counts import count

FEEDS = range(1, 6)
SKEW = 15.0  # seconds by which a clock may be off, each way
LONGEST_WRITE = 20.0  # seconds; with the skew of two clocks less than the minute that the server looks back


@dataclass(slots=True)
class Client:
    """Keeps what its programmer was told to keep: the time of the last sync, and what it has."""

    skew: timedelta
    since: str | None = None
    began: datetime | None = None  # the sync under way
    page: int = 1
    size: int = 1
    got: dict[str, str] = field(default_factory=dict)  # titles by id

    async def step(self, caller: Caller, size: int) -> bool:
        """Ask for the next page, if it is the first then one of this size; True: that was the last one of this sync."""
        if self.began is None:
            self.began, self.page, self.size = caller.served.clock.now + self.skew, 1, size
        query = f"page={self.page}&pageSize={self.size}" + (f"&since={self.since}" if self.since else "")
        answer = await caller("GET", f"{PATH}?{query}")
        assert answer.status == 200, answer.body
        self.got |= {one["id"]: one["title"] for one in answer.body["data"]}
        self.page += 1
        if answer.body["pagination"]["hasMore"]:
            return False
        self.since, self.began = iso_millis(self.began), None
        return True

    def give_up(self) -> None:
        self.began = None


class Town:
    """Where messages come from: two processes, one of which may be in the middle of a long transaction."""

    def __init__(self, database: Database, other: Database, clock: MovableClock, draw: random.Random) -> None:
        self.databases, self.clock, self.draw = (database, other), clock, draw
        self.titles: set[str] = set()
        self.writing: tuple[int, datetime, threading.Event, asyncio.Task[None]] | None = None

    def names(self) -> list[str]:
        new = [f"Post {len(self.titles) + n}" for n in range(self.draw.randint(1, 8))]
        self.titles |= set(new)
        return new

    async def store(self) -> None:
        """At once.  While somebody writes, SQLite lets nobody else."""
        feed = self.draw.choice(FEEDS)
        if self.writing is None or (self.databases[0].engine == "postgresql" and feed != self.writing[0]):
            await self.draw.choice(self.databases).write(_store, feed, _items(self.names()))

    async def begin(self) -> None:
        """A transaction that ends later: its messages have the time of its beginning."""
        if self.writing is None:
            feed, begun, go = self.draw.choice(FEEDS), threading.Event(), threading.Event()
            database, names = self.draw.choice(self.databases), self.names()
            task = asyncio.create_task(database.write(_store_slowly, feed, names, begun, go))
            await asyncio.to_thread(begun.wait)
            self.writing = feed, self.clock.now, go, task

    async def end(self) -> None:
        if self.writing:
            self.writing[2].set()
            await self.writing[3]
            self.writing = None

    async def pass_time(self) -> None:
        seconds = self.draw.choice((0.0, 1.0, self.draw.uniform(0, LONGEST_WRITE), self.draw.uniform(0, 90)))
        if self.writing and (self.clock.now - self.writing[1]).total_seconds() + seconds > LONGEST_WRITE - 1:
            await self.end()
        self.clock.advance(seconds=seconds)


def _items(names: list[str]) -> list[Post]:
    return [world.item(name, title=name, url=f"https://mp.weixin.qq.com/s/{name.replace(' ', '-')}") for name in names]


def _store_slowly(work: Work, feed: int, names: list[str], begun: threading.Event, go: threading.Event) -> None:
    _store(work, feed, _items(names))
    begun.set()
    go.wait(20)


@asynccontextmanager
async def two_processes(url: str, clock: MovableClock, skew: timedelta) -> AsyncIterator[tuple[Database, Database]]:
    database = Database(url, clock, shared_time=False)
    other = Database(url, lambda: clock.now + skew, shared_time=False)
    yield database, other
    other.close()
    database.close()


@pytest.mark.parametrize("seed", range(count(3, 300)))
async def test_a_client_that_does_as_told_gets_every_message(database_url: str, clock: MovableClock, seed: int) -> None:
    draw = random.Random(seed)

    def skew() -> timedelta:
        return timedelta(seconds=draw.uniform(-SKEW, SKEW))

    async with two_processes(database_url, clock, skew()) as databases, AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(databases[0], clock))
        caller = await served.caller()
        for feed in FEEDS:
            await follows(caller, feed, destinations=2)
        client, town = Client(skew()), Town(*databases, clock, draw)
        for _ in range(100):
            match draw.choices(
                ("store", "begin", "end", "time", "step", "give up", "restart"), (9, 3, 4, 6, 14, 1, 0.3)
            ):
                case ["store"]:
                    await town.store()
                case ["begin"]:
                    await town.begin()
                case ["end"]:
                    await town.end()
                case ["time"]:
                    await town.pass_time()
                case ["step"]:
                    await client.step(caller, draw.choice((1, 3, 20)))
                case ["give up"]:
                    client.give_up()
                case ["restart"]:
                    await town.end()  # which a stop waits for
                    caller.served = await _restarted(stack, databases[0], clock)
        await town.end()
        for _ in range(2):  # the sync under way, and the next one
            while not await client.step(caller, 50):
                pass
        assert town.titles - set(client.got.values()) == set()


async def _restarted(stack: AsyncExitStack, database: Database, clock: MovableClock) -> Served:
    await stack.aclose()
    return await stack.enter_async_context(serving(database, clock))
