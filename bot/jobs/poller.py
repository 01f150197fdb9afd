"""Reads feeds that are due: claim, fetch, record.  The network lies between two transactions, never inside one."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from adapters.base import FeedFailed, FeedFault, Page, Selective, Source, SourceError
from bot.clock import Clock, monotonic
from bot.gate import Gate
from bot.jobs.batches import Batches
from bot.jobs.handing_back import hand_back
from bot.jobs.pump import Pump
from bot.metrics import Metrics
from bot.rules import options
from bot.rules.polling import UNREACHED
from bot.usecases import feeds, posts
from storage.database import Database, StorageError

LONGEST_POLL = 60.0  # seconds; all redirects of a feed together; half of its lease
NEWS_AT_ONCE = 16  # polls with new posts that are recorded together: short enough for sends to get in between
FEW = 10  # polls at once while the processor is what is short: more would only wait for each other
CALM_AT_ONCE = 256  # polls without that are recorded together
CALM_WAITING = 2 * CALM_AT_ONCE  # of these: a writer that cannot keep up makes polling wait
CALM_SECONDS = 0.05  # that the others wait for company; nobody waits for them, and a transaction costs as much as 20
LAST_WORDS = 0.5  # seconds at a stop for recording what the last polls brought

log = structlog.get_logger("poller")


class Poller:
    """Keeps up to ``slots`` polls running."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        clock: Clock,
        metrics: Metrics,
        gate: Gate,
        *,
        policy: posts.Policy,
        politeness: feeds.Politeness,
        interval: timedelta,
        slots: int,
    ) -> None:
        self._database, self._sources, self._clock = database, sources, clock
        self._selective = {kind: one for kind, one in sources.items() if isinstance(one, Selective)}
        self._metrics, self._gate = metrics, gate
        self._policy, self._politeness, self._interval = policy, politeness, interval
        self._weather = Weather()
        self._news: Batches[posts.Polled] = Batches(self._store, NEWS_AT_ONCE)
        self._calm: Batches[posts.Polled] = Batches(self._store, CALM_AT_ONCE, CALM_SECONDS)
        self._broken_off: list[feeds.DueFeed] = []  # at the stop
        self._unrecorded: list[feeds.DueFeed] = []  # what came of them could not be stored
        self.pump = Pump(self._claim, self._work, slots, ahead=2 * slots, few=FEW)

    async def tick(self) -> None:
        if self._unrecorded and self._gate.writable:
            await self._read_again(self._unrecorded)
        await self.pump.tick()

    async def poll(self, due: feeds.DueFeed) -> Page | SourceError:
        """Read one claimed feed and record what came; returns it for who wants to show it."""
        result = await self._read(due)
        await self._record([self._polled(due, result)])
        return result

    async def drain(self, seconds: float) -> None:
        """Claim no more and let polls end; who was not read by then may be read by anybody at once."""
        self.pump.stop()
        left = await self.pump.drain(seconds)
        await asyncio.gather(self._news.drain(LAST_WORDS), self._calm.drain(LAST_WORDS))
        await hand_back(self._database, feeds.hand_back, [*left, *self._broken_off])

    async def _read_again(self, unrecorded: list[feeds.DueFeed]) -> None:
        """Once something can be stored again, nobody waits for the leases to run out."""
        try:
            await self._database.write(feeds.hand_back, unrecorded)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("feeds not handed back", reason=str(error))
        else:
            unrecorded.clear()

    async def _claim(self, room: int) -> tuple[Sequence[feeds.DueFeed], bool]:
        if not self._gate.may_ingest:
            return (), False
        try:
            claimed = await self._database.write(
                feeds.take_due, room, self._politeness, self._interval, self._policy.paces
            )
        except StorageError as error:
            self._gate.failed(error)
            log.warning("feeds not claimed", reason=str(error))
            return (), False
        self._metrics.in_flight.labels("poll").set(self.pump.running)
        return claimed

    async def _work(self, due: feeds.DueFeed) -> None:
        """A poll with posts keeps its slot until they are stored: reading must not run ahead of storing.

        Others do when many wait, for 100,000 polls that brought nothing ran 27,000 ahead, at 2 KiB each.
        """
        try:
            result = await self._read(due)
            polled = self._polled(due, result)
            if isinstance(result, Page) and result.posts:
                await self._news.stored(polled)
            elif self._calm.waiting >= CALM_WAITING:
                await self._calm.stored(polled)
            else:
                self._calm.add(polled)
        except asyncio.CancelledError:
            self._broken_off.append(due)
            raise

    async def _read(self, due: feeds.DueFeed) -> Page | SourceError:
        started = monotonic()
        result = await self._ask(due)
        kind = due.source
        self._metrics.observe_fetch(kind)(monotonic() - started)
        self._metrics.count_fetch(kind, _word(result))()
        return result

    async def _ask(self, due: feeds.DueFeed) -> Page | SourceError:
        source = self._sources.get(due.source)
        if source is None:
            return FeedFailed(FeedFault.NOT_A_FEED, f"no source {due.source!r} is installed")
        try:
            async with asyncio.timeout(LONGEST_POLL):
                if due.source in self._selective:
                    kinds = options.kinds(due.wants)
                    return await self._selective[due.source].poll_kinds(due.key, due.cursor, self._clock(), kinds)
                return await source.poll(due.key, due.cursor, self._clock())
        except SourceError as error:
            return error
        except TimeoutError:
            return FeedFailed(FeedFault.TIMEOUT, f"no end within {LONGEST_POLL:.0f} seconds")
        except Exception:  # sources may be other people's, and one of them must not stop the polling
            log.exception("a source failed", feed=due.id, source=due.source)
            return FeedFailed(FeedFault.PARSE, "Postbell could not read it; its log says more")

    def _polled(self, due: feeds.DueFeed, result: Page | SourceError) -> posts.Polled:
        ours = self._weather.after(due.host or due.key, result)
        moved = result.moved_to if isinstance(result, Page) else ""
        host = self._sources[due.source].host(moved) if moved else ""
        return posts.Polled(due, result, ours, host)

    async def _store(self, polled: Sequence[posts.Polled]) -> None:
        await self._record(polled)
        self.pump.refill()

    async def _record(self, polled: Sequence[posts.Polled]) -> None:
        try:
            recorded = await self._database.write(posts.record, polled, self._policy)
        except StorageError as error:  # the feeds are read again from where they were
            self._gate.failed(error)
            log.warning("polls not recorded", polls=len(polled), reason=str(error))
            self._unrecorded += [one.feed for one in polled]
            return
        except Exception:  # the driver refuses a value, and each has errors of its own for that
            log.exception("polls not recorded", polls=len(polled))
            if len(polled) > 1:  # one of them cannot be recorded; that must not cost the others
                for one in polled:
                    await self._record([one])
            return
        self._metrics.posts.inc(recorded.posts)
        self._metrics.queued.inc(recorded.deliveries)
        if recorded.posts or recorded.late:
            log.info("recorded", posts=recorded.posts, deliveries=recorded.deliveries, late=recorded.late)


class Weather:
    """Tells our own outage from a feed's: when many hosts in a row cannot be reached, none of them is to blame."""

    HOSTS = 5
    IN_A_ROW = 10

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._failures = 0

    def after(self, host: str, result: Page | SourceError) -> bool:
        """Whether this failure is most likely ours."""
        if not (isinstance(result, FeedFailed) and result.fault in UNREACHED):
            self._hosts.clear()
            self._failures = 0
            return False
        if len(self._hosts) < self.HOSTS:
            self._hosts.add(host)
        self._failures += 1
        return self._failures >= self.IN_A_ROW and len(self._hosts) >= self.HOSTS


def _word(result: Page | SourceError) -> str:
    """The outcome as a metric's label."""
    match result:
        case Page(info=None):
            return "unchanged"
        case Page():
            return "changed"
        case FeedFailed(fault=fault):
            return fault
        case _:
            return type(result).__name__.removeprefix("Feed").lower()
