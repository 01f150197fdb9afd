"""API keys: found by their digest, otherwise only ever among one account's own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, text, update
from sqlmodel import Session

from storage.api_models import ApiKey
from storage.columns import UtcTime
from storage.models import Account

ACCOUNTS = Account.__table__
KEYS = ApiKey.__table__

_BY_DIGEST: Select[Any] = (
    select(
        KEYS.c.id,
        KEYS.c.account_id,
        KEYS.c.prefix,
        KEYS.c.expires_at,
        ACCOUNTS.c.created_at.label("account_made_at"),
        ACCOUNTS.c.operator,
        ACCOUNTS.c.disabled_at,
    )
    .join(ACCOUNTS, ACCOUNTS.c.id == KEYS.c.account_id)
    .where(KEYS.c.digest == bindparam("digest"))
)


def by_digest(session: Session, digest: bytes) -> Row[Any] | None:
    """The key, expired or not, and of its account ``account_made_at``, ``operator`` and ``disabled_at``."""
    return session.connection().execute(_BY_DIGEST, {"digest": digest}).first()


def add(session: Session, **values: Any) -> int:
    """Returns its id."""
    return int(session.execute(insert(KEYS).values(**values).returning(KEYS.c.id)).scalar_one())


def prefixes(session: Session, account_id: int) -> set[str]:
    """Of all the account's keys."""
    return set(session.execute(select(KEYS.c.prefix).where(KEYS.c.account_id == account_id)).scalars())


def count(session: Session, account_id: int, now: datetime) -> int:
    """How many of the account's keys are still valid."""
    mine = select(func.count()).where(KEYS.c.account_id == account_id, KEYS.c.expires_at > now)
    return int(session.execute(mine).scalar_one())


def of_account(session: Session, account_id: int) -> Sequence[Row[Any]]:
    """The oldest first."""
    return session.execute(select(KEYS).where(KEYS.c.account_id == account_id).order_by(KEYS.c.id)).all()


def page(session: Session, account_id: int, before: int, limit: int) -> Sequence[Row[Any]]:
    """The newest first, with ids below ``before``."""
    mine = select(KEYS).where(KEYS.c.account_id == account_id, KEYS.c.id < before)
    return session.execute(mine.order_by(KEYS.c.id.desc()).limit(limit)).all()


def get(session: Session, account_id: int, prefix: str) -> Row[Any] | None:
    return session.execute(select(KEYS).where(KEYS.c.account_id == account_id, KEYS.c.prefix == prefix)).one_or_none()


def end_at(session: Session, key_id: int, at: datetime) -> None:
    session.execute(update(KEYS).where(KEYS.c.id == key_id).values(expires_at=at))


def remove(session: Session, account_id: int, prefix: str) -> int | None:
    """Returns the id that it had; None: the account has no such key."""
    mine = delete(KEYS).where(KEYS.c.account_id == account_id, KEYS.c.prefix == prefix)
    return session.execute(mine.returning(KEYS.c.id)).scalar()


_USED = update(KEYS).where(KEYS.c.id == bindparam("_id")).values(last_used_at=bindparam("at", type_=UtcTime()))


def set_used(session: Session, times: Mapping[int, datetime]) -> None:
    """When keys were last used, by id.  Not worth waiting for the disk."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL synchronous_commit = off"))
    session.connection().execute(_USED, [{"_id": id_, "at": at} for id_, at in sorted(times.items())])
