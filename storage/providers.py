"""Providers: how the platform treats one account of a channel; what all processes must know of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select
from sqlmodel import Session

from storage import leases
from storage.chat_models import Provider

PROVIDERS = Provider.__table__


def get(session: Session, name: str) -> Row[Any] | None:
    """Locked until the transaction ends; None: all is well."""
    return session.execute(select(PROVIDERS).where(PROVIDERS.c.name == name).with_for_update()).first()


def save(session: Session, name: str, values: Mapping[str, Any]) -> None:
    fresh = leases.insert_new(session, PROVIDERS).values(name=name, **values)
    session.execute(fresh.on_conflict_do_update(index_elements=["name"], set_=dict(values)))


def named(session: Session, names: Sequence[str]) -> Sequence[Row[Any]]:
    """Those of these accounts that are not well, locked until the transaction ends."""
    wanted = select(PROVIDERS).where(PROVIDERS.c.name.in_(names)).order_by(PROVIDERS.c.name)
    return session.execute(wanted.with_for_update()).all()


def forget(session: Session, names: Sequence[str]) -> None:
    """All is well with them."""
    session.execute(delete(PROVIDERS).where(PROVIDERS.c.name.in_(names)))


def troubled(session: Session) -> Sequence[Row[Any]]:
    """Every account that is not well, by name: one row for each account of a channel at most."""
    return session.execute(select(PROVIDERS).order_by(PROVIDERS.c.name)).all()


def resting(session: Session, now: datetime) -> Sequence[str]:
    """Names of those that nothing is claimed for at present."""
    rests = or_(PROVIDERS.c.paused_until > now, PROVIDERS.c.held_at.is_not(None))
    return session.execute(select(PROVIDERS.c.name).where(rests)).scalars().all()
