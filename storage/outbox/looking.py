"""What people and gauges see of the outbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlmodel import Session

from storage import leases
from storage.models import Attempt, Delivery, Destination, Feed, Post
from storage.outbox import DELIVERIES, QUEUED, is_one_of

DESTINATIONS = Destination.__table__
POSTS = Post.__table__
FEEDS = Feed.__table__
ATTEMPTS = Attempt.__table__

IS_QUEUED = is_one_of(*QUEUED)


def newest(
    session: Session, limit: int, state: Sequence[str] = (), destination_id: int | None = None
) -> Sequence[Row[Any]]:
    """Deliveries with what they deliver and where to, the latest first."""
    wanted = (
        select(
            DELIVERIES,
            DESTINATIONS.c.channel,
            DESTINATIONS.c.address,
            POSTS.c.title,
            POSTS.c.url,
            FEEDS.c.title.label("feed_title"),
        )
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
        .outerjoin(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
        .order_by(DELIVERIES.c.id.desc())
        .limit(limit)
    )
    if state:
        wanted = wanted.where(DELIVERIES.c.state.in_(state))
    if destination_id is not None:
        wanted = wanted.where(DELIVERIES.c.destination_id == destination_id)
    return session.execute(wanted).all()


def attempts(session: Session, deliveries: Sequence[int]) -> Sequence[Row[Any]]:
    """Attempts of these deliveries in their order."""
    rows: list[Row[Any]] = []
    for some in leases.slices(deliveries):
        wanted = select(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(some))
        rows += session.execute(wanted.order_by(ATTEMPTS.c.delivery_id, ATTEMPTS.c.n))
    return rows


def get(session: Session, delivery_id: int) -> Delivery | None:
    return session.get(Delivery, delivery_id)


def queued(session: Session, cap: int) -> Mapping[str, int]:
    """Queued rows per lane, counted up to ``cap`` in all: a scrape must not walk a million rows."""
    some = select(DELIVERIES.c.lane).where(IS_QUEUED).limit(cap).subquery()
    counted = session.execute(select(some.c.lane, func.count().label("n")).group_by(some.c.lane))
    return {row.lane: row.n for row in counted}


def oldest_queued(session: Session) -> Row[Any] | None:
    """The queued delivery that expires first: (created_at, expires_at)."""
    wanted = (
        select(DELIVERIES.c.created_at, DELIVERIES.c.expires_at)
        .where(IS_QUEUED)
        .order_by(DELIVERIES.c.expires_at)
        .limit(1)
    )
    return session.execute(wanted).first()
