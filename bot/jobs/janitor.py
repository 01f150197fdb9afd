"""Keeps house: dead leases, expired messages, retention, the disk, and the gauges; never in proportion to the data."""

import asyncio
import shutil
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

import structlog

from bot.clock import monotonic
from bot.gate import Gate
from bot.metrics import Metrics
from bot.rules.retry import Schedules
from bot.usecases import clocks, deliveries, held, retention
from bot.usecases.administration import accounts
from storage.database import Database, StorageError

LOW_WATER = 256 * 2**20  # free bytes below which nothing new is taken in
LOOK_SECONDS = 0.25
PAUSE = 0.05  # seconds between two slices of long work
ERASED_A_SWEEP = 20  # slices of deleted accounts

log = structlog.get_logger("janitor")


class Janitor:
    """Ticks of the scheduler; each does a bounded piece of work."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        gate: Gate,
        *,
        schedules: Schedules,
        keep: timedelta,
        disk: Path | None,
        on_open: Callable[[], None],
        nudging: Collection[str] = (),
    ) -> None:
        """``nudging``: channels that can tell people through a closed window that something waits."""
        self._database, self._metrics, self._gate = database, metrics, gate
        self._schedules, self._keep, self._disk, self._on_open = schedules, keep, disk, on_open
        self._nudging = nudging
        self._lag, self._expected = 0.0, monotonic()

    async def sweep(self) -> None:
        """Every few seconds: what died, what is over, whether the database takes writes again."""
        self._look_at_disk()
        await self._probe()
        if not self._gate.writable:
            return
        try:
            more = True
            while more:
                given_up = await self._database.write(held.give_up)
                swept = await self._database.write(deliveries.sweep, self._schedules)
                self._metrics.lease_expired.inc(swept.released)
                more = swept.more or given_up == held.SLICE
            if self._nudging:
                await self._database.write(held.nudge, self._nudging, self._schedules)
            for _ in range(ERASED_A_SWEEP):
                if not await self._database.write(accounts.erase):
                    break
        except StorageError as error:
            self._gate.failed(error)
            log.warning("not swept", reason=str(error))

    async def forget(self) -> None:
        """Every hour: drop what is older than retention, a slice at a time."""
        try:
            more = True
            while more:
                more = await self._database.write(retention.forget, self._keep)
                await asyncio.sleep(PAUSE)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("retention interrupted", reason=str(error))

    async def gauge(self) -> None:
        """Numbers that nobody counts as they change."""
        try:
            queue = await self._database.read(deliveries.queue)
        except StorageError:
            return
        for lane in self._schedules:
            self._metrics.outbox_rows.labels(lane).set(queue.rows.get(lane, 0))
        self._metrics.oldest_queued.set(queue.oldest_seconds)
        self._metrics.loop_lag.set(self._lag)
        self._lag = 0.0

    def watch_loop(self) -> None:
        """Four times a second: how late the event loop is."""
        now = monotonic()
        self._lag = max(self._lag, now - self._expected)
        self._expected = now + LOOK_SECONDS
        self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self.watch_loop)

    def stop(self) -> None:
        self._looking.cancel()

    async def _probe(self) -> None:
        try:
            if back := await self._database.write(clocks.check):
                log.warning("the clock went back; what is due went back with it", seconds=back.total_seconds())
        except StorageError as error:
            if self._gate.writable:
                log.error("the database takes no writes; reading goes on", reason=str(error))
            self._gate.writable = False
        else:
            if not self._gate.writable:
                log.info("the database takes writes again")
                self._gate.writable = True
                self._on_open()
        self._metrics.writable.set(self._gate.writable)

    def _look_at_disk(self) -> None:
        if self._disk is None:
            return
        free = shutil.disk_usage(self._disk).free
        self._metrics.disk_free.set(free)
        if (low := free < LOW_WATER) != self._gate.low:
            log.warning("disk nearly full: nothing new is taken in" if low else "disk has room again", free_bytes=free)
            self._gate.low = low
