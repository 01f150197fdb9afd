"""The gateway as a contestant: all of it, as `postbell serve` runs it, over a database filled for the purpose.

Only its address space is shared: the orders come in by another way, and its metrics say when work is done.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, redirect_stderr
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import Counter
from sqlalchemy import func, select, update

from bench.children import Answer, obey
from bench.fill import Size, fill_elsewhere, only
from bench.stalls import StallWatch
from bot import app, logs
from bot.cli.serve import SWITCH_SECONDS
from bot.settings import load
from storage.models import Feed
from storage.work import Work

FEEDS = Feed.__table__
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 240.0


class Postbell:
    """The orders; each preparation begins with an empty data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared = 0
        self._running = AsyncExitStack()
        self._watch = StallWatch()

    async def prepare(self, count: int = 1, **size: Any) -> Answer:
        """``count`` feeds, the rest as in fill.py; nothing is due yet."""
        await self._running.aclose()
        self._prepared += 1
        os.environ["DATA_DIR"] = str(self._folder / str(self._prepared))
        await asyncio.to_thread(fill_elsewhere, Size(feeds=count, **size), os.environ, self._folder)
        self._feeds = count
        self._running = AsyncExitStack()
        self._gateway = await self._running.enter_async_context(app.run(load()))
        return {}

    async def run(self) -> Answer:
        """Every feed becomes due at once, and is polled once.  ``new``: posts stored; ``stall`` as of the straw."""
        database, fetches = self._gateway.database, self._gateway.metrics.fetches
        self._watch.worst()
        polls, unchanged = total(fetches), total(fetches, result="unchanged")
        _, posts = await database.read(progress)
        await database.write(make_due)
        self._gateway.poller.pump.wake()
        await until(lambda: total(fetches) - polls >= self._feeds)
        while (now := await database.read(progress))[0]:
            await asyncio.sleep(LOOK_SECONDS)
        return {
            "done": total(fetches) - polls,
            "unchanged": total(fetches, result="unchanged") - unchanged,
            "new": now[1] - posts,
            "stall": self._watch.worst(),
        }

    async def post(self, count: int) -> Answer:
        """Every feed is polled once, and what that brings is sent: ``count`` messages.  ``done`` counts them."""
        metric = self._gateway.metrics.deliveries
        sent = total(metric)
        await self.run()
        await until(lambda: total(metric) - sent >= count)
        return {"done": total(metric) - sent}

    async def close(self) -> None:
        await self._running.aclose()


def total(counter: Counter, **labels: str) -> int:
    """The sum over all that have these labels."""
    return sum(
        int(sample.value)
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    )


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():
            await asyncio.sleep(LOOK_SECONDS)


def make_due(work: Work) -> None:
    work.session.execute(update(FEEDS).values(due_at=work.now))


def progress(work: Work) -> tuple[int, int]:
    """How many feeds are being read, and how many posts were ever stored."""
    leased, posts = work.session.execute(select(func.count(FEEDS.c.lease_token), func.sum(FEEDS.c.last_seq))).one()
    return leased, int(posts)


async def main(folder: Path) -> None:
    os.chdir(folder)
    environment = only(PORT="0", METRICS_PORT="0")
    os.environ.clear()
    os.environ |= environment
    sys.setswitchinterval(SWITCH_SECONDS)
    with (folder / "log").open("w") as log, redirect_stderr(log):  # what is logged costs, too
        logs.configure("info", "json")
        ours = Postbell(folder)
        await obey({"prepare": ours.prepare, "run": ours.run, "post": ours.post})
        await ours.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as temporary:
        uvloop.run(main(Path(temporary)))
