"""Comparison floors on the network: the least that could do each job, promising next to nothing.

``get``: a bare aiohttp loop of conditional GETs.  ``post``: a bare aiohttp loop of POSTs.  ``poller``: the
same GET loop with fastfeedparser and one batching writer thread on SQLite; relays new items when it has a
receiver.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

import aiohttp
import fastfeedparser
import uvloop

from bench.children import Answer, obey
from bench.origin import first_tag
from bench.stalls import StallWatch

FETCHES = 64  # at the same time
SENDS = 32
BODY_BYTES = 1_000
T = TypeVar("T")


class Get:
    """Visits feeds whose ETags it knows."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._feeds: list[tuple[str, str]] = []

    async def prepare(self, origin: str, first: int, count: int) -> Answer:
        self._feeds = [(f"{origin}/f/{n}", first_tag(n)) for n in range(first, first + count)]
        return {}

    async def run(self) -> Answer:
        await at_once(FETCHES, iter(self._feeds), self._visit)
        return {"done": len(self._feeds)}

    async def _visit(self, feed: tuple[str, str]) -> None:
        url, tag = feed
        async with self._session.get(url, headers={"If-None-Match": tag}) as response:
            await response.read()
            assert response.status == 304


class Post:
    """Sends messages of about 1 KB that name themselves, unsigned, and remembers nothing of it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._sink = ""
        self._body = json.dumps({"type": "post.published", "data": {"content": "x" * BODY_BYTES}}).encode()

    async def prepare(self, sink: str) -> Answer:
        self._sink = sink
        return {}

    async def run(self, count: int) -> Answer:
        await at_once(SENDS, iter(range(count)), self._send)
        return {"done": count}

    async def _send(self, n: int) -> None:
        headers = {"Content-Type": "application/json", "webhook-id": f"msg_{n}"}
        url = f"{self._sink}/d/{n}"
        async with self._session.post(url, data=self._body, headers=headers) as response:
            await response.read()
            response.raise_for_status()


@dataclass(frozen=True, slots=True)
class Visit:
    """What one changed document gives to the writer."""

    feed: int
    tag: str
    items: list[tuple[str, str, str, str, str]]  # id, title, link, published, content


class Writer(Thread):
    """The one thread that writes: takes what is waiting, commits once, then tells the callers."""

    BATCH = 100

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[tuple[Visit, asyncio.Future[list[str]]] | None] = SimpleQueue()

    def record(self, visit: Visit) -> "asyncio.Future[list[str]]":
        """Resolves, after the commit, to the titles that were new."""
        future: asyncio.Future[list[str]] = self._loop.create_future()
        self._waiting.put((visit, future))
        return future

    def stop(self) -> None:
        self._waiting.put(None)
        self.join()

    def run(self) -> None:
        database = connect(self._file)
        while first := self._waiting.get():
            batch = [first]
            while len(batch) < self.BATCH and not self._waiting.empty():
                if (another := self._waiting.get()) is None:
                    self._waiting.put(None)
                    break
                batch.append(another)
            database.execute("BEGIN IMMEDIATE")
            done = [(future, self._store(database, visit)) for visit, future in batch]
            database.execute("COMMIT")
            self._loop.call_soon_threadsafe(_resolve, done)
        database.close()

    @staticmethod
    def _store(database: sqlite3.Connection, visit: Visit) -> list[str]:
        known = {key for (key,) in database.execute("SELECT id FROM posts WHERE feed = ?", (visit.feed,))}
        new = [item for item in visit.items if item[0] not in known]
        database.executemany("INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?)", [(visit.feed, *i) for i in new])
        database.execute("UPDATE feeds SET tag = ? WHERE number = ?", (visit.tag, visit.feed))
        return [title for _, title, *_ in new]


def _resolve(done: Iterable[tuple["asyncio.Future[list[str]]", list[str]]]) -> None:
    for future, new in done:
        future.set_result(new)


class Poller:
    """Polls each of its feeds once per run; each preparation begins with an empty database."""

    SLICE = 500  # feeds read from the database at a time, so that memory does not grow with all of them

    def __init__(self, session: aiohttp.ClientSession, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._watch = StallWatch()
        self._prepared = 0
        self._writer: Writer | None = None
        self._relay = ""  # where new items go; empty: nowhere
        self._new = 0

    async def prepare(self, origin: str, first: int, count: int, known: bool = False) -> Answer:
        """``known``: as if every feed had been read in its first version, which nothing was stored of."""
        self.close()
        self._prepared += 1
        self._file = self._folder / f"straw-{self._prepared}.db"
        with connect(self._file) as database:
            database.execute("CREATE TABLE feeds (number INTEGER PRIMARY KEY, url TEXT, tag TEXT)")
            database.execute(
                "CREATE TABLE posts (feed INTEGER, id TEXT, title TEXT, link TEXT, published TEXT, content TEXT,"
                " UNIQUE (feed, id))"
            )
            database.execute("BEGIN")
            numbers = range(first, first + count)
            feeds = ((n, f"{origin}/f/{n}", first_tag(n) if known else "") for n in numbers)
            database.executemany("INSERT INTO feeds VALUES (?, ?, ?)", feeds)
            database.execute("COMMIT")
        self._writer = Writer(self._file)
        self._writer.start()
        return {}

    async def run(self, relay: str = "") -> Answer:
        """``relay``: where new items go.  ``new``: items stored; ``stall``: the loop's longest, in seconds."""
        self._relay = relay
        self._watch.worst()
        self._new = done = 0
        database = connect(self._file)
        last = -1
        while feeds := database.execute(
            "SELECT number, url, tag FROM feeds WHERE number > ? ORDER BY number LIMIT ?", (last, self.SLICE)
        ).fetchall():
            last = feeds[-1][0]
            done += len(feeds)
            await at_once(FETCHES, iter(feeds), self._visit)
        database.close()
        return {"done": done, "new": self._new, "stall": self._watch.worst()}

    def close(self) -> None:
        if self._writer:
            self._writer.stop()

    async def _visit(self, feed: tuple[int, str, str]) -> None:
        number, url, tag = feed
        async with self._session.get(url, headers={"If-None-Match": tag} if tag else None) as response:
            if response.status == 304:
                return
            body = await response.read()
            tag = response.headers.get("ETag", "")
        items = [
            (e.id, e.title, e.link, e.get("published") or "", e["content"][0]["value"])
            for e in fastfeedparser.parse(body).entries
        ]
        assert self._writer
        new = await self._writer.record(Visit(number, tag, items))
        self._new += len(new)
        if self._relay:
            for title in new:
                await self._send(number, title)

    async def _send(self, feed: int, title: str) -> None:
        headers = {"Content-Type": "application/json", "webhook-id": f"msg_{title.partition(',')[0]}"}
        body = json.dumps({"title": title, "content": "x" * BODY_BYTES}).encode()
        async with self._session.post(f"{self._relay}/d/{feed}", data=body, headers=headers) as response:
            response.raise_for_status()


def connect(file: Path) -> sqlite3.Connection:
    """As durable as the gateway: a commit is on the disk when it returns."""
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA cache_size=-16384")
    return database


async def at_once(limit: int, things: Iterator[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Work through ``things``, ``limit`` at the same time."""

    async def worker() -> None:
        for thing in things:
            await work(thing)

    await asyncio.gather(*(worker() for _ in range(limit)))


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=FETCHES)) as session:
        yield session


async def main(name: str, folder: Path) -> None:
    async with client() as session:
        if name == "poller":
            poller = Poller(session, folder)
            await obey({"prepare": poller.prepare, "run": poller.run})
            poller.close()
        else:
            straw: Get | Post = Get(session) if name == "get" else Post(session)
            await obey({"prepare": straw.prepare, "run": straw.run})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as folder:
        uvloop.run(main(sys.argv[1], Path(folder)))
