"""What the alerts API lists and counts: an account's phones, its subscriptions there, and what was sent to them.

A phone is a destination of one channel that was not removed.  Everything here is one account's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, and_, bindparam, func, or_, select, update
from sqlmodel import Session

from storage import driver
from storage.models import Destination, Feed, Subscription
from storage.statements import Query

DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
SUBSCRIPTIONS = Subscription.__table__

Place = tuple[int, int]
"""Of a delivery in the list: its time in microseconds since 1970, and its id."""


# Phones


def _is_phone(account_id: int, channel: str) -> Any:
    return and_(
        DESTINATIONS.c.account_id == account_id,
        DESTINATIONS.c.channel == channel,
        DESTINATIONS.c.removed_at.is_(None),
    )


def phones(session: Session, account_id: int, channel: str) -> Sequence[Row[Any]]:
    """The oldest first."""
    columns = [DESTINATIONS.c[name] for name in ("id", "address", "name", "verified_at", "created_at")]
    wanted = select(*columns).where(_is_phone(account_id, channel)).order_by(DESTINATIONS.c.id)
    return session.execute(wanted).all()


def count_phones(session: Session, account_id: int, channel: str) -> int:
    wanted = select(func.count()).select_from(DESTINATIONS).where(_is_phone(account_id, channel))
    return int(session.execute(wanted).scalar_one())


def rename(session: Session, destination_id: int, name: str) -> None:
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(name=name))


def remove_phone(session: Session, destination_id: int, now: datetime) -> None:
    """The row stays for what was sent there.  What went there stays listed, and goes there no more."""
    session.execute(
        update(DESTINATIONS)
        .where(DESTINATIONS.c.id == destination_id)
        .values(removed_at=now, verified_at=None, name="")
    )
    session.execute(
        update(SUBSCRIPTIONS)
        .where(SUBSCRIPTIONS.c.destination_id == destination_id, SUBSCRIPTIONS.c.active)
        .values(active=False)
    )


def bring_back(session: Session, destination_id: int, now: datetime) -> None:
    """A phone that was removed is registered again, as if for the first time."""
    session.execute(
        update(DESTINATIONS)
        .where(DESTINATIONS.c.id == destination_id)
        .values(removed_at=None, verified_at=None, created_at=now)
    )


# Subscriptions


def _subscriptions(account_id: int, channel: str, source: str) -> Any:
    """Those that were not ended by wish: active ones, and those whose phone was removed."""
    return (
        select(
            SUBSCRIPTIONS.c.id,
            SUBSCRIPTIONS.c.feed_id,
            SUBSCRIPTIONS.c.active,
            SUBSCRIPTIONS.c.created_at,
            DESTINATIONS.c.address,
            FEEDS.c.key,
            FEEDS.c.name,
            FEEDS.c.title,
            FEEDS.c.image,
        )
        .join(FEEDS, FEEDS.c.id == SUBSCRIPTIONS.c.feed_id)
        .join(DESTINATIONS, DESTINATIONS.c.id == SUBSCRIPTIONS.c.destination_id)
        .where(
            SUBSCRIPTIONS.c.account_id == account_id,
            SUBSCRIPTIONS.c.ended_at.is_(None),
            DESTINATIONS.c.channel == channel,
            FEEDS.c.source == source,
        )
        .order_by(SUBSCRIPTIONS.c.id)
    )


def subscriptions(session: Session, account_id: int, channel: str, source: str) -> Sequence[Row[Any]]:
    """The oldest first."""
    return session.execute(_subscriptions(account_id, channel, source)).all()


def subscription(session: Session, account_id: int, channel: str, source: str, subscription_id: int) -> Row[Any]:
    wanted = _subscriptions(account_id, channel, source).where(SUBSCRIPTIONS.c.id == subscription_id)
    return session.execute(wanted).one()


def subscriptions_named(
    session: Session, account_id: int, channel: str, source: str, name: str, address: str | None = None
) -> Sequence[Row[Any]]:
    """To feeds of that name, in any case; ``address``: only those that go there."""
    named = or_(func.lower(FEEDS.c.name) == name.lower(), FEEDS.c.key == name)
    wanted = _subscriptions(account_id, channel, source).where(named)
    if address is not None:
        wanted = wanted.where(DESTINATIONS.c.address == address)
    return session.execute(wanted).all()


def count_subscriptions(session: Session, account_id: int) -> int:
    """Active ones, to feeds of every source and destinations of every channel."""
    mine = select(func.count()).where(SUBSCRIPTIONS.c.account_id == account_id, SUBSCRIPTIONS.c.active)
    return int(session.execute(mine).scalar_one())


def end(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Subscriptions that are not active any more are not listed either."""
    session.execute(update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id.in_(ids)).values(ended_at=now))


# What was sent


class Alert(Struct, frozen=True, array_like=True, gc=False):
    """A post's delivery with what it delivers; times in microseconds since 1970.  A Struct: lists are full of them."""

    created_at: int
    id: int
    destination_id: int
    post_id: int
    post_version: int
    state: str
    message_id: str
    error: str
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    failed_at: int | None
    post_uid: str  # in hexadecimal
    url: str
    source: str
    feed: str  # what the feed is called


_SPELT = {
    "post_uid": "replace(CAST(posts.uid AS text), '-', '') AS post_uid",
    "url": "posts.url",
    "source": "feeds.source",
    "feed": "coalesce(nullif(feeds.name, ''), nullif(feeds.title, ''), feeds.key) AS feed",
}
_ALERTS = Query(
    """
    SELECT {row} {columns} {/row} FROM (
        SELECT {spelt}
        FROM deliveries
        JOIN posts ON posts.id = deliveries.post_id
        JOIN feeds ON feeds.id = posts.feed_id
        WHERE deliveries.lane = 'chat' AND deliveries.post_id IS NOT NULL -- spelt as the index has it
            AND deliveries.destination_id = :destination AND deliveries.account_id = :account
            AND deliveries.created_at >= :since AND (deliveries.created_at, deliveries.id) < (:at, :id)
        ORDER BY deliveries.created_at DESC, deliveries.id DESC LIMIT :limit
    ) AS found
    """.replace("{columns}", ", ".join(Alert.__struct_fields__)).replace(
        "{spelt}", ", ".join(_SPELT.get(name, f"deliveries.{name}") for name in Alert.__struct_fields__)
    ),
    Alert,
)


def alerts(
    session: Session, account_id: int, destination_id: int, *, since: int, before: Place, limit: int
) -> list[Alert]:
    """Alerts to one destination, the newest first, from ``since`` (microseconds, inclusive) to ``before``
    (exclusive): a walk on one index, whatever else there is."""
    values = {"account": account_id, "destination": destination_id, "since": since}
    found = _ALERTS.rows(session, **values, at=before[0], id=before[1], limit=limit)
    found.sort(key=place, reverse=True)
    return found


def place(alert: Alert) -> Place:
    return alert.created_at, alert.id


_CHANNEL = select(DESTINATIONS.c.id, DESTINATIONS.c.address).where(
    DESTINATIONS.c.account_id == bindparam("account"), DESTINATIONS.c.channel == bindparam("channel")
)


def addresses(session: Session, account_id: int, channel: str) -> dict[int, str]:
    """Of all destinations that the account has or had on a channel, by id."""
    return dict(driver.rows(session, _CHANNEL, {"account": account_id, "channel": channel}))
