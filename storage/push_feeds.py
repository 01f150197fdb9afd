"""The addresses under which systems push posts into feeds."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from storage.chat_models import PushFeed

PUSH_FEEDS = PushFeed.__table__

_BY_TOKEN = select(PUSH_FEEDS).where(PUSH_FEEDS.c.token_digest == bindparam("digest"))


def add(session: Session, push_feed: PushFeed) -> PushFeed:
    """Store a new address; the same object comes back with its id."""
    session.add(push_feed)
    session.flush()
    return push_feed


def by_token(session: Session, digest: bytes) -> Row[Any] | None:
    """``digest``: SHA-256 of the token."""
    return session.connection().execute(_BY_TOKEN, {"digest": digest}).one_or_none()


def used(session: Session, push_feed_id: int, now: datetime) -> None:
    session.execute(update(PUSH_FEEDS).where(PUSH_FEEDS.c.id == push_feed_id).values(last_used_at=now))
