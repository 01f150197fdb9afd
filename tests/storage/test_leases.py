"""Leases alike for every table: due rows to one worker each, oldest first, again when their time is over."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import inbox, leases
from storage.database import Database, Work
from storage.models import InboundEvent
from tests.clock import MovableClock
from tests.counts import count
from tests.world import MINUTE

INBOX = InboundEvent.__table__
DUE = leases.due(INBOX, INBOX.c.done_at.is_(None))


def store(work: Work, many: int, name: str = "") -> None:
    rows = [
        {
            "provider": "test", "event_key": f"{name}{n}", "chat": "", "raw": b"raw",
            "received_at": work.now, "due_at": work.now, "lease_token": None,
        }
        for n in range(many)
    ]  # fmt: skip
    assert len(inbox.store(work.session, rows)) == many


def take(work: Work, limit: int) -> list[int]:
    ids = [row.id for row in work.session.execute(DUE, {"now": work.now, "limit": limit})]
    leases.take(work.session, INBOX, ids, work.now + MINUTE)
    return ids


def test_workers_side_by_side_share_the_rows_and_none_gets_one_twice(
    database: Database, database_url: str, clock: MovableClock
) -> None:
    rows = count(200, 3000)
    database.run(store, rows)
    workers = [database] * 4
    if database.engine == "postgresql":
        workers = [database, *(Database(database_url, clock, shared_time=False) for _ in range(3))]
    start = threading.Barrier(4)

    def work(worker: Database) -> list[int]:
        start.wait()
        mine: list[int] = []
        for _ in range(rows):
            mine += (some := worker.run(take, 7))
            if not some:
                break
        return mine

    with ThreadPoolExecutor(4) as threads:
        taken = [id_ for mine in threads.map(work, workers) for id_ in mine]
    for worker in workers[1:]:
        if worker is not database:
            worker.close()
    assert len(taken) == len(set(taken))
    assert sorted([*taken, *_rest(database)]) == list(range(1, rows + 1))


def _rest(database: Database) -> list[int]:
    """What every worker skipped because another one was looking at it."""
    rest: list[int] = []
    while some := database.run(take, 1000):
        rest += some
    return rest


def test_the_oldest_come_first_and_only_so_many(database: Database, clock: MovableClock) -> None:
    for n in range(5):
        database.run(store, 1, f"late {n}")
        clock.advance(minutes=-1)
    clock.advance(hours=1)
    assert database.run(take, 2) == [5, 4]
    assert database.run(take, 10) == [3, 2, 1]


def test_a_leased_row_is_due_again_at_the_end_of_its_lease(database: Database, clock: MovableClock) -> None:
    database.run(store, 1)
    assert database.run(take, 10) == [1]
    clock.advance(seconds=59)
    assert database.run(take, 10) == []
    clock.advance(seconds=1)
    assert database.run(take, 10) == [1]


def test_every_taking_has_a_token_of_its_own(database: Database, clock: MovableClock) -> None:
    database.run(store, 1)
    tokens = {database.run(lambda work: leases.take(work.session, INBOX, [1], work.now)) for _ in range(50)}
    assert len(tokens) == 50


def test_more_rows_than_fit_into_a_statement_are_taken_whole(database: Database) -> None:
    many = 2 * leases.SLICE + 1
    database.run(store, many)
    assert len(database.run(take, many)) == many
    assert database.run(take, many) == []


@given(st.lists(st.integers()), st.integers(1, 10))
def test_slices_keep_everything_in_order(values: list[int], size: int) -> None:
    parts = leases.slices(values, size)
    assert [value for part in parts for value in part] == values
    assert all(0 < len(part) <= size for part in parts)


@pytest.mark.parametrize("again", [False, True])
def test_affected_counts_what_an_insert_made(database: Database, again: bool) -> None:
    def add(work: Work) -> int:
        statement = leases.insert_new(work.session, INBOX).values(
            provider="p", event_key="k", raw=b"", received_at=work.now, due_at=work.now
        )
        return leases.affected(work.session, statement.on_conflict_do_nothing())

    if again:
        database.run(add)
    made: Any = database.run(add)
    assert made == (0 if again else 1)
