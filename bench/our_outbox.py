"""The gateway's outbox as a contestant: its use cases through its own door to storage, without any network.

``fan_out``: one post to all subscribers.  ``queue``: a post to each of the destinations, claimed and settled in
the batches of the dispatcher, until the outbox is empty, then the next.
"""

import base64
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy.engine import make_url

from adapters.base import FeedInfo, Page, Post, Receipt
from bench.children import Answer, obey_plainly
from bench.fill import Size, fill_elsewhere, only
from bench.measure import parent_of
from bot import parts
from bot.clock import utc_now
from bot.jobs.dispatcher import AHEAD
from bot.settings import load
from bot.usecases import deliveries, feeds, posts, settling
from storage.database import Database

FEED = 1  # the first and only one
LANE, AT_A_DESTINATION = "webhook", {"webhook": 4}
INTERVAL = timedelta(minutes=10)


class Engine(Protocol):
    """Where databases of ours come from."""

    def template(self) -> str:
        """The address of a new empty database, to be filled once."""

    def copy(self) -> str:
        """The address of a fresh copy of the template; the one before it is dropped."""

    def close(self) -> None: ...


class SQLite:
    def __init__(self, folder: Path) -> None:
        self._template, self._copy = folder / "template.db", folder / "postbell.db"

    def template(self) -> str:
        self._template.unlink(missing_ok=True)
        return f"sqlite:///{self._template}"

    def copy(self) -> str:
        for path in self._copy.parent.glob("postbell.db*"):
            path.unlink()
        self._copy.write_bytes(self._template.read_bytes())
        return f"sqlite:///{self._copy}"

    def close(self) -> None:
        """The folder is somebody else's to remove."""


class PostgreSQL:
    """Databases of our own on the server, so that no other's tables are in the way."""

    TEMPLATE, COPY = "bench_template", "bench_copy"

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._server = psycopg.connect(url, autocommit=True)
        self.pid = parent_of(self._server.info.backend_pid)

    def template(self) -> str:
        self.close()
        self._server.execute(f"CREATE DATABASE {self.TEMPLATE}".encode())
        return self._named(self.TEMPLATE)

    def copy(self) -> str:
        self._drop(self.COPY)
        self._server.execute(f"CREATE DATABASE {self.COPY} TEMPLATE {self.TEMPLATE}".encode())
        return self._named(self.COPY)

    def close(self) -> None:
        self._drop(self.COPY)
        self._drop(self.TEMPLATE)

    def _drop(self, name: str) -> None:
        self._server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)


class Outbox:
    """The orders; ``done`` counts rows."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._filled = 0
        self._seq = 0
        self._database: Database | None = None

    def prepare(self, subscriptions: int) -> Answer:
        """Subscriptions of one feed, as many as there are destinations."""
        self.close()
        if self._filled != subscriptions:
            size = Size(feeds=1, known=True, destinations=subscriptions, fan_out=True)
            fill_elsewhere(size, os.environ | {"DATABASE_URL": self._engine.template()}, self._folder)
            self._filled = subscriptions
        url = self._engine.copy()
        settings = load(database_url=url)
        self._policy = parts.make_policy(settings, {})
        self._room = settings.webhook_slots * (1 + AHEAD)  # what the dispatcher claims with empty hands
        self._database = Database(url, utc_now)
        return {}

    def fan_out(self, posts: int) -> Answer:
        return {"done": sum(self._publish() for _ in range(posts))}

    def queue(self, rows: int) -> Answer:
        done = 0
        while done < rows:
            self._publish()
            done += self._work_off()
        return {"done": done}

    def close(self) -> None:
        if self._database:
            self._database.close()

    def _publish(self) -> int:
        """One new post; returns how many deliveries it made."""
        assert self._database
        self._seq += 1
        due = self._database.run(feeds.hurry, FEED, INTERVAL)
        recorded = self._database.run(posts.record, [posts.Polled(due, page(self._seq))], self._policy)
        return recorded.deliveries

    def _work_off(self) -> int:
        """Claim and settle until there is nothing more; returns how many were sent."""
        assert self._database
        sent, after = 0, 0
        while True:
            claim = self._database.run(deliveries.take_due, LANE, self._room, after, AT_A_DESTINATION)
            settled = self._database.run(settling.settle, all_sent(claim.due), self._policy)
            sent += sum(settled.ended.values())
            after = claim.after
            if not claim.due and not after:
                return sent


def page(seq: int) -> Page:
    post = Post(key=seq.to_bytes(16, "big"), title=f"Post {seq}", url=f"https://publisher.example/{seq}", content="x")
    return Page(cursor={}, posts=(post,), info=FeedInfo(title="Harbour news"))


def all_sent(due: Sequence[deliveries.DueDelivery]) -> list[settling.Sent]:
    now, receipt = utc_now(), Receipt(status=200)
    return [settling.Sent(due=one, result=receipt, started_at=now, ended_at=now) for one in due]


def main(folder: Path) -> None:
    os.chdir(folder)
    environment = only(DATA_DIR=str(folder), MASTER_KEY=base64.b64encode(bytes(32)).decode())
    os.environ.clear()
    os.environ |= environment
    engine = SQLite(folder) if sys.argv[1] == "sqlite" else PostgreSQL(sys.argv[2])
    hello = {"also": engine.pid} if isinstance(engine, PostgreSQL) else {}
    outbox = Outbox(engine, folder)
    obey_plainly({"prepare": outbox.prepare, "fan_out": outbox.fan_out, "queue": outbox.queue}, **hello)
    outbox.close()
    engine.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as temporary:
        main(Path(temporary))
