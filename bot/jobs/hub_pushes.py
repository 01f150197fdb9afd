"""Works off what hubs have pushed, as soon as it is safe: claim, read, record."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from adapters.base import FeedFailed, Page, Reader, Source
from bot.clock import Clock
from bot.gate import Gate
from bot.jobs.handing_back import hand_back
from bot.jobs.pump import Pump
from bot.metrics import Metrics
from bot.usecases import hub_pushes, posts
from bot.usecases.hub_pushes import DuePush
from storage.database import Database, StorageError

SLOTS = 8
READ_SECONDS = 30.0

log = structlog.get_logger("hub_pushes")


class HubPushes:
    """Keeps a few documents going.  ``interval``: the usual one between two polls."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        clock: Clock,
        metrics: Metrics,
        gate: Gate,
        *,
        policy: posts.Policy,
        interval: timedelta,
    ) -> None:
        self._database, self._sources, self._clock = database, sources, clock
        self._metrics, self._gate = metrics, gate
        self._policy, self._interval = policy, interval
        self.pump: Pump[DuePush] = Pump(self._claim, self._work, SLOTS, ahead=SLOTS)

    async def tick(self) -> None:
        await self.pump.tick()

    async def drain(self, seconds: float) -> None:
        """Claim no more and let what runs end; what was not begun is due again at once."""
        self.pump.stop()
        await hand_back(self._database, hub_pushes.hand_back, await self.pump.drain(seconds))

    async def _claim(self, room: int) -> tuple[Sequence[DuePush], bool]:
        if not self._gate.may_ingest:
            return (), False
        try:
            return await self._database.write(hub_pushes.take_due, room)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("pushes not claimed", reason=str(error))
            return (), False

    async def _work(self, push: DuePush) -> None:
        try:
            await self._store(push)
        except Exception as error:  # one document that cannot be stored must not stop the others
            if isinstance(error, StorageError):
                self._gate.failed(error)
            log.warning("a push could not be stored", feed=push.feed_id, tries=push.tries, reason=str(error))
            given_up = push.tries >= hub_pushes.TRIES and not isinstance(error, StorageError)
            try:
                await self._database.write(hub_pushes.unreadable if given_up else hub_pushes.failed, push)
            except StorageError:  # the lease runs out
                return

    async def _store(self, push: DuePush) -> None:
        page = await self._read(push)
        if page is None or not page.posts:
            await self._database.write(hub_pushes.unreadable, push)
            return
        recorded = await self._database.write(hub_pushes.record, push, page, self._policy, self._interval)
        self._metrics.posts.inc(recorded.posts)
        self._metrics.queued.inc(recorded.deliveries)
        log.info("pushed", feed=push.feed_id, posts=recorded.posts, deliveries=recorded.deliveries)

    async def _read(self, push: DuePush) -> Page | None:
        reader = self._sources.get("feed")
        if not isinstance(reader, Reader):
            return None
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await reader.read(push.body, push.content_type, push.topic, self._clock())
        except (FeedFailed, TimeoutError) as error:
            log.info("a push cannot be read", feed=push.feed_id, reason=str(error))
            return None
