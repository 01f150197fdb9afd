"""Lists of one account's subscriptions, for people: searched, filtered, in whatever order, page by page.

What is searched stands in other tables, and an index of every word would cost each poll.  So a page goes down the
account's own subscriptions in the order of their index, looks at a bounded number, and says where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, text
from sqlmodel import Session, col

from storage.models import Destination, Feed, FeedState, Subscription

LOOKED = 5_000  # subscriptions that a page looks at
SORTED = 2_000  # up to so many are put in any order
COUNTED = 10_000

SUBSCRIPTIONS = Subscription.__table__
DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
IS_ACTIVE = text("subscriptions.active")  # written out, or the engines would not see that the index of active ones fits

Health = Literal["", "trouble", "paused", "quiet", "unread"]
Order = Literal["newest", "oldest", "name", "posted"]


@dataclass(frozen=True, slots=True)
class Sought:
    """Subscriptions that fit all of these; empty: whatever."""

    words: str = ""  # part of title, name or address, in any case
    health: Health = ""
    destination: int | None = None

    @property
    def everything(self) -> bool:
        return not (self.words or self.health or self.destination)


@dataclass(frozen=True, slots=True)
class Listed:
    """``rows``: (subscription, feed, destination).  ``after``: what the next page is asked with; None: there is none.
    ``looked``: the end was not reached, and nothing more is known of what lies behind ``after``."""

    rows: Sequence[Row[Any]]
    after: int | None = None
    looked: bool = False


def count(session: Session, account_id: int) -> int:
    """Active ones, up to ``COUNTED``."""
    some = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.account_id == account_id, IS_ACTIVE).limit(COUNTED)
    return int(session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def page(
    session: Session, account_id: int, sought: Sought, order: Order, after: int | None, limit: int, now: datetime
) -> Listed:
    """``after``: an id, of the last that was seen; in the other orders, how many were seen."""
    if order in ("newest", "oldest"):
        return _by_age(session, account_id, sought, after, limit, now, down=order == "newest")
    return _sorted(session, account_id, sought, order, after or 0, limit, now)


def with_key(
    session: Session, account_id: int, sources: Sequence[str], keys: Sequence[str], limit: int
) -> Sequence[Row[Any]]:
    """Those whose feed has exactly one of these keys: an address that was pasted whole is found wherever it stands."""
    feeds = select(FEEDS.c.id).where(FEEDS.c.source.in_(sources), FEEDS.c.key.in_(keys))
    known = session.execute(feeds).scalars().all()
    wanted = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.account_id == account_id, IS_ACTIVE)
    ids = (
        session.execute(wanted.where(SUBSCRIPTIONS.c.feed_id.in_(known)).limit(limit)).scalars().all() if known else []
    )
    return _rows(session, ids)


def destinations_of(session: Session, account_id: int, feed_id: int) -> Sequence[int]:
    """Where the account has this feed's posts sent."""
    wanted = select(SUBSCRIPTIONS.c.destination_id).where(SUBSCRIPTIONS.c.account_id == account_id, IS_ACTIVE)
    return session.execute(wanted.where(SUBSCRIPTIONS.c.feed_id == feed_id)).scalars().all()


def _by_age(
    session: Session, account_id: int, sought: Sought, after: int | None, limit: int, now: datetime, *, down: bool
) -> Listed:
    id_ = SUBSCRIPTIONS.c.id
    along = id_.desc() if down else id_
    way = _own(account_id).order_by(along)
    if after is not None:
        way = way.where(id_ < after if down else id_ > after)
    last = (
        None if sought.everything else session.execute(way.with_only_columns(id_).offset(LOOKED - 1).limit(1)).first()
    )
    some = way.limit(LOOKED).subquery("some")
    fitting = _fitting(some, sought, now).order_by(some.c.id.desc() if down else some.c.id)
    ids = session.execute(fitting.limit(limit + 1)).scalars().all()
    rows = _rows(session, ids[:limit])
    if len(ids) > limit:
        return Listed(rows, ids[limit - 1])
    return Listed(rows) if last is None else Listed(rows, last.id, looked=True)


def _sorted(
    session: Session, account_id: int, sought: Sought, order: Order, seen: int, limit: int, now: datetime
) -> Listed:
    """Of the first ``SORTED``: whoever has more is not offered these orders."""
    some = _own(account_id).order_by(SUBSCRIPTIONS.c.id).limit(SORTED).subquery("some")
    name = func.lower(func.coalesce(func.nullif(FEEDS.c.title, ""), FEEDS.c.key))
    orders: dict[str, Any] = {"name": (name, some.c.id), "posted": (FEEDS.c.last_new_at.desc().nulls_last(), some.c.id)}
    wanted = _fitting(some, sought, now, with_feed=True).order_by(*orders[order])
    ids = session.execute(wanted.offset(seen).limit(limit + 1)).scalars().all()
    return Listed(_rows(session, ids[:limit]), seen + limit if len(ids) > limit else None)


def _own(account_id: int) -> Select[Any]:
    columns = [SUBSCRIPTIONS.c[name] for name in ("id", "feed_id", "destination_id", "paused_until")]
    return select(*columns).where(SUBSCRIPTIONS.c.account_id == account_id, IS_ACTIVE)


def _fitting(some: Any, sought: Sought, now: datetime, *, with_feed: bool = False) -> Select[Any]:
    """Ids out of ``some``."""
    wanted = select(some.c.id)
    if with_feed or sought.words or sought.health in ("trouble", "quiet", "unread"):
        wanted = wanted.join(FEEDS, FEEDS.c.id == some.c.feed_id)
    if sought.words:
        wanted = wanted.where(_has(sought.words))
    if sought.destination is not None:
        wanted = wanted.where(some.c.destination_id == sought.destination)
    if sought.health == "paused":
        wanted = wanted.where(some.c.paused_until > now)
    elif sought.health:
        wanted = wanted.where(_FARES[sought.health])
    return wanted


def _has(words: str) -> ColumnElement[bool]:
    """Both as written and in lower case, for SQLite lowers ASCII only."""
    columns = [FEEDS.c.title, FEEDS.c.name, FEEDS.c.key]
    lowered = [func.lower(column).contains(words.lower(), autoescape=True) for column in columns]
    return or_(*lowered, *(column.contains(words, autoescape=True) for column in columns if not words.isascii()))


_IS_READ = and_(FEEDS.c.failures == 0, FEEDS.c.state == FeedState.ACTIVE)
_FARES = {
    "trouble": or_(FEEDS.c.failures > 0, FEEDS.c.state != FeedState.ACTIVE),
    "quiet": and_(_IS_READ, FEEDS.c.told == "quiet"),
    "unread": and_(_IS_READ, FEEDS.c.last_success_at.is_(None)),
}


def _rows(session: Session, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Whole, in the order of ``ids``."""
    if not ids:
        return []
    wanted = (
        select(Subscription, Feed, Destination)
        .join(Feed, col(Feed.id) == col(Subscription.feed_id))
        .join(Destination, col(Destination.id) == col(Subscription.destination_id))
        .where(col(Subscription.id).in_(ids))
    )
    found = {row[0].id: row for row in session.execute(wanted)}
    return [found[id_] for id_ in ids if id_ in found]
