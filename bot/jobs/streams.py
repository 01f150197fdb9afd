"""Listens to the sources that tell their news at once, each in one process at a time; polls remain the net."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from secrets import token_hex
from typing import Any

import structlog

from adapters.base import Hearing, Page, Source, Streaming
from bot.clock import monotonic
from bot.gate import Gate
from bot.metrics import Metrics
from bot.usecases import posts, streams
from storage.database import Database, StorageError

LOOK_SECONDS = 1.0  # between two looks at whether it hears
RENEW_SECONDS = 8.0
TRY_SECONDS = 4.0  # between two tries to take what another process has
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before a stream that fell over is begun again
STEADY = 60.0  # seconds after which one counts as standing
STOP_SECONDS = 1.0

log = structlog.get_logger("streams")


class Streams:
    """A task for each source that streams, from ``start`` to ``stop``."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        metrics: Metrics,
        gate: Gate,
        *,
        policy: posts.Policy,
        interval: timedelta,
    ) -> None:
        self._sources: dict[str, Any] = {
            kind: source for kind, source in sources.items() if isinstance(source, Streaming) and source.streams
        }
        self._database, self._metrics, self._gate = database, metrics, gate
        self._policy, self._interval = policy, interval
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(kind)) for kind in self._sources]

    async def stop(self) -> None:
        """Let go of every stream, so that another process has it at once."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * STOP_SECONDS)

    async def _keep(self, kind: str) -> None:
        token, wait = token_hex(8), FIRST_WAIT
        while True:
            pause = TRY_SECONDS
            if await self._hold(kind, token, well=False):
                began = monotonic()
                try:
                    await self._listen(kind, token)
                except Exception:  # sources may be other people's
                    pause = wait = FIRST_WAIT if monotonic() - began > STEADY else min(2 * wait, LONGEST_WAIT)
                    log.exception("a stream fell over; it is begun again", source=kind, seconds=wait)
                finally:
                    self._metrics.listening.labels(kind).set(0)
                    await self._let_go(kind, token)
            await asyncio.sleep(pause)

    async def _listen(self, kind: str, token: str) -> None:
        """Returns when the stream is no longer ours; fails as the source fails."""
        source = self._sources[kind]

        async def keys() -> Sequence[str]:
            return await self._keys(kind)

        async def heard(key: str, page: Page) -> None:
            await self._heard(kind, key, page)

        listening = asyncio.create_task(source.stream(keys, heard))
        try:
            await self._watch(kind, token, listening)
            if listening.done():
                await listening
        finally:
            listening.cancel()
            await asyncio.wait([listening], timeout=STOP_SECONDS)

    async def _watch(self, kind: str, token: str, listening: asyncio.Task[None]) -> None:
        """Renews the hold while the stream runs, at once when it begins or ceases to hear."""
        well, renewed = False, monotonic()
        while not listening.done():
            await asyncio.wait([listening], timeout=LOOK_SECONDS)
            hears = isinstance(self._sources[kind], Hearing) and self._sources[kind].listening
            if hears == well and monotonic() - renewed < RENEW_SECONDS:
                continue
            held = await self._hold(kind, token, well=hears)
            if held is None:
                continue
            if not held:
                log.info("the stream is left to others", source=kind)
                return
            if hears != well:
                log.info("a stream hears" if hears else "a stream hears nothing: its feeds are polled", source=kind)
            well, renewed = hears, monotonic()
            self._metrics.listening.labels(kind).set(well)

    async def _hold(self, kind: str, token: str, *, well: bool) -> bool | None:
        """None: nobody can tell at present; what is heard meanwhile waits for the same storage."""
        if not self._gate.may_ingest:
            return None
        try:
            return await self._database.write(streams.hold, kind, token, self._policy.paces, well=well)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("a stream's lease was not taken", source=kind, reason=str(error))
            return None

    async def _let_go(self, kind: str, token: str) -> None:
        try:
            await self._database.write(streams.let_go, kind, token, self._policy.paces)
        except StorageError as error:  # its lease runs out
            log.warning("a stream was not handed back", source=kind, reason=str(error))

    async def _keys(self, kind: str) -> Sequence[str]:
        """Raises StorageError."""
        found: list[str] = []
        after = 0
        while some := await self._database.read(streams.keys, kind, after):
            found += [key for _, key in some]
            after = some[-1][0]
        return found

    async def _heard(self, kind: str, key: str, page: Page) -> None:
        """Returns when it is stored; what never can be is left to the polls."""
        self._metrics.heard.labels(kind).inc(len(page.posts))
        while (recorded := await self._stored(kind, key, page)) is None:  # noqa: ASYNC110 (a database has no event)
            await asyncio.sleep(LOOK_SECONDS)
        self._metrics.posts.inc(recorded.posts)
        self._metrics.queued.inc(recorded.deliveries)
        if recorded.posts:
            log.info("heard", source=kind, posts=recorded.posts, deliveries=recorded.deliveries)

    async def _stored(self, kind: str, key: str, page: Page) -> posts.Recorded | None:
        """None: it cannot be at present."""
        if not self._gate.may_ingest:
            return None
        try:
            return await self._database.write(streams.hear, kind, key, page, self._policy, self._interval)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("what was heard is not stored yet", source=kind, reason=str(error))
            return None
        except Exception:  # the driver refuses a value, and each has errors of its own for that
            log.exception("what was heard cannot be stored", source=kind)
            return posts.Recorded()
