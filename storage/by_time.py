"""Rows by their time where no index has it: ids grow with time, so halving finds them in steps on the key."""

from datetime import datetime

from sqlalchemy import Column, Table, func, select
from sqlmodel import Session


def first_id(session: Session, table: Table, column: Column[datetime], at: datetime) -> int:
    """About where rows of that time begin; ``column``: when each was made."""
    # One by one: SQLite takes a single end from the index, and both together from all rows.
    low, high = (session.execute(select(end(table.c.id))).scalar() or 0 for end in (func.min, func.max))
    high += 1
    following = select(table.c.id, column.label("at")).order_by(table.c.id).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = session.execute(following.where(table.c.id >= middle)).first()
        if row is not None and row.at < at:
            low = row.id + 1
        else:
            high = middle
    return low
