"""Fills an empty database of ours, quickly and with rows as the program writes them: ``python -m bench.fill JSON``.

One account has everything.  Every feed has one subscriber; when ``fan_out`` or a backlog is asked for, the first has
all destinations as subscribers, and as many posts as the backlog takes.  It runs as a process of its own, so that what
the filling needs does not count for the gateway.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, literal, select

from adapters.sources.feeds import READER
from bench.children import BenchError
from bench.origin import first_date, first_tag
from bot import ground
from bot.clock import utc_now, uuid7
from bot.rules.secrets import Ring
from bot.settings import Settings, load
from bot.usecases import destinations as stored_destinations
from storage import migrate
from storage.models import Account, Delivery, DeliveryState, Destination, Feed, Post, Subscription

ROOT = Path(__file__).parents[1]
SLICE = 5_000  # rows handed to the driver at a time
EXPIRY = timedelta(days=3)
TEXT = "<p>What happens at the harbour, in a few words of <b>HTML</b>.</p>" * 10
Seal = Callable[[UUID], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What the database shall hold.  ``origin`` and ``sink``: the addresses before /f/0 and /d/0."""

    origin: str = ""
    first: int = 0  # the first feed's number at the origin
    feeds: int = 0
    known: bool = False  # as if every feed had been read in its first version, which nothing was stored of
    due: bool = False  # at once; else in a day
    sink: str = ""
    secret: str = ""  # "whsec_…", of all destinations
    destinations: int = 0
    fan_out: bool = False
    backlog: int = 0  # deliveries that are ready; a multiple of ``destinations``


def fill_elsewhere(size: Size, environment: Mapping[str, str], folder: Path) -> None:
    """Fill in another process, which works in ``folder``.  Raises BenchError."""
    program = [sys.executable, "-m", "bench.fill", msgspec.json.encode(size).decode()]
    done = subprocess.run(program, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the database could not be filled: {done.stderr[-1000:]}")


def only(**settings: str) -> dict[str, str]:
    """An environment with these settings of ours and no others, for nobody's real database may be filled.

    A process that gets it works in a folder without a ``.env``.
    """
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in ours}
    return kept | {"PYTHONPATH": str(ROOT), "EGRESS_ALLOW": "127.0.0.1/32"} | settings


def main() -> None:
    """The gateway's settings come from the environment."""
    size = msgspec.json.decode(sys.argv[1], type=Size)
    settings = load()
    ground.make_folder(settings)
    ground.migrate_now(settings)
    vault = ground.open_vault(settings)
    now = utc_now()
    ring = Ring().rotated(size.secret, now).pack()
    engine = open_engine(settings.database)
    fill(engine, size, lambda uid: vault.seal(ring, stored_destinations.place(uid)), now)
    engine.dispose()


def open_engine(url: str) -> Engine:
    """For SQLite in haste: if this process dies, nobody wants the file."""
    if not url.startswith("sqlite"):
        return migrate.open_any(url)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(driver: Any, _record: Any) -> None:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144", "foreign_keys=OFF"):
            driver.execute(f"PRAGMA {pragma}")

    return engine


def fill(engine: Engine, size: Size, seal: Seal, now: datetime) -> None:
    """All in one transaction; the schema exists and its tables are empty."""
    with engine.begin() as connection:
        account = _insert_one(connection, Account, email="bench@postbell.example", created_at=now)
        _insert(connection, Destination, _destinations(size, account, seal, now))
        _insert(connection, Feed, _feeds(size, now))
        if size.destinations and size.feeds:
            _subscribe(connection, account, size, now)
        if size.backlog:
            _insert(connection, Post, _posts(connection, size, now))
            _queue(connection, now)


def _destinations(size: Size, account: int, seal: Seal, now: datetime) -> Iterable[dict[str, Any]]:
    for n in range(size.destinations):
        uid = uuid7(now)
        yield {
            "uid": uid,
            "account_id": account,
            "channel": "webhook",
            "lane": "webhook",
            "address": f"{size.sink}/d/{n}",
            "verified_at": now,
            "secrets": seal(uid) if size.secret else None,
            "created_at": now,
        }


