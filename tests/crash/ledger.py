"""What the database says, read from outside and past our own code."""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """A SELECT's rows.  On SQLite as a mere reader, who recovers and checkpoints nothing for the next server."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as reader:
            return reader.execute(statement).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def change(url: str, statement: str) -> None:
    """Run a statement that changes rows."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=5)) as writer, writer:
            writer.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement.encode())


def states(url: str) -> Counter[str]:
    """Deliveries by state."""
    return Counter(dict(rows(url, "SELECT state, count(*) FROM deliveries GROUP BY state")))


def in_flight(url: str) -> list[str]:
    """Our ids (a webhook's webhook-id) of what is leased: sends whose end nobody knows, if their process is dead."""
    leased = rows(
        url,
        "SELECT posts.uid, deliveries.subscription_id, deliveries.uid FROM deliveries"
        " LEFT JOIN posts ON posts.id = deliveries.post_id WHERE deliveries.state = 'leased'",
    )
    return [
        f"msg_{UUID(str(post)).hex}_{subscription}" if post else f"msg_{UUID(str(uid)).hex}"
        for post, subscription, uid in leased
    ]


def unfinished(url: str) -> int:
    """Deliveries that have not ended."""
    wanted = "SELECT count(*) FROM deliveries WHERE state IN ('ready', 'waiting', 'leased', 'held')"
    return int(rows(url, wanted)[0][0])
