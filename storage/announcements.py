"""Announcements: few, and looked for on every page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, update
from sqlmodel import Session

from storage.operation_models import Announcement

ANNOUNCEMENTS = Announcement.__table__
AT_ONCE = 3  # stand on a page

_CURRENT: Select[Any] = (
    select(ANNOUNCEMENTS.c.level, ANNOUNCEMENTS.c.text)
    .where(
        ANNOUNCEMENTS.c.ends_at > bindparam("now", type_=ANNOUNCEMENTS.c.ends_at.type),
        ANNOUNCEMENTS.c.begins_at <= bindparam("now", type_=ANNOUNCEMENTS.c.ends_at.type),
    )
    .order_by(ANNOUNCEMENTS.c.id.desc())
    .limit(AT_ONCE)
)


def current(session: Session, now: datetime) -> Sequence[Row[Any]]:
    """``level`` and ``text`` of those that hold now, the newest first."""
    return session.connection().execute(_CURRENT, {"now": now}).all()


def add(session: Session, **values: Any) -> Row[Any]:
    return session.execute(insert(ANNOUNCEMENTS).values(**values).returning(ANNOUNCEMENTS)).one()


def page(session: Session, before: int, limit: int) -> Sequence[Row[Any]]:
    """Whether they hold or not, the newest first."""
    below = select(ANNOUNCEMENTS).where(ANNOUNCEMENTS.c.id < before)
    return session.execute(below.order_by(ANNOUNCEMENTS.c.id.desc()).limit(limit)).all()


def withdraw(session: Session, announcement_id: int, now: datetime) -> Row[Any] | None:
    """As it is then; None: there is none, or it has ended."""
    open_ = (ANNOUNCEMENTS.c.id == announcement_id, ANNOUNCEMENTS.c.ends_at > now)
    ended = update(ANNOUNCEMENTS).where(*open_).values(ends_at=now, withdrawn_at=now)
    return session.execute(ended.returning(ANNOUNCEMENTS)).first()
