"""The audit log: rows are added and read, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from storage.admin_models import AuditEntry

AUDIT = AuditEntry.__table__


def add(session: Session, now: datetime, **values: Any) -> None:
    session.execute(insert(AUDIT).values(at=now, **values))


def page(session: Session, before: int, limit: int) -> Sequence[Row[Any]]:
    """Rows with ids below ``before``, the latest first."""
    return session.execute(select(AUDIT).where(AUDIT.c.id < before).order_by(AUDIT.c.id.desc()).limit(limit)).all()
