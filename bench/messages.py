"""A million stored messages, listed over HTTP: the first page, and pages so deep that walking there would be slow.

``ours sqlite`` and ``ours postgresql URL``: the web role over a database filled for the purpose.  ``asker``: a caller
with one connection, in a process of its own.
"""

import asyncio
import base64
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import msgspec
import psycopg
import uvloop
from sqlalchemy import func, insert, select, update
from sqlmodel import col

from bench.children import Answer, obey
from bench.fill import only
from bench.our_outbox import PostgreSQL
from bot import app, ground, logs
from bot.clock import utc_now, uuid7
from bot.rules.buckets import SIZE
from bot.settings import load
from bot.usecases import accounts, keys
from storage.columns import to_micros
from storage.models import Destination, Feed, Post, Subscription
from storage.work import Work

FEEDS = 100  # the first has half of all messages, the others share the rest
KEYS = 400
PAGE = 20
TEXT = "<p>What happens at the harbour, in a few words of <b>HTML</b>.</p>" * 10
COLUMNS = "id, uid, feed_id, seq, key, digest, title, url, content, is_html, found_at"

# Ours


async def ours(stack: AsyncExitStack, engine: str, url: str, count: int) -> Answer:
    """Where it listens, its keys, and how many pages there are."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postbell-bench-")))
    os.environ |= only(DATA_DIR=str(folder), PORT="0", METRICS_PORT="0")
    if engine == "postgresql":
        server = PostgreSQL(url)
        stack.callback(server.close)
        url = server.template()
        os.environ |= {"DATABASE_URL": url, "MASTER_KEY": base64.b64encode(bytes(32)).decode()}
    os.chdir(folder)
    logs.configure("error", "text")
    settings = load()
    gateway = await stack.enter_async_context(app.run(settings, ("web",)))
    made = await gateway.database.write(follow)
    if engine == "postgresql":
        copy_into(url, rows(count, utc_now()))
    else:
        insert_into(ground.sqlite_file(settings), rows(count, utc_now()))
    await gateway.database.write(number)
    return {"port": gateway.port, "keys": made, "pages": count // PAGE}


def follow(work: Work) -> list[str]:
    """One account that follows all feeds; returns its keys."""
    session, now = work.session, work.now
    account = accounts.add(work, "bench@postbell.example", plan="unlimited").id
    to = {"id": 1, "uid": uuid7(now), "account_id": account, "channel": "webhook", "lane": "webhook", "address": "x"}
    session.execute(insert(Destination.__table__).values(**to, created_at=now))
    usual = {"source": "wechat", "due_at": now + timedelta(days=1), "created_at": now}
    feeds = [usual | {"id": n, "uid": uuid7(now), "key": f"biz{n}", "title": f"Account {n}"} for n in numbers()]
    session.execute(insert(Feed.__table__), feeds)
    wish = {"account_id": account, "destination_id": 1, "active": True, "created_at": now}
    session.execute(insert(Subscription.__table__), [wish | {"feed_id": n} for n in numbers()])
    return [keys.create(work, None, account_id=account, name="Bench").key for _ in range(KEYS)]


def number(work: Work) -> None:
    """Feeds know how many posts they have."""
    last = select(func.max(col(Post.seq))).where(col(Post.feed_id) == col(Feed.id)).scalar_subquery()
    work.session.execute(update(Feed).values(last_seq=func.coalesce(last, 0)))


def numbers() -> range:
    return range(1, FEEDS + 1)


def rows(count: int, now: datetime) -> Iterator[tuple[object, ...]]:
    """Messages a second apart, the last one now."""
    last = to_micros(now)
    for n in range(count):
        feed, seq = (1, n // 2 + 1) if n % 2 else (2 + n // 2 % (FEEDS - 1), n // 2 // (FEEDS - 1) + 1)
        at = last - (count - n) * 1_000_000
        url = f"https://mp.weixin.qq.com/s/{n:022d}"
        yield n + 1, UUID(int=n), feed, seq, n.to_bytes(24, "big"), b"", f"Article {n}", url, TEXT, True, at


def insert_into(file: Path, made: Iterator[tuple[object, ...]]) -> None:
    with sqlite3.connect(file) as database:
        marks = ", ".join("?" * len(COLUMNS.split(",")))
        flat = ((one[0], UUID(str(one[1])).hex, *one[2:]) for one in made)
        database.executemany(f"INSERT INTO posts ({COLUMNS}) VALUES ({marks})", flat)
    database.close()


def copy_into(url: str, made: Iterator[tuple[object, ...]]) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        with database.cursor().copy(f"COPY posts ({COLUMNS}) FROM STDIN".encode()) as copy:
            for one in made:
                copy.write_row(one)
        database.execute("VACUUM ANALYZE posts")


# Who asks


async def ask(port: int, keys: list[str], pages: Sequence[int]) -> Answer:
    """These pages, one after the other; answers percentiles in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits = []
    for n, page in enumerate(pages):
        path, key = f"/api/v1/wechat/messages?page={page}&pageSize={PAGE}", keys[n // (SIZE - 1)]
        began = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        waits.append(time.perf_counter() - began)
        assert len(msgspec.json.decode(body)["data"]) == PAGE
    writer.close()
    percentiles = quantiles(waits, n=100)
    return {"p50": percentiles[49], "p99": percentiles[98]}


async def main(what: str, *arguments: str) -> None:
    async with AsyncExitStack() as stack:
        hello = await ours(stack, arguments[0], arguments[1], int(arguments[2])) if what == "ours" else {}
        await obey({"ask": ask}, **hello)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
