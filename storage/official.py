"""Official accounts, and the messages of each as places in their order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select
from sqlmodel import Session

from storage import leases
from storage.models import Feed, Post
from storage.official_models import OfficialAccount, OfficialBucket

ACCOUNTS = OfficialAccount.__table__
OFFICIAL_BUCKETS = OfficialBucket.__table__
FEEDS = Feed.__table__
POSTS = Post.__table__

_BY_NAME = select(ACCOUNTS.c.feed_id).where(ACCOUNTS.c.name == bindparam("name"))


def add(session: Session, feed_id: int, name: str, now: datetime) -> None:
    session.execute(insert(ACCOUNTS).values(feed_id=feed_id, name=name, created_at=now))


def remove(session: Session, feed_id: int) -> bool:
    """False: it was none."""
    return bool(leases.affected(session, delete(ACCOUNTS).where(ACCOUNTS.c.feed_id == feed_id)))


def feed_of(session: Session, name: str) -> int | None:
    """Which feed is shown under this name."""
    return session.connection().execute(_BY_NAME, {"name": name}).scalar()


def name_of(session: Session, feed_id: int) -> str | None:
    return session.execute(select(ACCOUNTS.c.name).where(ACCOUNTS.c.feed_id == feed_id)).scalar()


def list_all(session: Session, limit: int) -> Sequence[Row[Any]]:
    """``name``, ``created_at`` and, of the feed, ``id``, ``source``, ``key``, ``title``, ``last_seq``; in their order
    of names."""
    feed = (FEEDS.c.id, FEEDS.c.source, FEEDS.c.key, FEEDS.c.title, FEEDS.c.last_seq)
    shown = select(ACCOUNTS.c.name, ACCOUNTS.c.created_at, *feed).join(FEEDS, FEEDS.c.id == ACCOUNTS.c.feed_id)
    return session.execute(shown.order_by(ACCOUNTS.c.name).limit(limit)).all()


def described(session: Session, names: Sequence[str]) -> Sequence[Row[Any]]:
    """``name``, ``created_at`` and, of the feed, ``key``, ``title``, ``image``, ``last_new_at``; in no order."""
    feed = (FEEDS.c.key, FEEDS.c.title, FEEDS.c.image, FEEDS.c.last_new_at)
    shown = select(ACCOUNTS.c.name, ACCOUNTS.c.created_at, *feed).join(FEEDS, FEEDS.c.id == ACCOUNTS.c.feed_id)
    return session.execute(shown.where(ACCOUNTS.c.name.in_(names))).all()


# Messages

_PLACES = (
    select(POSTS.c.id, POSTS.c.version, POSTS.c.seq, POSTS.c.found_at, POSTS.c.withdrawn_at)
    .where(POSTS.c.feed_id == bindparam("feed"), POSTS.c.seq < bindparam("before"))
    .order_by(POSTS.c.seq.desc())
    .limit(bindparam("limit"))
)


def places(session: Session, feed_id: int, before: int, limit: int) -> Sequence[Any]:
    """Posts with a number below ``before``, the latest first: id, version, seq, found_at, withdrawn_at."""
    return session.connection().execute(_PLACES, {"feed": feed_id, "before": before, "limit": limit}).all()


_FIRST = select(POSTS.c.id).where(POSTS.c.feed_id == bindparam("feed")).order_by(POSTS.c.seq).limit(1)


def first(session: Session, feed_id: int) -> int | None:
    """The id of the feed's first post."""
    return session.connection().execute(_FIRST, {"feed": feed_id}).scalar()
