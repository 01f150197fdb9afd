"""Rates that several processes share, of keys and others: one statement takes a request's share or refuses it."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Table, bindparam, case, text, type_coerce
from sqlmodel import Session

from storage import leases
from storage.api_models import Bucket
from storage.columns import MICROSECOND, UtcTime, from_micros, to_micros

BUCKETS = Bucket.__table__


def take(
    session: Session, key_id: int, now: datetime, one: timedelta, whole: timedelta, *, table: Table = BUCKETS
) -> datetime | None:
    """When the bucket is full again after one request more; None: that would be too much, and nothing has changed.

    ``table``: its primary key names the bucket, ``full_at`` is its one other column.

    The statement is ``bot.rules.buckets.after_one``, in one step, so that processes cannot get in each other's way.
    """
    postgres = session.get_bind().dialect.name == "postgresql"
    if postgres:
        session.connection().execute(_IN_MEMORY)
    values = {"key_id": key_id, "first": now + one, "now": to_micros(now)}
    steps = {"one": one // MICROSECOND, "whole": whole // MICROSECOND}
    micros = session.connection().execute(_statement(postgres, table), values | steps).scalar()
    return None if micros is None else from_micros(micros)


_IN_MEMORY = text("SET LOCAL synchronous_commit = off")


@cache
def _statement(postgres: bool, table: Table) -> Any:
    (name,) = table.primary_key.columns.keys()
    now, one, whole = (bindparam(name, type_=BigInteger) for name in ("now", "one", "whole"))
    full_at = type_coerce(table.c.full_at, BigInteger)
    then = case((full_at < now, now + one), (full_at - now > whole, now + whole), else_=full_at + one)
    fresh = leases.insert_of(postgres, table).values(
        {name: bindparam("key_id"), "full_at": bindparam("first", type_=UtcTime())}
    )
    return fresh.on_conflict_do_update(
        index_elements=[name], set_={"full_at": then}, where=then - now <= whole
    ).returning(full_at)