def _feeds(size: Size, now: datetime) -> Iterable[dict[str, Any]]:
    """Without a host: the gateway owes no politeness to addresses in EGRESS_ALLOW."""
    for n in range(size.first, size.first + size.feeds):
        yield {
            "uid": uuid7(now),
            "source": "feed",
            "key": f"{size.origin}/f/{n}",
            "last_seq": size.backlog // size.destinations if n == size.first and size.backlog else 0,
            "due_at": now if size.due else now + timedelta(days=1),
            "cursor": _cursor(n, now) if size.known else "{}",
            "last_success_at": now if size.known else None,
            "created_at": now,
        }


def _cursor(number: int, now: datetime) -> str:
    """As the source writes it after reading the first version."""
    modified = first_date()
    read = {"v": READER, "h": "0" * 24, "f": int(now.timestamp()), "e": first_tag(number), "m": modified}
    return msgspec.json.encode(read).decode()


def _posts(connection: Connection, size: Size, now: datetime) -> Iterable[dict[str, Any]]:
    feed = _first(connection, Feed)
    for seq in range(1, size.backlog // size.destinations + 1):
        key = blake2b(b"%d" % seq, digest_size=16).digest()
        yield {
            "uid": uuid7(now),
            "feed_id": feed,
            "seq": seq,
            "key": feed.to_bytes(8, "big") + key,
            "digest": key[:8],
            "title": f"Post {seq}",
            "url": f"https://publisher.example/{seq}",
            "content": TEXT,
            "is_html": True,
            "found_at": now,
        }


def _subscribe(connection: Connection, account: int, size: Size, now: datetime) -> None:
    """Ids are consecutive here, so feeds and destinations can be paired by counting."""
    feeds, destinations = _table(Feed), _table(Destination)
    first_feed, first_destination = _first(connection, Feed), _first(connection, Destination)
    place = feeds.c.id - first_feed
    pairs = select(
        literal(account), feeds.c.id, destinations.c.id, literal(True), literal(now, destinations.c.created_at.type)
    )
    to_one = pairs.join_from(feeds, destinations, destinations.c.id == first_destination + place % size.destinations)
    to_all = pairs.join_from(feeds, destinations, feeds.c.id == first_feed)
    for rows in [to_all, to_one.where(feeds.c.id > first_feed)] if size.fan_out or size.backlog else [to_one]:
        connection.execute(
            insert(_table(Subscription)).from_select(
                ["account_id", "feed_id", "destination_id", "active", "created_at"], rows
            )
        )


def _queue(connection: Connection, now: datetime) -> None:
    """A ready delivery for each post and subscriber of the first feed, post after post, as fan-outs write them."""
    posts, subscriptions, deliveries = _table(Post), _table(Subscription), _table(Delivery)
    time = deliveries.c.due_at.type
    values = {
        "account_id": subscriptions.c.account_id,
        "subscription_id": subscriptions.c.id,
        "destination_id": subscriptions.c.destination_id,
        "post_id": posts.c.id,
        "post_version": literal(1),
        "lane": literal("webhook"),
        "state": literal(DeliveryState.READY.value),
        "due_at": literal(now, time),
        "expires_at": literal(now + EXPIRY, time),
        "created_at": literal(now, time),
    }
    rows = select(*values.values()).join_from(posts, subscriptions, posts.c.feed_id == subscriptions.c.feed_id)
    rows = rows.order_by(posts.c.id, subscriptions.c.id)
    connection.execute(insert(deliveries).from_select(list(values), rows))


def _insert(connection: Connection, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    while some := list(islice(rows, SLICE)):
        connection.execute(insert(_table(model)), some)


def _insert_one(connection: Connection, model: type[Any], **row: Any) -> int:
    _insert(connection, model, [row])
    return _first(connection, model)


def _first(connection: Connection, model: type[Any]) -> int:
    return int(connection.execute(select(func.min(_table(model).c.id))).scalar_one())


def _table(model: type[Any]) -> Table:
    table: Table = model.__table__
    return table


if __name__ == "__main__":
    main()
