"""The rates of keys, where several processes share them: one statement takes a request's share or refuses it."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, text, type_coerce
from sqlmodel import Session

from storage import leases
from storage.api_models import Bucket
from storage.columns import MICROSECOND, UtcTime, from_micros, to_micros

BUCKETS = Bucket.__table__


def take(session: Session, key_id: int, now: datetime, one: timedelta, whole: timedelta) -> datetime | None:
    """When the bucket is full again after one request more; None: that would be too much, and nothing has changed.

    The statement is ``bot.rules.buckets.after_one``, in one step, so that processes cannot get in each other's way.
    """
    postgres = session.get_bind().dialect.name == "postgresql"
    if postgres:
        session.connection().execute(_IN_MEMORY)
    values = {"key_id": key_id, "first": now + one, "now": to_micros(now)}
    steps = {"one": one // MICROSECOND, "whole": whole // MICROSECOND}
    micros = session.connection().execute(_statement(postgres), values | steps).scalar()
    return None if micros is None else from_micros(micros)


_IN_MEMORY = text("SET LOCAL synchronous_commit = off")


@cache
def _statement(postgres: bool) -> Any:
    now, one, whole = (bindparam(name, type_=BigInteger) for name in ("now", "one", "whole"))
    full_at = type_coerce(BUCKETS.c.full_at, BigInteger)
    then = case((full_at < now, now + one), (full_at - now > whole, now + whole), else_=full_at + one)
    fresh = leases.insert_of(postgres, BUCKETS).values(
        key_id=bindparam("key_id"), full_at=bindparam("first", type_=UtcTime())
    )
    return fresh.on_conflict_do_update(
        index_elements=["key_id"], set_={"full_at": then}, where=then - now <= whole
    ).returning(full_at)
