"""Subscriptions at WebSub hubs, and what hubs have pushed until it is worked off."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlmodel import Session

from storage import leases
from storage.chat_models import Hub, HubPush
from storage.models import Feed

HUBS = Hub.__table__
PUSHES = HubPush.__table__
FEEDS = Feed.__table__

_DUE, _PUSHES_DUE = leases.due(HUBS), leases.due(PUSHES)
_BY_TOKEN = select(HUBS).where(HUBS.c.token == bindparam("token"))


def add(session: Session, row: dict[str, Any]) -> None:
    """Store a subscription that is wanted."""
    session.execute(insert(HUBS).values(**row))


def of_feeds(session: Session, feed_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Every subscription of these feeds, the oldest first."""
    rows: list[Row[Any]] = []
    for some in leases.slices(feed_ids):
        rows += session.execute(select(HUBS).where(HUBS.c.feed_id.in_(some)).order_by(HUBS.c.id))
    return rows


def by_token(session: Session, token: str) -> Row[Any] | None:
    """The subscription whose callback this is."""
    return session.connection().execute(_BY_TOKEN, {"token": token}).one_or_none()


def lock_by_token(session: Session, token: str) -> Row[Any] | None:
    """As ``by_token``; nobody else changes it until the transaction ends."""
    return session.connection().execute(_BY_TOKEN.with_for_update(), {"token": token}).one_or_none()


def take_due(session: Session, now: datetime, until: datetime, limit: int) -> tuple[Sequence[Row[Any]], str]:
    """Lease subscriptions whose time has come, oldest first; also the token that settles them.

    The rows are as they were before.
    """
    rows = session.connection().execute(_DUE, {"now": now, "limit": limit}).all()
    return rows, leases.take(session, HUBS, [row.id for row in rows], until) if rows else ""


def change(session: Session, hub_id: int, **values: Any) -> None:
    session.execute(update(HUBS).where(HUBS.c.id == hub_id).values(**values))


def settle(session: Session, hub_id: int, lease_token: str, **values: Any) -> bool:
    """End a lease; False: somebody has changed the subscription meanwhile, and nothing was done."""
    mine = update(HUBS).where(HUBS.c.id == hub_id, HUBS.c.lease_token == lease_token)
    return bool(leases.affected(session, mine.values(lease_token=None, **values)))


def forget(session: Session, hub_id: int) -> None:
    session.execute(delete(HUBS).where(HUBS.c.id == hub_id))


def feed_states(session: Session, feed_ids: Sequence[int]) -> dict[int, str]:
    """Of these feeds, whether they are read."""
    found: dict[int, str] = {}
    for some in leases.slices(feed_ids):
        rows = session.execute(select(FEEDS.c.id, FEEDS.c.state).where(FEEDS.c.id.in_(some)))
        found |= {row.id: row.state for row in rows}
    return found


def sealed(session: Session, after: int, limit: int) -> Sequence[Row[Any]]:
    """``id``, ``token`` and ``secret`` as stored, in the order of ids, locked."""
    wanted = select(HUBS.c.id, HUBS.c.token, HUBS.c.secret).where(HUBS.c.id > after, HUBS.c.secret.is_not(None))
    return session.execute(wanted.order_by(HUBS.c.id).limit(limit).with_for_update()).all()


# What was pushed


def add_push(session: Session, hub_id: int, content_type: str, body: bytes, now: datetime) -> None:
    session.connection().execute(
        insert(PUSHES),
        {"hub_id": hub_id, "content_type": content_type, "body": body, "received_at": now, "due_at": now},
    )


def take_pushes(session: Session, now: datetime, until: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lease documents that wait, oldest first, each with ``feed_id`` and ``topic``."""
    ids = [row.id for row in session.connection().execute(_PUSHES_DUE, {"now": now, "limit": limit})]
    if not ids:
        return []
    token = leases.take(session, PUSHES, ids, until)
    session.execute(update(PUSHES).where(PUSHES.c.id.in_(ids)).values(tries=PUSHES.c.tries + 1))
    taken = select(PUSHES, HUBS.c.feed_id, HUBS.c.topic).join(HUBS, HUBS.c.id == PUSHES.c.hub_id)
    mine = taken.where(PUSHES.c.id.in_(ids), PUSHES.c.lease_token == token)
    return session.execute(mine.order_by(PUSHES.c.id)).all()


def done(session: Session, push_id: int, lease_token: str) -> bool:
    """The document has had its effect and is not needed any more; False: its lease was somebody else's by then."""
    mine = delete(PUSHES).where(PUSHES.c.id == push_id, PUSHES.c.lease_token == lease_token)
    return bool(leases.affected(session, mine))


def again(session: Session, push_id: int, lease_token: str, due_at: datetime) -> None:
    """Try the document once more at that time."""
    mine = update(PUSHES).where(PUSHES.c.id == push_id, PUSHES.c.lease_token == lease_token)
    session.execute(mine.values(due_at=due_at, lease_token=None))
