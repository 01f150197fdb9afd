"""The gateway as a contestant: all of it, as `postbell serve` runs it, over a database filled for the purpose.

Only its address space is shared: the orders come in by another way, and its metrics say when work is done.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, redirect_stderr
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import Counter
from sqlalchemy import func, select, update

from bench.children import Answer, obey
from bench.fill import Size, fill_elsewhere
from bench.stalls import StallWatch
from bot import app, logs
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
        settings = {"DATA_DIR": str(self._folder / str(self._prepared)), "PORT": "0", "METRICS_PORT": "0"}
        os.environ |= settings | {"EGRESS_ALLOW": "127.0.0.1/32"}
        await asyncio.to_thread(fill_elsewhere, Size(feeds=count, **size))
        self._feeds = count
        self._running = AsyncExitStack()
        self._gateway = await self._running.enter_async_context(app.run(load()))
        return {}

    async def run(self) -> Answer:
        """Every feed becomes due at once, and is polled once.  ``new``: posts stored; ``stall`` as of the straw."""
        metrics = self._gateway.metrics
        self._watch.worst()
        before = total(metrics.fetches), total(metrics.fetches, result="unchanged"), total(metrics.posts)
        await self._gateway.database.write(make_due)
        self._gateway.poller.pump.wake()
        await until(lambda: total(metrics.fetches) - before[0] >= self._feeds)
        while await self._gateway.database.read(being_read):
            await asyncio.sleep(LOOK_SECONDS)
        after = total(metrics.fetches), total(metrics.fetches, result="unchanged"), total(metrics.posts)
        done, unchanged, new = (b - a for a, b in zip(before, after, strict=True))
        return {"done": done, "unchanged": unchanged, "new": new, "stall": self._watch.worst()}

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


def being_read(work: Work) -> int:
    wanted = select(func.count()).where(FEEDS.c.lease_token.is_not(None))
    return int(work.session.execute(wanted).scalar_one())


async def main(folder: Path) -> None:
    with (folder / "log").open("w") as log, redirect_stderr(log):  # what is logged costs, too
        logs.configure("info", "json")
        ours = Postbell(folder)
        await obey({"prepare": ours.prepare, "run": ours.run, "post": ours.post})
        await ours.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as temporary:
        uvloop.run(main(Path(temporary)))
