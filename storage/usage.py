"""Usage: what providers have counted of our reading, by feed and month and for each source together."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlmodel import Session

from storage import leases
from storage.models import Feed, Subscription
from storage.source_models import Spending, Usage

USAGE = Usage.__table__
SPENDING = Spending.__table__
FEEDS = Feed.__table__
SUBSCRIPTIONS = Subscription.__table__


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Count more reads: ``feed_id``, ``month``, ``via``, ``reads``; no two of the same."""
    fresh = leases.insert_new(session, USAGE)
    more = {"reads": USAGE.c.reads + fresh.excluded.reads}
    statement = fresh.on_conflict_do_update(index_elements=["feed_id", "month", "via"], set_=more)
    session.connection().execute(statement, list(rows))


def spend(session: Session, source: str, month: str, reads: int) -> Row[Any]:
    """Add to what a source was read in a month; answers what it comes to: ``reads``, ``told``."""
    fresh = leases.insert_new(session, SPENDING).values(source=source, month=month, reads=reads)
    more = fresh.on_conflict_do_update(
        index_elements=["source", "month"], set_={"reads": SPENDING.c.reads + fresh.excluded.reads}
    )
    return session.execute(more.returning(SPENDING.c.reads, SPENDING.c.told)).one()


def set_told(session: Session, source: str, month: str, percent: int) -> None:
    """The operator has heard of this much."""
    mine = (SPENDING.c.source == source, SPENDING.c.month == month)
    session.execute(update(SPENDING).where(*mine).values(told=percent))


def spent(session: Session, sources: Collection[str], month: str) -> dict[str, int]:
    """What was read of these sources in a month, where it was anything."""
    wanted = select(SPENDING.c.source, SPENDING.c.reads)
    rows = session.execute(wanted.where(SPENDING.c.source.in_(sorted(sources)), SPENDING.c.month == month))
    return {row.source: row.reads for row in rows}


def of_feeds(session: Session, feeds: Sequence[int], month: str) -> dict[int, int]:
    """What was read of these feeds in a month, where it was anything."""
    found: dict[int, int] = {}
    for some in leases.slices(feeds):
        wanted = select(USAGE.c.feed_id, func.sum(USAGE.c.reads).label("reads"))
        rows = session.execute(wanted.where(USAGE.c.feed_id.in_(some), USAGE.c.month == month).group_by("feed_id"))
        found |= {row.feed_id: int(row.reads) for row in rows}
    return found


def of_subscriber(session: Session, account_id: int, month: str, most: int) -> dict[str, int]:
    """By source: what was read in a month of the feeds that an account follows, ``most`` subscriptions at most."""
    mine = select(SUBSCRIPTIONS.c.feed_id).where(SUBSCRIPTIONS.c.account_id == account_id, SUBSCRIPTIONS.c.active)
    feeds = select(mine.limit(most).subquery().c.feed_id).distinct().subquery()
    wanted = (
        select(FEEDS.c.source, func.sum(USAGE.c.reads).label("reads"))
        .select_from(feeds)
        .join(USAGE, USAGE.c.feed_id == feeds.c.feed_id)
        .join(FEEDS, FEEDS.c.id == feeds.c.feed_id)
        .where(USAGE.c.month == month)
        .group_by(FEEDS.c.source)
    )
    return {row.source: int(row.reads) for row in session.execute(wanted)}


def largest(session: Session, month: str, limit: int) -> Sequence[Row[Any]]:
    """What was read most in a month: ``feed_id``, ``source``, ``key``, ``name``, ``title``, ``via``, ``reads``."""
    wanted = (
        select(USAGE.c.feed_id, FEEDS.c.source, FEEDS.c.key, FEEDS.c.name, FEEDS.c.title, USAGE.c.via, USAGE.c.reads)
        .join(FEEDS, FEEDS.c.id == USAGE.c.feed_id)
        .where(USAGE.c.month == month)
        .order_by(USAGE.c.reads.desc(), USAGE.c.feed_id, USAGE.c.via)
        .limit(limit)
    )
    return session.execute(wanted).all()


def months(session: Session, limit: int) -> Sequence[Row[Any]]:
    """What each source was read in the last months, the latest first: ``source``, ``month``, ``reads``."""
    wanted = select(SPENDING.c.source, SPENDING.c.month, SPENDING.c.reads)
    return session.execute(wanted.order_by(SPENDING.c.month.desc(), SPENDING.c.source).limit(limit)).all()
