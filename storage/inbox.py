"""The inbox: callbacks as they came in, each once, until they are worked off."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlmodel import Session

from storage import leases
from storage.models import InboundEvent

INBOX = InboundEvent.__table__

_DUE = leases.due(INBOX, INBOX.c.done_at.is_(None))


def store(session: Session, provider: str, event_key: str, raw: bytes, now: datetime) -> bool:
    """Keep an event before it is acknowledged; False: it is a repeat."""
    statement = leases.insert_new(session, INBOX).values(
        provider=provider, event_key=event_key, raw=raw, received_at=now, due_at=now
    )
    return bool(leases.affected(session, statement.on_conflict_do_nothing()))


def take_due(session: Session, now: datetime, until: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lease events that wait, oldest first; the rows carry the token that ends them."""
    ids = [row.id for row in session.execute(_DUE, {"now": now, "limit": limit})]
    token = leases.take(session, INBOX, ids, until)
    taken = select(INBOX).where(INBOX.c.id.in_(ids), INBOX.c.lease_token == token).order_by(INBOX.c.id)
    return session.execute(taken).all() if ids else []


def done(session: Session, event_id: int, token: str, now: datetime) -> bool:
    """The event has had its effect; False: its lease was somebody else's by then."""
    statement = update(INBOX).where(INBOX.c.id == event_id, INBOX.c.lease_token == token, INBOX.c.done_at.is_(None))
    return bool(leases.affected(session, statement.values(done_at=now, lease_token=None)))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Drop events that were done before, of the oldest; returns how many, up to ``limit``."""
    oldest = select(INBOX.c.id, INBOX.c.done_at).order_by(INBOX.c.id).limit(limit)
    ids = [row.id for row in session.execute(oldest) if row.done_at and row.done_at < before]
    for some in leases.slices(ids):
        session.execute(delete(INBOX).where(INBOX.c.id.in_(some)))
    return len(ids)
