"""Taking due rows with a lease, alike for every table that has ``due_at`` and ``lease_token``.

A lease moves the row's due time to its own end: while its worker lives, the row is simply not due, and when
the worker dies it becomes due again by itself.  The token is the fence: whoever settles a row names it, and
a late worker changes nothing.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Delete,
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

from storage.statements import Query, packed

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
        session.connection().execute(_take(table), {"ids": some, "_token": token, "until": until})
    return token


@cache
def _take(table: Table) -> Update:
    until: BindParameter[datetime] = bindparam("until", type_=table.c.due_at.type)
    mine = table.c.id.in_(bindparam("ids", expanding=True))
    return update(table).where(mine).values(lease_token=bindparam("_token"), due_at=until)


def still_leased(session: Session, table: Table, tokens: Mapping[int, str]) -> set[int]:
    """Ids of those rows that still stand under the given token, locked until the transaction ends."""
    if not tokens:
        return set()
    held = _held(table.name).rows(session, ids=packed(list(tokens)))
    return {id_ for id_, token in held if token == tokens[id_]}


@cache
def _held(table: str) -> Query[tuple[int, str | None]]:
    text = """
        SELECT {row} id, lease_token {/row} FROM (
            SELECT id, lease_token FROM {table} WHERE id {in} {ids} {/in} ORDER BY id {lock} FOR UPDATE {/lock}
        ) AS held
        """
    return Query(text.replace("{table}", table), tuple[int, str | None])


def settle(session: Session, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """End leases: each row names ``_id``, ``_token`` and what changes besides.

    A row whose lease has passed to somebody else is left alone.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for names, some in alike.items():
        session.connection().execute(_settling(table, names), some)


@cache
def _settling(table: Table, names: tuple[str, ...]) -> Update:
    mine = (table.c.id == bindparam("_id"), table.c.lease_token == bindparam("_token"))
    changes: dict[str, Any] = {name: bindparam(name) for name in names if not name.startswith("_")}
    return update(table).where(*mine).values(lease_token=None, **changes)


def slices(values: Sequence[T], size: int = SLICE) -> list[Sequence[T]]:
    """``values`` in parts that fit into one statement each."""
    return [values[i : i + size] for i in range(0, len(values), size)]


def insert_new(session: Session, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT, which both engines spell alike."""
    return insert_of(session.get_bind().dialect.name == "postgresql", table)


def insert_of(postgres: bool, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """As ``insert_new``, for statements that are made once."""
    return postgresql.insert(table) if postgres else sqlite.insert(table)


def affected(session: Session, statement: Insert | Update | Delete, values: Mapping[str, Any] | None = None) -> int:
    """Run a statement and say how many rows it made or changed; of an INSERT, SQLAlchemy forgets that unasked."""
    result = session.connection().execute(statement, values, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)
    return result.rowcount
