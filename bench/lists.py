"""A page of 50 notifications, asked for with a key under a rate: ours, the bare work, and who asks.

``ours``: the web role.  ``straw``: aiohttp, sqlite3 on one flat table, msgspec; the key is looked up and its rate kept
in a dictionary.  ``asker``: connections that stay open, in a process of its own, for it is nobody's work.
"""

import asyncio
import hashlib
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web
from sqlalchemy import insert
from sqlmodel import col

from bench.children import Answer, obey
from bench.fill import only
from bot import app, logs
from bot.clock import uuid7
from bot.rules.buckets import SIZE
from bot.settings import load
from bot.usecases import accounts, keys
from bot.web.apis.x_alerts_wire import Notification, Notifications
from storage.models import Delivery, Destination, Feed, Post
from storage.work import Work

ALERTS = 10_000
PAGE = 50
KEYS = 200
CONNECTIONS = 8
TEXT = "What happens at the harbour, in a few words. " * 5
NUMBER = "+34612345678"


# Ours


async def ours(stack: AsyncExitStack) -> Answer:
    """Where it listens, and the keys that it takes."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="postbell-bench-"))
    os.environ |= only(DATA_DIR=folder, PORT="0", METRICS_PORT="0")
    os.chdir(folder)
    logs.configure("error", "text")
    gateway = await stack.enter_async_context(app.run(load(), ("web",)))
    return {"port": gateway.port, "keys": await gateway.database.write(fill)}


def fill(work: Work) -> list[str]:
    """One account with one phone, its alerts and its keys; returns these."""
    account = accounts.add(work, "bench@postbell.example", plan="unlimited").id
    session, now = work.session, work.now
    phone = {"uid": uuid7(now), "account_id": account, "channel": "whatsapp", "lane": "chat", "address": NUMBER}
    to = session.execute(insert(Destination).values(**phone, created_at=now).returning(col(Destination.id))).scalar()
    feed = {"uid": uuid7(now), "source": "x", "key": "44196397", "name": "elonmusk", "due_at": now + timedelta(days=1)}
    feed_id = session.execute(insert(Feed).values(**feed, created_at=now).returning(col(Feed.id))).scalar()
    posts = [
        {
            "id": n,
            "uid": uuid7(now),
            "feed_id": feed_id,
            "seq": n,
            "key": n.to_bytes(24, "big"),
            "digest": b"",
            "url": link(n),
            "content": TEXT,
            "is_html": False,
            "found_at": now,
        }
        for n in range(1, ALERTS + 1)
    ]
    session.execute(insert(Post.__table__), posts)
    usual = {"account_id": account, "destination_id": to, "lane": "chat", "state": "delivered", "post_version": 1}
    usual |= {"due_at": now, "expires_at": now, "sent_at": now, "delivered_at": now}
    deliveries = [
        usual | {"post_id": n, "message_id": f"wamid.{n}", "created_at": now - timedelta(seconds=ALERTS - n)}
        for n in range(1, ALERTS + 1)
    ]
    session.execute(insert(Delivery.__table__), deliveries)
    return [keys.create(work, None, account_id=account, name="Bench").key for _ in range(KEYS)]


def link(n: int) -> str:
    return f"https://x.com/elonmusk/status/{1_797_123_456_789_000_000 + n}"


# The bare work


async def straw(stack: AsyncExitStack) -> Answer:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="postbell-bench-"))
    database = sqlite3.connect(Path(folder) / "straw.db")
    stack.callback(database.close)
    database.execute("CREATE TABLE keys (digest BLOB PRIMARY KEY, account INTEGER)")
    database.execute(
        "CREATE TABLE alerts (id INTEGER PRIMARY KEY, account INTEGER, uid TEXT, phone TEXT, name TEXT, tweet TEXT,"
        " text TEXT, url TEXT, message TEXT, status TEXT, error TEXT, created INTEGER, updated INTEGER)"
    )
    database.execute("CREATE INDEX alerts_created ON alerts (account, created, id)")
    made = [secrets.token_hex(16) for _ in range(KEYS)]
    database.executemany("INSERT INTO keys VALUES (?, 1)", [(digest(key),) for key in made])
    rows = [
        (n, 1, str(n), NUMBER, "elonmusk", str(n), TEXT, link(n), f"wamid.{n}", "delivered", None, n, n)
        for n in range(1, ALERTS + 1)
    ]
    database.executemany(f"INSERT INTO alerts VALUES ({', '.join('?' * 13)})", rows)
    database.commit()
    full_at: dict[str, float] = {}
    encode = msgspec.json.Encoder().encode

    async def notifications(request: web.Request) -> web.Response:
        key, now = request.headers["x-api-key"], time.monotonic()
        found = database.execute("SELECT account FROM keys WHERE digest = ?", (digest(key),)).fetchone()
        if not found:
            return web.Response(status=401)
        then = max(full_at.get(key, now), now) + 0.05
        if then - now > 2:
            return web.Response(status=429)
        full_at[key] = then
        page = database.execute(_PAGE, (found[0], PAGE + 1)).fetchall()
        listed = [
            Notification(uid, "1", phone, name, tweet, text, url, message, status, error, created, updated)
            for uid, phone, name, tweet, text, url, message, status, error, created, updated in page[:PAGE]
        ]
        body = encode(Notifications(listed, lastKey=str(page[-1][9])))
        return web.Response(body=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/notifications", notifications)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return {"port": runner.addresses[0][1], "keys": made}


_PAGE = (
    "SELECT uid, phone, name, tweet, text, url, message, status, error, created, updated FROM alerts"
    " WHERE account = ? ORDER BY created DESC, id DESC LIMIT ?"
)


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


# Who asks


async def ask(port: int, keys: list[str], count: int) -> Answer:
    """So many pages, over connections that stay open; no key asks more often than it may."""
    share = count // CONNECTIONS
    sent = iter([keys[n // (SIZE - 1)] for n in range(share * CONNECTIONS)])
    await asyncio.gather(*(_connection(port, sent, share) for _ in range(CONNECTIONS)))
    return {"done": share * CONNECTIONS}


async def _connection(port: int, keys: Iterator[str], count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        key = next(keys)
        writer.write(b"GET /notifications HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\n\r\n" % key.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        assert body.count(b"wamid.") == PAGE
    writer.close()


async def main(what: str) -> None:
    server: dict[str, Callable[[AsyncExitStack], Awaitable[Answer]]] = {"ours": ours, "straw": straw}
    async with AsyncExitStack() as stack:
        hello = await server[what](stack) if what in server else {}
        await obey({"ask": ask}, **hello)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
