"""Listens to a stream of X: posts as they are made, beside polling and never instead of it (sources-x.md 7)."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from adapters.base import FeedInfo, Page, SourceError
from adapters.http import NoConnection, Outbound, Stream
from adapters.sources.x.api import LONG_AGO, Api
from adapters.sources.x.intake import Intake, News, Reach
from adapters.sources.x.lines import Lines
from adapters.sources.x.official import made
from adapters.sources.x.posts import Person
from adapters.sources.x.refusals import said
from adapters.sources.x.searching import Searcher
from adapters.sources.x.snowflakes import floor_id
from adapters.sources.x.timelines import Row
from adapters.sources.x.wire import problem

Keys = Callable[[], Awaitable[Sequence[str]]]
Heard = Callable[[str, Page], Awaitable[None]]
Rest = Callable[[float], Awaitable[Any]]

SILENCE_SECONDS: Final = 25.0  # X lets no more than 20 pass without a sign of life
KEYS_SECONDS: Final = 30.0  # between two looks at who is followed
OVERLAP: Final = timedelta(seconds=60)
MOST_TO_FILL: Final = 2_000  # accounts whose gap is filled by search; those of more are left to polling
MOST_WAITING: Final = 2_000  # lines not yet told; then X has to wait, and may hang up
ALL_KINDS: Final = frozenset(("repost", "reply"))

log = structlog.get_logger("x")


class Refused(Exception):
    """X does not let us listen.  ``wait``: what it asks for, in seconds."""

    def __init__(self, reason: str, status: int, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.wait = status, wait


class Backoff:
    """How long to wait before the next connection (7.4)."""

    def __init__(self) -> None:
        self._drops = self._refusals = 0

    def alive(self) -> None:
        """A byte has come, if only to say that X lives; an answer 200 alone says nothing."""
        self._drops = self._refusals = 0

    def after(self, error: Exception) -> float:
        """Seconds; at once after the first drop of a connection that was good."""
        match error:
            case Refused(status=429, wait=wait):
                seconds = max(60.0 * (1 << min(self._refusals, 6)), wait)
            case Refused() | SourceError():
                seconds = min(5.0 * (1 << min(self._refusals, 6)), 320.0)
            case _:
                self._drops += 1
                return min(0.25 * (self._drops - 1), 16.0)
        self._refusals += 1
        return seconds * random.uniform(1, 1.1)  # noqa: S311 (spreads load, no secret)


class Listener:
    """One connection of one app, for as long as ``run`` runs."""

    def __init__(
        self,
        outbound: Outbound,
        api: Api,
        searcher: Searcher,
        intake: Intake,
        *,
        replies: bool,
        rest: Rest = asyncio.sleep,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._outbound, self._api, self._searcher, self._intake = outbound, api, searcher, intake
        self._replies, self._rest, self._silence_seconds = replies, rest, silence_seconds
        self._last: datetime | None = None  # when the last byte came, by X's clock
        self._reach = Reach()
        self.listening = False  # bytes come, so what is posted would, by whomever

    async def run(self, keys: Keys, heard: Heard) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._follow(keys)
                if self._reach.accounts:
                    await self._listen(keys, heard, backoff)
                    error: Exception = NoConnection("X ended the stream")
                else:
                    await self._rest(KEYS_SECONDS)
                    continue
            except (NoConnection, Refused, SourceError) as failure:
                error = failure
            wait = backoff.after(error)
            log.info("not listening to X", reason=str(error), again_in=round(wait, 2))
            await self._rest(wait)

    # --- The connection ---

    async def _listen(self, keys: Keys, heard: Heard, backoff: Backoff) -> None:
        """Until X ends it.  Raises NoConnection, Refused, SourceError."""
        headers = await self._api.authorization(self._now())
        url = self._api.url(self._intake.path, self._intake.query())
        async with self._outbound.stream(url, headers, silence_seconds=self._silence_seconds) as stream:
            self._api.heard("stream", stream.status, stream.headers, self._now())
            if stream.status != 200:
                raise await self._refused(stream)
            waiting: asyncio.Queue[News] = asyncio.Queue(MOST_WAITING)
            beside = [
                asyncio.create_task(self._keep_in_step(keys)),
                asyncio.create_task(self._tell(waiting, heard)),
                asyncio.create_task(self._fill(heard)),
            ]
            try:
                await self._read(stream, waiting, backoff)
                await waiting.join()
            finally:
                self.listening = False
                self._intake.ended(stream.status)
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _read(self, stream: Stream, waiting: "asyncio.Queue[News]", backoff: Backoff) -> None:
        lines = Lines()
        async for piece in stream.pieces():
            backoff.alive()
            self.listening = self._reach.whole
            self._last = self._now()
            for line in lines.feed(piece):
                try:
                    news = self._intake.read(line)
                except SourceError as error:
                    log.warning("a line of the stream was not read", reason=str(error))
                    continue
                if news.farewell is not None:
                    await waiting.join()
                    raise NoConnection(news.farewell)
                if news.rows or news.withdrawn:
                    await waiting.put(news)

    async def _refused(self, stream: Stream) -> Refused:
        body = await stream.beginning(16 * 1024)
        told = problem(body)
        self._intake.ended(stream.status)
        wait = timedelta(0)
        if stream.status == 429 and not told.connection_issue:
            wait = self._api.windows.refused("stream", stream.headers, self._now())
        return Refused(f"{stream.status} {said(told.words)}".strip(), stream.status, wait.total_seconds())

    # --- What is heard ---

    async def _tell(self, waiting: "asyncio.Queue[News]", heard: Heard) -> None:
        """What waits together is told together, so that it can be stored together."""
        while True:
            news = [await waiting.get()]
            while not waiting.empty():
                news.append(waiting.get_nowait())
            try:
                await self._tell_news(news, heard)
            finally:
                for _ in news:
                    waiting.task_done()

    async def _tell_news(self, news: Iterable[News], heard: Heard) -> None:
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        withdrawn: defaultdict[str, list[bytes]] = defaultdict(list)
        for one in news:
            for row in one.rows:
                rows[row[0].author_id].append(row)
            for author, key in one.withdrawn:
                withdrawn[author].append(key)
        authors = [author for author in (rows | withdrawn) if author in self._reach.accounts]
        await asyncio.gather(*(self._one(author, rows[author], withdrawn[author], heard) for author in authors))

    async def _one(self, author: str, rows: Sequence[Row], withdrawn: Sequence[bytes], heard: Heard) -> None:
        now = self._now()
        known = _person(author, rows)
        home = f"https://x.com/{known.username}"
        info = FeedInfo(title=known.name, name=known.username, home=home) if known.username else None
        try:
            reads = sum(self._api.reads(answer, now) for _, answer in rows)
            posts = made([row for row in rows if self._intake.wants(row[0])], known, ALL_KINDS)
            page = Page(
                cursor={}, posts=posts, withdrawn=withdrawn, info=info, complete=False, via="stream", reads=reads
            )
            await heard(author, page)
        except Exception as error:  # what is not stored now, polling brings
            log.error("a post from the stream was not stored", account=author, reason=repr(error))

    async def _fill(self, heard: Heard) -> None:
        """What was posted while nobody listened.  What this misses, polling brings."""
        accounts, now = self._reach.accounts, self._now()
        if self._last is None or len(accounts) > MOST_TO_FILL:
            return
        try:
            rows = await self._searcher.search_all(accounts, floor_id(self._last - OVERLAP), now, replies=self._replies)
        except SourceError as error:
            log.info("the gap in the stream is left to polling", reason=str(error))
        else:
            await self._tell_news([News(rows)], heard)

    # --- Whom to listen to ---

    async def _keep_in_step(self, keys: Keys) -> None:
        while True:
            await self._rest(KEYS_SECONDS)
            try:
                await self._follow(keys)
            except SourceError as error:
                log.warning("whom the stream tells of is not in step", reason=str(error))

    async def _follow(self, keys: Keys) -> None:
        """Raises SourceError."""
        accounts = tuple(sorted({key for key in await keys() if key.isdecimal()}, key=int))
        self._reach = await self._intake.follow(accounts, self._now())

    def _now(self) -> datetime:
        return self._api.now() or LONG_AGO


def _person(author: str, rows: Sequence[Row]) -> Person:
    users = [user for _, answer in rows if (user := answer.users.get(author))]
    return Person(author, users[-1].username, users[-1].name) if users else Person(author)
