"""Taking due rows with a lease, alike for every table that has ``due_at`` and ``lease_token``.

A lease moves the row's due time to its own end: while its worker lives, the row is simply not due, and when
the worker dies it becomes due again by itself.  The token is the fence: whoever settles a row names it, and
a late worker changes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

T = TypeVar("T")

SLICE = 500  # values in one statement; both engines have a bound on parameters


def due(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Statement: whole rows due at ``:now``, oldest first, at most ``:limit`` of them, locked for us.

    PostgreSQL skips rows that another worker is taking.  SQLite lets one writer in at a time and is not
    given that clause, so one statement serves both.
    """
    return (
        select(table)
        .where(table.c.due_at <= bindparam("now", type_=table.c.due_at.type), *conditions)
        .order_by(table.c.due_at, table.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


def new_token() -> str:
    return secrets.token_hex(8)


def take(session: Session, table: Table, ids: Sequence[int], until: datetime) -> str:
    """Lease rows that this transaction has locked; returns the token that settles them."""
    token = new_token()
    for some in slices(ids):
        session.connection().execute(_take(table), {"ids": some, "token": token, "until": until})
    return token


@cache
def _take(table: Table) -> Update:
    until: BindParameter[datetime] = bindparam("until", type_=table.c.due_at.type)
    mine = table.c.id.in_(bindparam("ids", expanding=True))
    return update(table).where(mine).values(lease_token=bindparam("token"), due_at=until)


def slices(values: Sequence[T], size: int = SLICE) -> list[Sequence[T]]:
    """``values`` in parts that fit into one statement each."""
    return [values[i : i + size] for i in range(0, len(values), size)]


def insert_new(session: Session, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT, which both engines spell alike."""
    return insert_of(session.get_bind().dialect.name == "postgresql", table)


def insert_of(postgres: bool, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """As ``insert_new``, for statements that are made once."""
    return postgresql.insert(table) if postgres else sqlite.insert(table)


def affected(session: Session, statement: Insert | Update, values: Mapping[str, Any] | None = None) -> int:
    """Run a statement and say how many rows it made or changed; of an INSERT, SQLAlchemy forgets that unasked."""
    result = session.connection().execute(statement, values, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)
    return result.rowcount
