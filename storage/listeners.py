"""Listeners: which process holds a source's stream; one at a time, and another takes over when it dies."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, or_, select, update
from sqlmodel import Session

from storage import leases
from storage.columns import moved_back
from storage.source_models import Listener

LISTENERS = Listener.__table__


def get(session: Session, source: str) -> Row[Any] | None:
    """Locked until the transaction ends."""
    return session.execute(select(LISTENERS).where(LISTENERS.c.source == source).with_for_update()).first()


def hold(session: Session, source: str, token: str, until: datetime, now: datetime, **state: Any) -> bool:
    """Take or renew it, with ``well`` and ``since`` as they are now; False: somebody else has it."""
    values = {"source": source, "token": token, "until": until, **state}
    fresh = leases.insert_new(session, LISTENERS).values(values)
    free = or_(LISTENERS.c.until <= now, LISTENERS.c.token == token)
    return bool(
        leases.affected(session, fresh.on_conflict_do_update(index_elements=["source"], set_=values, where=free))
    )


def let_go(session: Session, source: str, token: str) -> bool:
    """Free for anybody at once; False: it was not ours any more."""
    mine = (LISTENERS.c.source == source, LISTENERS.c.token == token)
    return bool(leases.affected(session, delete(LISTENERS).where(*mine)))


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: what ends, ends as soon as it would have ended without that."""
    ahead = update(LISTENERS).where(LISTENERS.c.until > now)
    session.execute(ahead.values(until=moved_back(LISTENERS.c.until, by, now)))


def expire_all(session: Session, now: datetime) -> None:
    """Nobody holds any of them."""
    session.execute(update(LISTENERS).where(LISTENERS.c.until > now).values(until=now))


def well(session: Session, sources: Collection[str], now: datetime) -> set[str]:
    """Those of these sources whose stream is listened to and hears."""
    heard = select(LISTENERS.c.source).where(LISTENERS.c.well, LISTENERS.c.until > now)
    return set(session.execute(heard.where(LISTENERS.c.source.in_(sorted(sources)))).scalars())


def all_(session: Session) -> Sequence[Row[Any]]:
    """Every one, by source."""
    return session.execute(select(LISTENERS).order_by(LISTENERS.c.source)).all()
