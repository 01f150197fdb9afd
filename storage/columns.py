"""What tables are made of: the column types and makers that are equal on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    Table,
    Text,
    TypeDecorator,
    case,
    text,
    type_coerce,
)
from sqlmodel import Field, SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, the form in which times are stored.  Refuses naive times."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds  # dividing costs twice as much


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as microseconds since 1970: equal arithmetic and order on both engines."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_micros(value)


def moved_back(column: Any, by: timedelta, now: datetime) -> Any:
    """Expression: a stored time, earlier by so much if it is still to come."""
    micros = type_coerce(column, BigInteger)
    return case((column > now, micros - by // MICROSECOND), else_=micros)


BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only in columns named INTEGER


class Base(SQLModel):
    """What all tables share: a way to reach the Core table behind the class."""

    __table__: ClassVar[Table]


def id_() -> Any:
    return Field(default=None, sa_column=Column(BigId, primary_key=True))


def to(target: str, *, nullable: bool = False, cascade: bool = True, index: bool = False) -> Any:
    key = ForeignKey(target, ondelete="CASCADE" if cascade else "SET NULL")
    return Field(default=None, sa_column=Column(BigInteger, key, nullable=nullable, index=index))


def part_of(target: str) -> Any:
    return Field(sa_column=Column(BigInteger, ForeignKey(target, ondelete="CASCADE"), primary_key=True))


def time(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable))


def text_(default: str | None = "", *, nullable: bool = False) -> Any:
    return Field(default=default, sa_column=Column(Text, nullable=nullable, server_default=default))


def count() -> Any:
    return Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


def only(rows: str) -> dict[str, Any]:
    return {"postgresql_where": text(rows), "sqlite_where": text(rows)}
