"""Statements: one text means the same on both engines, whatever values go in."""

from typing import Any

import msgspec
import pytest

from storage import destinations
from storage.database import Database, Work
from storage.models import Account
from storage.statements import Query, Statement, packed
from tests import world


class Row(msgspec.Struct, array_like=True, frozen=True):
    id: int
    name: str
    email: str | None
    operator: bool


ALL = Query("SELECT {row} id, name, email, operator {/row} FROM accounts", Row)
SOME = Query("SELECT {row} id, name {/row} FROM accounts WHERE id {in} {ids} {/in}", tuple[int, str])
RENAME = Statement("""
    UPDATE accounts SET name = given.value->>1 FROM {rows} AS given
    WHERE accounts.id = CAST(given.value->>0 AS bigint)
    """)
LOCKED = Query(
    "SELECT {row} id {/row} FROM accounts WHERE name = :name {lock} FOR UPDATE SKIP LOCKED {/lock}", tuple[int]
)
SEALED = Query("SELECT {row} id, {hex} secrets {/hex} {/row} FROM destinations", tuple[int, str])


@pytest.fixture
def accounts(database: Database) -> Database:
    for number in (1, 2, 3):
        database.run(world.add_account, number)
    return database


NASTY = ["", 'it\'s "quoted" \\ :name %(name)s %s {row}', "雪 🔔", "\r\n\x1b[31m\u2028", "x" * 100_000]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_texts_come_back_as_they_went_in(accounts: Database, text: str) -> None:
    given = packed([(2, text)])
    assert accounts.run(lambda work: RENAME.run(work.session, rows=given)) == 1
    assert accounts.look(rows, ALL)[1] == Row(2, text, "2@example.org", False)
    assert accounts.run(lambda work: LOCKED.rows(work.session, name=text))  # as a parameter of its own, too


def rows(work: Work, /, query: Query[Any], **values: Any) -> list[Any]:
    return sorted(query.rows(work.session, **values), key=lambda row: row.id if isinstance(row, Row) else row)


def test_nulls_and_booleans_come_back(accounts: Database) -> None:
    accounts.run(lambda work: work.session.execute(Account.__table__.update().values(email=None, operator=True)))
    assert accounts.look(rows, ALL)[0] == Row(1, "", None, True)


def test_ids_choose_rows_in_any_number(accounts: Database) -> None:
    assert accounts.look(rows, SOME, ids=packed([3, 1, 99])) == [(1, ""), (3, "")]
    assert accounts.look(rows, SOME, ids=packed([])) == []
    assert accounts.look(rows, SOME, ids=packed(list(range(2, 5000)))) == [(2, ""), (3, "")]


def test_how_many_rows_changed_is_told(accounts: Database) -> None:
    given = packed([(1, "one"), (3, "three"), (2**40, "nobody")])
    assert accounts.run(lambda work: RENAME.run(work.session, rows=given)) == 2
    assert [row.name for row in accounts.look(rows, ALL)] == ["one", "", "three"]


def test_bytes_come_as_hexadecimal(accounts: Database) -> None:
    accounts.run(world.add_destinations, 2)
    sealed = bytes(range(256))
    accounts.run(lambda work: destinations.set_secrets(work.session, 2, sealed))
    found = accounts.look(rows, SEALED)
    assert [(id_, bytes.fromhex(text)) for id_, text in found] == [(1, b""), (2, sealed)]
