"""The audit log: rows are added, never changed; ``lists`` reads them."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from storage.admin_models import AuditEntry

AUDIT = AuditEntry.__table__


def add(session: Session, now: datetime, **values: Any) -> None:
    session.execute(insert(AUDIT).values(at=now, **values))
