"""Subscriptions: this account wants this feed at this destination."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, text
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage.models import Account, Destination, Feed, Subscription


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


def of_account(session: Session, account_id: int | None, limit: int) -> Sequence[Row[Any]]:
    """Active subscriptions with their feed and destination, the latest first; of everybody when None."""
    wanted = (
        select(Subscription, Feed, Destination, Account)
        .join(Feed, col(Feed.id) == col(Subscription.feed_id))
        .join(Destination, col(Destination.id) == col(Subscription.destination_id))
        .join(Account, col(Account.id) == col(Subscription.account_id))
        .where(text("subscriptions.active"))
        .order_by(col(Subscription.id).desc())
        .limit(limit)
    )
    if account_id is not None:
        wanted = wanted.where(col(Subscription.account_id) == account_id)
    return session.execute(wanted).all()


def any_active(session: Session, feed_id: int) -> bool:
    """Whether anybody still wants this feed."""
    wanted = select(col(Subscription.id)).where(col(Subscription.feed_id) == feed_id, text("subscriptions.active"))
    return session.execute(wanted.limit(1)).first() is not None


def destinations_of(session: Session, feed_id: int) -> Sequence[int]:
    """Where the feed's posts go, each destination once."""
    wanted = select(col(Subscription.destination_id)).distinct()
    rows = session.execute(wanted.where(col(Subscription.feed_id) == feed_id, text("subscriptions.active")))
    return rows.scalars().all()
