"""Comparison floors for the outbox: the same rows, columns and indexes, in the fewest statements there can be.

``fan_out``: one post to all subscribers, one INSERT … SELECT.  ``queue``: enqueue, claim and complete in
batches, a transaction each.  No rules, no retries, no breaker, no fairness.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg

from bench.children import Answer, obey_plainly
from bench.measure import parent_of
from bench.straws import connect

BATCH = 500  # rows in one transaction of ``queue``
DESTINATIONS = 1_000
LEASE_MICROSECONDS = 60_000_000
NOW = 1_800_000_000_000_000  # a moment, in microseconds since 1970

TABLES = (
    "DROP TABLE IF EXISTS raw_subscriptions",
    "DROP TABLE IF EXISTS raw_deliveries",
    """CREATE TABLE raw_subscriptions (
        id {id}, account_id bigint NOT NULL, feed_id bigint NOT NULL, destination_id bigint NOT NULL,
        active boolean NOT NULL)""",
    "CREATE INDEX raw_subscriptions_feed ON raw_subscriptions (feed_id, destination_id)",
    """CREATE TABLE raw_deliveries (
        id {id}, account_id bigint NOT NULL, subscription_id bigint NOT NULL, destination_id bigint NOT NULL,
        post_id bigint NOT NULL, post_version integer NOT NULL, lane text NOT NULL, state text NOT NULL,
        due_at bigint NOT NULL, expires_at bigint NOT NULL, attempts integer NOT NULL, lease_token text,
        message_id text NOT NULL, error text NOT NULL, created_at bigint NOT NULL, sent_at bigint,
        UNIQUE (subscription_id, post_id))""",
    """CREATE INDEX raw_deliveries_ready ON raw_deliveries (lane, destination_id, due_at, id)
        WHERE state = 'ready'""",
)
COLUMNS = (
    "account_id, subscription_id, destination_id, post_id, post_version, lane, state, due_at, expires_at,"
    " attempts, message_id, error, created_at"
)
FAN_OUT = f"""INSERT INTO raw_deliveries ({COLUMNS})
    SELECT account_id, id, destination_id, {{post}}, 1, 'webhook', 'ready', {NOW}, {NOW} + 1, 0, '', '', {NOW}
    FROM raw_subscriptions WHERE feed_id = 1 AND active"""


class Engine(Protocol):
    def fresh(self, subscriptions: int) -> None:
        """Empty tables, but for this many subscriptions of one feed."""

    def fan_out(self, post: int) -> int: ...

    def enqueue(self, subscriptions: Sequence[int]) -> None: ...

    def claim(self, token: str) -> Sequence[int]: ...

    def complete(self, token: str, ids: Sequence[int]) -> int:
        """Both claims and completions name their lease, as any honest queue must."""


class SQLite:
    def __init__(self, folder: Path) -> None:
        self._database: sqlite3.Connection = connect(folder / "outbox.db")

    def fresh(self, subscriptions: int) -> None:
        for statement in TABLES:
            self._database.execute(statement.format(id="INTEGER PRIMARY KEY"))
        rows = ((1, 1, n % DESTINATIONS, True) for n in range(subscriptions))
        self._write_many(
            "INSERT INTO raw_subscriptions (account_id, feed_id, destination_id, active) VALUES (?, ?, ?, ?)",
            rows,
        )

    def fan_out(self, post: int) -> int:
        return self._database.execute(FAN_OUT.format(post="?"), (post,)).rowcount

    def enqueue(self, subscriptions: Sequence[int]) -> None:
        self._write_many(
            f"INSERT INTO raw_deliveries ({COLUMNS})"
            f" VALUES (1, ?, ?, 1, 1, 'webhook', 'ready', {NOW}, {NOW} + 1, 0, '', '', {NOW})",
            ((n, n % DESTINATIONS) for n in subscriptions),
        )

    def claim(self, token: str) -> Sequence[int]:
        rows = self._database.execute(
            f"""UPDATE raw_deliveries SET state = 'leased', lease_token = ?, attempts = attempts + 1,
                due_at = {NOW + LEASE_MICROSECONDS}
                WHERE id IN (SELECT id FROM raw_deliveries WHERE state = 'ready' AND lane = 'webhook' LIMIT ?)
                RETURNING id""",
            (token, BATCH),
        )
        return [id_ for (id_,) in rows.fetchall()]

    def complete(self, token: str, ids: Sequence[int]) -> int:
        return self._write_many(
            f"UPDATE raw_deliveries SET state = 'sent', lease_token = NULL, sent_at = {NOW}"
            " WHERE id = ? AND lease_token = ?",
            ((id_, token) for id_ in ids),
        )

    def _write_many(self, statement: str, rows: Any) -> int:
        self._database.execute("BEGIN IMMEDIATE")
        written = self._database.executemany(statement, rows).rowcount
        self._database.execute("COMMIT")
        return written


class PostgreSQL:
    """Arrays as parameters: one prepared statement a batch, as asyncpg's users write it too."""

    def __init__(self, url: str) -> None:
        self._database = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        self.server = self._database.info.backend_pid

    def fresh(self, subscriptions: int) -> None:
        for statement in TABLES:
            self._run(statement.format(id="bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))
        self._run("ALTER TABLE raw_deliveries SET (fillfactor = 80)")
        self._run(
            "INSERT INTO raw_subscriptions (account_id, feed_id, destination_id, active)"
            f" SELECT 1, 1, mod(n, {DESTINATIONS}), true FROM generate_series(1, %s) n",
            subscriptions,
        )
        self._run("ANALYZE raw_subscriptions")

    def fan_out(self, post: int) -> int:
        return self._run(FAN_OUT.format(post="%s"), post).rowcount

    def enqueue(self, subscriptions: Sequence[int]) -> None:
        self._run(
            f"INSERT INTO raw_deliveries ({COLUMNS}) SELECT 1, n, mod(n, {DESTINATIONS}), 1, 1, 'webhook', 'ready',"
            f" {NOW}, {NOW} + 1, 0, '', '', {NOW} FROM unnest(%b::bigint[]) n",
            list(subscriptions),
        )

    def claim(self, token: str) -> Sequence[int]:
        rows = self._run(
            f"""UPDATE raw_deliveries SET state = 'leased', lease_token = %s, attempts = attempts + 1,
                due_at = {NOW + LEASE_MICROSECONDS}
                WHERE id = ANY (ARRAY(SELECT id FROM raw_deliveries WHERE state = 'ready' AND lane = 'webhook'
                    LIMIT %s FOR UPDATE SKIP LOCKED))
                RETURNING id""",
            token,
            BATCH,
        )
        return [id_ for (id_,) in rows.fetchall()]

    def complete(self, token: str, ids: Sequence[int]) -> int:
        return self._run(
            f"UPDATE raw_deliveries SET state = 'sent', lease_token = NULL, sent_at = {NOW}"
            " WHERE id = ANY (%b::bigint[]) AND lease_token = %s",
            list(ids),
            token,
        ).rowcount

    def _run(self, statement: str, *values: Any) -> psycopg.Cursor[Any]:
        return self._database.execute(statement.encode(), values or None, binary=True)


class Outbox:
    """The orders; ``done`` counts rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self, subscriptions: int) -> Answer:
        self._engine.fresh(subscriptions)
        return {}

    def fan_out(self, posts: int) -> Answer:
        return {"done": sum(self._engine.fan_out(post) for post in range(1, posts + 1))}

    def queue(self, rows: int) -> Answer:
        """Every row goes through all three stages."""
        done = 0
        for first in range(0, rows, BATCH):
            self._engine.enqueue(range(first, min(first + BATCH, rows)))
            token = f"{first:016x}"
            done += self._engine.complete(token, self._engine.claim(token))
        return {"done": done}


def main(folder: Path) -> None:
    hello, side = {}, _engine(folder)
    if isinstance(side, PostgreSQL):
        hello["also"] = parent_of(side.server)  # the server's processes work for us as well
    outbox = Outbox(side)
    obey_plainly({"prepare": outbox.prepare, "fan_out": outbox.fan_out, "queue": outbox.queue}, **hello)


def _engine(folder: Path) -> Engine:
    return SQLite(folder) if sys.argv[1] == "sqlite" else PostgreSQL(sys.argv[2])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as temporary:
        main(Path(temporary))
