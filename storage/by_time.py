"""Rows by their time where no index has it: ids grow with time, so halving finds them in steps on the key."""

from datetime import datetime
from functools import cache

from sqlalchemy import Column, Table, TextClause, text
from sqlmodel import Session

from storage.columns import to_micros

# The ends one by one: SQLite takes a single one from the index, and both together from all rows.
_FIRST = """
    WITH RECURSIVE step (low, high) AS (
        SELECT coalesce((SELECT min(id) FROM {table}), 0), coalesce((SELECT max(id) FROM {table}), 0) + 1
        UNION ALL
        SELECT
            CASE WHEN {at} < :at
                THEN (SELECT id FROM {table} WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1) + 1 ELSE low END,
            CASE WHEN {at} < :at THEN high ELSE (low + high) / 2 END
        FROM step WHERE low < high
    )
    SELECT max(low) FROM step
    """.replace("{at}", "(SELECT {column} FROM {table} WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)")


def first_id(session: Session, table: Table, column: Column[datetime], at: datetime) -> int:
    """About where rows of that time begin; ``column``: when each was made."""
    return int(session.execute(_first(table.name, column.name), {"at": to_micros(at)}).scalar_one())


@cache
def _first(table: str, column: str) -> TextClause:
    return text(_FIRST.replace("{table}", table).replace("{column}", column))
