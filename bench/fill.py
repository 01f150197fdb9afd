"""Fills an empty database of ours for the runs at scale: quickly, and with rows as the program writes them.

One account has everything.  The first feed has all destinations as subscribers and, when a backlog is asked
for, as many posts as it takes; every other feed has one subscriber.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, literal, select

from bot.clock import uuid7
from storage.models import Account, Delivery, DeliveryState, Destination, Feed, Post, Subscription

SLICE = 5_000  # rows handed to the driver at a time
EXPIRY = timedelta(days=3)
TEXT = "<p>What happens at the harbour, in a few words of <b>HTML</b>.</p>" * 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    feeds: int
    destinations: int = 1
    backlog: int = 0  # deliveries that are ready; a multiple of ``destinations``


def fill(engine: Engine, size: Size, *, origin: str, sink: str, secrets: bytes | None, now: datetime) -> None:
    """All in one transaction; the schema exists and its tables are empty.

    ``origin`` and ``sink`` are the addresses before /f/0 and /d/0.  ``secrets``: what a destination's row
    holds, sealed by the program's own key.  Every feed is due at ``now`` and has not been read yet.
    """
    with engine.begin() as connection:
        account = _insert_one(connection, Account, email="bench@postbell.example", created_at=now)
        _insert(connection, Destination, _destinations(size, account, sink, secrets, now))
        _insert(connection, Feed, _feeds(size, origin, now))
        _subscribe(connection, account, size, now)
        if size.backlog:
            _insert(connection, Post, _posts(connection, size, now))
            _queue(connection, now)


def _destinations(
    size: Size, account: int, sink: str, secrets: bytes | None, now: datetime
) -> Iterable[dict[str, Any]]:
    for n in range(size.destinations):
        yield {
            "uid": uuid7(now),
            "account_id": account,
            "channel": "webhook",
            "address": f"{sink}/d/{n}",
            "verified_at": now,
            "secrets": secrets,
            "created_at": now,
        }


def _feeds(size: Size, origin: str, now: datetime) -> Iterable[dict[str, Any]]:
    for n in range(size.feeds):
        yield {
            "uid": uuid7(now),
            "source": "feed",
            "key": f"{origin}/f/{n}",
            "host": origin,
            "last_seq": 0 if n else size.backlog // size.destinations,
            "due_at": now,
            "created_at": now,
        }


def _posts(connection: Connection, size: Size, now: datetime) -> Iterable[dict[str, Any]]:
    feed = _first(connection, Feed)
    for seq in range(1, size.backlog // size.destinations + 1):
        key = blake2b(b"%d" % seq, digest_size=16).digest()
        yield {
            "uid": uuid7(now),
            "feed_id": feed,
            "seq": seq,
            "key": feed.to_bytes(8, "big") + key,
            "digest": key,
            "title": f"Post {seq}",
            "url": f"https://publisher.example/{seq}",
            "content": TEXT,
            "is_html": True,
            "found_at": now,
        }


def _subscribe(connection: Connection, account: int, size: Size, now: datetime) -> None:
    """The first feed to all destinations, the others to one each, in turns.  Ids are consecutive here."""
    feeds, destinations = _table(Feed), _table(Destination)
    first_feed, first_destination = _first(connection, Feed), _first(connection, Destination)
    place = feeds.c.id - first_feed
    pairs = select(
        literal(account), feeds.c.id, destinations.c.id, literal(True), literal(now, destinations.c.created_at.type)
    )
    to_all = pairs.join_from(feeds, destinations, feeds.c.id == first_feed)
    to_one = pairs.join_from(
        feeds, destinations, destinations.c.id == first_destination + place % size.destinations
    ).where(feeds.c.id > first_feed)
    for rows in (to_all, to_one):
        connection.execute(
            insert(_table(Subscription)).from_select(
                ["account_id", "feed_id", "destination_id", "active", "created_at"], rows
            )
        )


def _queue(connection: Connection, now: datetime) -> None:
    """A ready delivery for each post and subscriber of the first feed."""
    posts, subscriptions, deliveries = _table(Post), _table(Subscription), _table(Delivery)
    time = deliveries.c.due_at.type
    values = {
        "account_id": subscriptions.c.account_id,
        "subscription_id": subscriptions.c.id,
        "destination_id": subscriptions.c.destination_id,
        "post_id": posts.c.id,
        "post_version": literal(1),
        "event": literal(""),
        "text": literal(""),
        "lane": literal("webhook"),
        "state": literal(DeliveryState.READY.value),
        "due_at": literal(now, time),
        "expires_at": literal(now + EXPIRY, time),
        "message_id": literal(""),
        "error_code": literal(""),
        "error": literal(""),
        "created_at": literal(now, time),
    }
    rows = select(*values.values()).join_from(posts, subscriptions, posts.c.feed_id == subscriptions.c.feed_id)
    connection.execute(insert(deliveries).from_select(list(values), rows))


def _insert(connection: Connection, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    defaults = _defaults(model)
    while some := [defaults | row for row in islice(rows, SLICE)]:
        connection.execute(insert(_table(model)), some)


def _insert_one(connection: Connection, model: type[Any], **row: Any) -> int:
    _insert(connection, model, [row])
    return _first(connection, model)


def _defaults(model: type[Any]) -> dict[str, Any]:
    """What the model gives to columns that a row does not name; Core does not know these."""
    return {
        name: field.default
        for name, field in model.model_fields.items()
        if name != "id" and not field.is_required() and field.default is not None
    }


def _first(connection: Connection, model: type[Any]) -> int:
    return int(connection.execute(select(func.min(_table(model).c.id))).scalar_one())


def _table(model: type[Any]) -> Table:
    table: Table = model.__table__
    return table
