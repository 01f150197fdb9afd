"""How much room the database takes: what each engine knows without counting."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes.  ``free``: of these, what is inside and used by nothing."""

    whole: int
    free: int


def of_database(session: Session) -> Size:
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return Size(int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()), 0)
    pages, size, unused = (
        int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
        for name in ("page_count", "page_size", "freelist_count")
    )
    return Size(pages * size, unused * size)
