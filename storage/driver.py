"""Reading by the driver's own cursor, for lists in which what SQLAlchemy does with each row is most of the cost.

A statement is the same as elsewhere, and is compiled once.  Values go to the driver as they are, and come back so:
times are microseconds.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from storage.work import storage_error


def rows(session: Session, statement: Select[Any], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Raises StorageError."""
    connection = session.connection()
    sql, fixed = _compiled(statement, connection.dialect.name)
    driver: Any = connection.connection.driver_connection
    try:
        found: list[tuple[Any, ...]] = driver.execute(sql, {**fixed, **values}).fetchall()
    except _errors(connection.dialect) as error:
        raise storage_error(error) from error
    return found


def _errors(dialect: Any) -> type[Exception]:
    errors: type[Exception] = dialect.dbapi.Error
    return errors


@cache
def _compiled(statement: Select[Any], engine: str) -> tuple[str, dict[str, Any]]:
    """The text, and the values that are written in the statement itself."""
    on_sqlite = engine == "sqlite"
    dialect: Any = sqlite.dialect if on_sqlite else postgresql.dialect
    compiled = statement.compile(dialect=dialect(paramstyle="named" if on_sqlite else "pyformat"))
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}
