"""SQL for the hottest paths, written once for both engines and handed to their drivers as it is.

What costs there is each row's way through SQLAlchemy (30 µs and more), and on SQLite each row at all: its driver lets
go of the interpreter's lock at every step and has to win it back from a busy event loop.  So rows go in as one JSON
text, and from SQLite they come out as one.

The texts name parameters as ``:name``; times are microseconds, as they are stored.  These words are spelt by engine:

    {rows}              table of the JSON text ``:rows``; its column ``value`` holds an array each, read by ``->>``
    {ids}               subquery: the numbers in the JSON text ``:ids``
    {in} … {/in}        is one of what this subquery finds
    {row} … {/row}      the columns of a Query's row
    {lock} … {/lock}    row locks; SQLite has one writer and needs none
    {hex} … {/hex}      bytes in hexadecimal; empty for none
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import CursorResult
from sqlmodel import Session

T = TypeVar("T")

SQLITE = {
    "{rows}": "json_each(:rows)",
    "{ids}": "SELECT value FROM json_each(:ids)",
    "{in}": "IN (",
    "{/in}": ")",
    "{row}": "json_group_array(json_array(",
    "{/row}": "))",
    "{hex}": "hex(",
    "{/hex}": ")",
}
POSTGRESQL = {
    "{rows}": "jsonb_array_elements(CAST(:rows AS jsonb))",
    "{ids}": "SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:ids AS json))",
    "{in}": "= ANY (ARRAY(",  # as an array: as a join, PostgreSQL walks whole tables when its statistics are old
    "{/in}": "))",
    "{row}": "",
    "{/row}": "",
    "{hex}": "coalesce(encode(",
    "{/hex}": ", 'hex'), '')",
    "{lock}": "",
    "{/lock}": "",
}


class Statement:
    """One that changes rows.  ``words``: further ones, and how each is spelt for SQLite and for PostgreSQL."""

    def __init__(self, text: str, words: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> None:
        sqlite = SQLITE | {word: spelling for word, (spelling, _) in words.items()}
        postgresql = POSTGRESQL | {word: spelling for word, (_, spelling) in words.items()}
        self._sqlite = _spelt(re.sub(r"\{lock\}.*?\{/lock\}", "", text), sqlite)
        self._postgresql = re.sub(r":(\w+)", r"%(\1)s", _spelt(text, postgresql))

    def run(self, session: Session, **values: Any) -> int:
        """Returns how many rows it changed.  ``rows``, ``ids``: as ``packed`` makes them."""
        return self._result(session, values).rowcount

    def _result(self, session: Session, values: Mapping[str, Any]) -> CursorResult[Any]:
        connection = session.connection()
        text = self._postgresql if _on_postgresql(session) else self._sqlite
        return connection.exec_driver_sql(text, values, execution_options={"preserve_rowcount": True})


class Query(Statement, Generic[T]):
    """One that reads rows; ``row``: a Struct of type array, or a tuple, whose fields are the columns in their order."""

    def __init__(self, text: str, row: type[T], words: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> None:
        super().__init__(text, words)
        self._decode = msgspec.json.Decoder(list[row], strict=False).decode  # type: ignore[valid-type]
        self._convert = partial(msgspec.convert, type=list[row], strict=False)  # type: ignore[valid-type]

    def rows(self, session: Session, **values: Any) -> list[T]:
        """In no order: who wants one sorts."""
        with self._result(session, values) as result:
            assert result.cursor is not None
            found = result.cursor.fetchall()  # the driver's own rows
        return self._convert(found) if _on_postgresql(session) else self._decode(found[0][0])


def packed(values: Sequence[Any]) -> str:
    """Parameter of a statement: numbers as ``ids``, or sequences of equal length as ``rows``."""
    return msgspec.json.encode(values).decode()


def _spelt(text: str, words: Mapping[str, str]) -> str:
    for word, spelling in words.items():
        text = text.replace(word, spelling)
    return text


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
