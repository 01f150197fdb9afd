"""Answers that are kept for a day, so that what is asked again is not done again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, select, tuple_, update
from sqlmodel import Session

from storage import leases
from storage.native_models import Idempotency

TABLE = Idempotency.__table__
Name = tuple[int, str, str]
"""Account, operation and key."""


def begin(session: Session, name: Name, digest: bytes, older: datetime, now: datetime) -> bool:
    """Take the key; False: it was taken after ``older``.  Who takes it at the same time waits until this transaction
    ends, and then finds what it has left."""
    row = dict(zip(("account_id", "operation", "key"), name, strict=True), digest=digest, created_at=now)
    fresh = leases.insert_new(session, TABLE).values(**row)
    taken = fresh.on_conflict_do_update(
        index_elements=["account_id", "operation", "key"],
        set_={"digest": digest, "status": 0, "answer": None, "created_at": now},
        where=TABLE.c.created_at <= older,
    )
    return bool(leases.affected(session, taken))


def get(session: Session, name: Name, older: datetime) -> Row[Any] | None:
    """``digest``, ``status`` and ``answer`` of a key that was taken after ``older``."""
    wanted = select(TABLE.c.digest, TABLE.c.status, TABLE.c.answer)
    return session.execute(wanted.where(_is(name), TABLE.c.created_at > older)).one_or_none()


def finish(session: Session, name: Name, status: int, answer: bytes) -> None:
    session.execute(update(TABLE).where(_is(name)).values(status=status, answer=answer))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Drop what was answered before; returns how many, up to ``limit``."""
    names = (TABLE.c.account_id, TABLE.c.operation, TABLE.c.key)
    old = select(*names).where(TABLE.c.created_at <= before).order_by(TABLE.c.created_at).limit(limit)
    rows = [tuple(row) for row in session.execute(old)]
    for some in leases.slices(rows, 100):
        session.execute(delete(TABLE).where(tuple_(*names).in_(some)))
    return len(rows)


def _is(name: Name) -> Any:
    return and_(TABLE.c.account_id == name[0], TABLE.c.operation == name[1], TABLE.c.key == name[2])
