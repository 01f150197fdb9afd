"""Subscriptions: this account wants this feed at this destination."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage import leases
from storage.models import Account, Delivery, DeliveryState, Destination, Feed, Subscription

SUBSCRIPTIONS = Subscription.__table__
FEEDS = Feed.__table__
DELIVERIES = Delivery.__table__
IS_ACTIVE = text("subscriptions.active")  # written out, or the engines would not see that the index of active ones fits


def add(session: Session, subscription: Subscription) -> Subscription:
    """Store a new subscription; the same object comes back with its id."""
    session.add(subscription)
    session.flush()
    return subscription


def get(session: Session, subscription_id: int) -> Subscription | None:
    return session.get(Subscription, subscription_id)


def find(session: Session, account_id: int, feed_id: int, destination_id: int) -> Subscription | None:
    """The one subscription of these three, active or not."""
    return session.exec(
        select_rows(Subscription).where(
            col(Subscription.account_id) == account_id,
            col(Subscription.feed_id) == feed_id,
            col(Subscription.destination_id) == destination_id,
        )
    ).one_or_none()


def of_feeds(session: Session, account_id: int, destination_id: int, feeds: Sequence[int]) -> dict[int, Subscription]:
    """By feed, active or not."""
    found: dict[int, Subscription] = {}
    for some in leases.slices(feeds):
        wanted = select_rows(Subscription).where(
            col(Subscription.account_id) == account_id,
            col(Subscription.destination_id) == destination_id,
            col(Subscription.feed_id).in_(some),
        )
        found |= {one.feed_id: one for one in session.exec(wanted)}
    return found


def add_all(session: Session, some: Sequence[Subscription]) -> None:
    """Store them; the same objects have their ids then."""
    session.add_all(some)
    session.flush()


def of_account(session: Session, account_id: int | None, limit: int) -> Sequence[Row[Any]]:
    """Active subscriptions with their feed and destination, the latest first; of everybody when None."""
    wanted = (
        select(Subscription, Feed, Destination, Account)
        .join(Feed, col(Feed.id) == col(Subscription.feed_id))
        .join(Destination, col(Destination.id) == col(Subscription.destination_id))
        .join(Account, col(Account.id) == col(Subscription.account_id))
        .where(IS_ACTIVE)
        .order_by(col(Subscription.id).desc())
        .limit(limit)
    )
    if account_id is not None:
        wanted = wanted.where(col(Subscription.account_id) == account_id)
    return session.execute(wanted).all()


def any_active(session: Session, feed_id: int) -> bool:
    """Whether anybody still wants this feed."""
    wanted = select(col(Subscription.id)).where(col(Subscription.feed_id) == feed_id, IS_ACTIVE)
    return session.execute(wanted.limit(1)).first() is not None


def destinations_of(session: Session, feed_id: int) -> Sequence[int]:
    """Where the feed's posts go, each destination once."""
    wanted = select(col(Subscription.destination_id)).distinct()
    rows = session.execute(wanted.where(col(Subscription.feed_id) == feed_id, IS_ACTIVE))
    return rows.scalars().all()


# What people call them


def numbers(session: Session, destination_id: int) -> set[int]:
    """Those that the destination's active subscriptions have; it stays locked, so that nobody gives another."""
    lock = select(col(Destination.id)).where(col(Destination.id) == destination_id)
    session.execute(lock.with_for_update(key_share=True))
    taken = select(SUBSCRIPTIONS.c.number).where(SUBSCRIPTIONS.c.destination_id == destination_id, IS_ACTIVE)
    return set(session.execute(taken).scalars())


_HEALTH = (
    "title", "key", "home", "source", "state", "failures", "failing_since", "fault", "last_new_at", "last_success_at",
    "last_polled_at", "due_at", "last_seq",
)  # fmt: skip


def of_destination(session: Session, destination_id: int) -> Sequence[Row[Any]]:
    """Active ones by number: id, number, paused_until, created_at, feed_id, wants, and of their feed its health."""
    own = [SUBSCRIPTIONS.c[name] for name in ("id", "number", "paused_until", "created_at", "feed_id", "wants")]
    wanted = (
        select(*own, *(FEEDS.c[name] for name in _HEALTH))
        .join(FEEDS, FEEDS.c.id == SUBSCRIPTIONS.c.feed_id)
        .where(SUBSCRIPTIONS.c.destination_id == destination_id, IS_ACTIVE)
        .order_by(SUBSCRIPTIONS.c.number, SUBSCRIPTIONS.c.id)
    )
    return session.execute(wanted).all()


def count_of_account(session: Session, account_id: int) -> int:
    """Active ones of an account, wherever they go."""
    wanted = select(func.count()).select_from(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.account_id == account_id, IS_ACTIVE)
    return int(session.execute(wanted).scalar_one())


def set_paused(session: Session, ids: Sequence[int], until: datetime | None) -> None:
    """Posts found before ``until`` are passed over; None: none are."""
    for some in leases.slices(ids):
        statement = update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id.in_(some))
        session.execute(statement.values(paused_until=until))


def all_wants(session: Session, feed_id: int) -> int:
    """The bits that the feed's active subscriptions have together."""
    wanted = select(SUBSCRIPTIONS.c.wants).distinct()
    some = wanted.where(SUBSCRIPTIONS.c.feed_id == feed_id, SUBSCRIPTIONS.c.wants != 0, IS_ACTIVE)
    return reduce(or_, session.execute(some).scalars(), 0)


def requeue(session: Session, subscription_id: int, failed_at: datetime, now: datetime) -> int:
    """What failed because the subscription ended at that time is ready again, if still worth it; returns how many."""
    lost = update(DELIVERIES).where(
        DELIVERIES.c.subscription_id == subscription_id,
        DELIVERIES.c.state == DeliveryState.FAILED,
        DELIVERIES.c.error_code == "unsubscribed",
        DELIVERIES.c.failed_at == failed_at,
        DELIVERIES.c.expires_at > now,
    )
    again = lost.values(state=DeliveryState.READY, due_at=now, failed_at=None, error_code="", error="")
    return leases.affected(session, again)


def feeds_wanted(
    session: Session, source: str, account_id: int | None, destination_id: int | None
) -> Sequence[Row[Any]]:
    """Feeds of a source with an active subscription of these, by id: key, title, home."""
    wishes = select(SUBSCRIPTIONS.c.feed_id).where(IS_ACTIVE)
    if account_id is not None:
        wishes = wishes.where(SUBSCRIPTIONS.c.account_id == account_id)
    if destination_id is not None:
        wishes = wishes.where(SUBSCRIPTIONS.c.destination_id == destination_id)
    wanted = select(FEEDS.c.key, FEEDS.c.title, FEEDS.c.home).where(FEEDS.c.source == source, FEEDS.c.id.in_(wishes))
    return session.execute(wanted.order_by(FEEDS.c.id)).all()
