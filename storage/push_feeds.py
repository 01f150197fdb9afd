"""The addresses under which systems push posts into feeds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, update
from sqlmodel import Session

from storage.chat_models import PushFeed
from storage.models import Account, Feed, Post

ACCOUNTS = Account.__table__
PUSH_FEEDS = PushFeed.__table__
FEEDS = Feed.__table__
POSTS = Post.__table__

_BY_TOKEN = (
    select(PUSH_FEEDS)
    .join(ACCOUNTS, ACCOUNTS.c.id == PUSH_FEEDS.c.account_id)
    .where(PUSH_FEEDS.c.token_digest == bindparam("digest"), ACCOUNTS.c.disabled_at.is_(None))
)


def add(session: Session, push_feed: PushFeed) -> PushFeed:
    """Store a new address; the same object comes back with its id."""
    session.add(push_feed)
    session.flush()
    return push_feed


def by_token(session: Session, digest: bytes) -> Row[Any] | None:
    """``digest``: SHA-256 of the token.  None, too, while its account is disabled."""
    return session.connection().execute(_BY_TOKEN, {"digest": digest}).one_or_none()


def named(session: Session, account_id: int, title: str) -> int | None:
    """The feed of that title that the account pushes into, the oldest of several."""
    wanted = select(FEEDS.c.id).join(PUSH_FEEDS, PUSH_FEEDS.c.feed_id == FEEDS.c.id)
    mine = wanted.where(PUSH_FEEDS.c.account_id == account_id, FEEDS.c.title == title)
    return session.execute(mine.order_by(FEEDS.c.id).limit(1)).scalar()


def count(session: Session, account_id: int) -> int:
    """How many feeds the account pushes into."""
    wanted = select(func.count()).select_from(PUSH_FEEDS).where(PUSH_FEEDS.c.account_id == account_id)
    return int(session.execute(wanted).scalar_one())


def uids(session: Session, feed_id: int, keys: Sequence[bytes]) -> dict[bytes, UUID]:
    """Public ids of a feed's posts, by their keys within it."""
    begin = feed_id.to_bytes(8, "big")
    wanted = select(POSTS.c.key, POSTS.c.uid).where(POSTS.c.key.in_([begin + key for key in keys]))
    return {bytes(row.key)[8:]: row.uid for row in session.execute(wanted)}


def used(session: Session, push_feed_id: int, now: datetime) -> None:
    session.execute(update(PUSH_FEEDS).where(PUSH_FEEDS.c.id == push_feed_id).values(last_used_at=now))
