"""Accounts: who holds plan, quota, keys and destinations."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from storage import leases
from storage.models import Account, Meta
from storage.statements import Query

ACCOUNTS = Account.__table__
META = Meta.__table__


def add(session: Session, account: Account) -> Account:
    """Store a new account; the same object comes back with its id."""
    session.add(account)
    session.flush()
    return account


def get(session: Session, account_id: int) -> Account | None:
    return session.get(Account, account_id)


_LOCK = select_columns(ACCOUNTS).where(ACCOUNTS.c.id == bindparam("id")).with_for_update(key_share=True)


def lock(session: Session, account_id: int) -> Row[Any]:
    """The account, which nobody else changes or locks until the transaction ends; rows may still refer to it."""
    return session.connection().execute(_LOCK, {"id": account_id}).one()


def lock_if_there(session: Session, account_id: int) -> Row[Any] | None:
    """As ``lock``; None: there is no such account."""
    return session.connection().execute(_LOCK, {"id": account_id}).one_or_none()


def change(session: Session, account_id: int, **values: Any) -> None:
    session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(**values))


def by_email(session: Session, email: str) -> Account | None:
    """``email`` in lower case."""
    return session.exec(select(Account).where(col(Account.email) == email)).one_or_none()


def list_all(session: Session, limit: int) -> Sequence[Account]:
    """Accounts, the oldest first."""
    there = select(Account).where(col(Account.deleted_at).is_(None))
    return session.exec(there.order_by(col(Account.id)).limit(limit)).all()


_FACT = Query("SELECT {row} value {/row} FROM meta WHERE name = :name", tuple[str])
_LOCKED_FACT = select_columns(META.c.value).where(META.c.name == bindparam("name")).with_for_update()


def fact(session: Session, name: str) -> str | None:
    """A fact about this installation; None when it was never stored."""
    found = _FACT.rows(session, name=name)
    return found[0][0] if found else None


def lock_fact(session: Session, name: str) -> str | None:
    """As ``fact``; nobody else changes it until the transaction ends."""
    return session.connection().execute(_LOCKED_FACT, {"name": name}).scalar()


def set_fact(session: Session, name: str, value: str) -> None:
    fresh = leases.insert_new(session, META).values(name=name, value=value)
    session.execute(fresh.on_conflict_do_update(index_elements=["name"], set_={"value": fresh.excluded.value}))
