"""The promise of the door to storage: kept means committed, an error concerns as few as possible, nothing hangs."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from storage import accounts
from storage.columns import Base
from storage.database import Database, StorageError, StorageFull, Work
from storage.models import Account, Meta
from tests.clock import START, MovableClock


def remember(work: Work, name: str, value: str = "x", *, wake: str = "") -> str:
    accounts.set_fact(work.session, name, value)
    if wake:
        work.wakes.add(wake)
    return name


def recall(work: Work, name: str) -> str | None:
    return accounts.fact(work.session, name)


def remember_and_fail(work: Work, name: str) -> None:
    remember(work, name, wake="bell")
    raise KeyError(name)


def bad_sql(work: Work) -> None:
    work.session.execute(text("SELECT * FROM no_such_table"))


def how_many(work: Work, table: type[Base]) -> int:
    return int(work.session.execute(select(func.count()).select_from(table.__table__)).scalar_one())


async def tell(database: Database, *names: str) -> list[str | None]:
    return [await database.read(recall, name) for name in names]


class Blocked:
    """A use case that holds its transaction open until told, so that others gather behind it."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, work: Work, name: str) -> None:
        remember(work, name)
        self.entered.set()
        assert self.go.wait(10)


async def together(database: Database, *use_cases: Callable[[Work], Any]) -> list[Any]:
    """Results or errors of use cases that one group holds, with a first one that only holds the door."""
    blocked = Blocked()
    first = asyncio.create_task(database.write(blocked, "first"))
    await asyncio.to_thread(blocked.entered.wait)
    others = [asyncio.create_task(database.write(one)) for one in use_cases]
    await asyncio.sleep(0)
    blocked.go.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


# Both engines


async def test_what_is_written_can_be_read_and_the_result_comes_back(database: Database) -> None:
    assert await database.write(remember, "a", "b") == "a"
    assert await database.read(recall, "a") == "b"
    assert await asyncio.to_thread(database.run, remember, "c") == "c"


async def test_a_use_case_is_given_one_time(database: Database, clock: MovableClock) -> None:
    assert await database.write(lambda work: work.now) == clock.now
    clock.advance(hours=-3)
    assert await database.read(lambda work: work.now) == clock.now


async def test_an_error_of_a_use_case_undoes_it_and_nothing_else(database: Database) -> None:
    results = await together(
        database,
        lambda work: remember(work, "before"),
        lambda work: remember_and_fail(work, "broken"),
        lambda work: remember(work, "after"),
    )
    assert [type(result) for result in results] == [type(None), str, KeyError, str]
    assert await tell(database, "first", "before", "broken", "after") == ["x", "x", None, "x"]


def add_twice(work: Work) -> None:
    for _ in range(2):
        work.session.connection().execute(text("INSERT INTO meta (name, value) VALUES ('twice', '')"))


def add_twice_by_flush(work: Work) -> None:
    for _ in range(2):
        work.session.add(Account(email="same@example.org", created_at=work.now))


@pytest.mark.parametrize("broken", [add_twice, add_twice_by_flush])
async def test_a_broken_constraint_is_the_use_cases_own_error(
    database: Database, broken: Callable[[Work], None]
) -> None:
    results = await together(
        database, lambda work: remember(work, "before"), broken, lambda work: remember(work, "after")
    )
    assert [type(result) for result in results] == [type(None), str, IntegrityError, str]
    assert await tell(database, "before", "twice", "after") == ["x", None, "x"]
    assert await database.read(how_many, Account) == 0


async def test_a_driver_error_is_a_storage_error_and_work_goes_on(database: Database) -> None:
    with pytest.raises(StorageError):
        await database.write(bad_sql)
    with pytest.raises(StorageError):
        await database.read(bad_sql)
    assert await database.write(remember, "after") == "after"


async def test_reading_keeps_nothing(database: Database) -> None:
    try:
        await database.read(remember, "by reading")
    except StorageError:
        assert database.engine == "sqlite"
    assert await tell(database, "by reading") == [None]


async def test_reading_goes_on_while_a_write_is_under_way_and_sees_nothing_of_it(database: Database) -> None:
    blocked = Blocked()
    writing = asyncio.create_task(database.write(blocked, "unfinished"))
    await asyncio.to_thread(blocked.entered.wait)
    assert await asyncio.wait_for(database.read(recall, "unfinished"), 5) is None
    blocked.go.set()
    await writing
    assert await tell(database, "unfinished") == ["x"]


async def test_who_stops_waiting_undoes_neither_its_own_write_nor_others(database: Database, database_url: str) -> None:
    blocked = Blocked()
    first = asyncio.create_task(database.write(blocked, "first"))
    await asyncio.to_thread(blocked.entered.wait)
    impatient = asyncio.create_task(database.write(remember, "impatient"))
    patient = asyncio.create_task(database.write(remember, "patient"))
    await asyncio.sleep(0)
    impatient.cancel()
    first.cancel()
    blocked.go.set()
    assert await patient == "patient"
    await asyncio.to_thread(database.close)
    assert all(is_stored(database_url, name) for name in ("first", "impatient"))


async def test_wakes_ring_after_the_commit_and_only_for_what_was_kept(database: Database, database_url: str) -> None:
    heard: list[tuple[str, bool]] = []
    rung = threading.Event()

    def ring() -> None:
        heard.append(("bell", is_stored(database_url, "kept")))
        rung.set()

    database.on_wake("bell", ring)
    with pytest.raises(KeyError):
        await database.write(remember_and_fail, "broken")
    await database.write(remember, "kept without a wake")
    assert not rung.wait(0.2)
    await database.write(remember, "kept", wake="bell")
    assert await asyncio.to_thread(rung.wait, 5)
    assert heard[0] == ("bell", True)


async def test_a_waker_whose_loop_has_ended_stops_nobodys_writing(database: Database) -> None:
    ended = asyncio.new_event_loop()
    ended.close()

    def ring() -> None:
        ended.call_soon_threadsafe(print)

    database.on_wake("bell", ring)
    await database.write(remember, "rung", wake="bell")
    assert await asyncio.wait_for(database.write(remember, "after"), 5) == "after"


def is_stored(url: str, name: str) -> bool:
    """Whether another connection can see it."""
    other = Database(url, lambda: START, shared_time=False)
    try:
        return other.run(recall, name) is not None
    finally:
        other.close()


async def test_closing_finishes_what_was_accepted(database_url: str, clock: MovableClock) -> None:
    database = Database(database_url, clock, shared_time=False)
    writes = [asyncio.ensure_future(database.write(remember, f"fact {n}")) for n in range(300)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    assert await asyncio.gather(*writes) == [f"fact {n}" for n in range(300)]
    assert is_stored(database_url, "fact 299")


async def test_a_closed_database_refuses_instead_of_hanging(database_url: str, clock: MovableClock) -> None:
    database = Database(database_url, clock, shared_time=False)
    database.close()
    for call in (database.write, database.read):
        with pytest.raises((StorageError, RuntimeError)):
            await asyncio.wait_for(call(recall, "x"), 5)


async def test_times_come_back_aware_and_exact_and_naive_ones_are_refused(database: Database) -> None:
    at = datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)

    def add(work: Work, when: datetime) -> int:
        account = Account(created_at=when)
        work.session.add(account)
        work.session.flush()
        return account.id

    def stored(work: Work, id_: int) -> datetime:
        account = work.session.get(Account, id_)
        assert account
        return account.created_at

    local = at.astimezone(timezone(timedelta(hours=-9)))
    for when in (at, local, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        assert await database.read(stored, await database.write(add, when)) == when
    with pytest.raises(Exception, match="offset-naive"):
        await database.write(add, at.replace(tzinfo=None))


async def test_many_at_once_all_arrive(database: Database) -> None:
    results = await asyncio.gather(*(database.write(remember, f"fact {n}") for n in range(500)))
    assert results == [f"fact {n}" for n in range(500)]
    assert await database.read(how_many, Meta) == 500


async def test_an_error_names_no_values(database: Database) -> None:
    await database.write(lambda work: add_secretly(work, "secret"))
    with pytest.raises(IntegrityError, match="parameters hidden") as error:
        await database.write(lambda work: add_secretly(work, "secret"))
    assert "secret" not in str(error.value)


def add_secretly(work: Work, secret: str) -> None:
    work.session.connection().execute(
        text("INSERT INTO meta (name, value) VALUES (:name, :value)"), {"name": "one", "value": secret}
    )


# SQLite: groups


@pytest.fixture
def sqlite(sqlite_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """With time for a group, so that a busy machine does not cut it short."""
    monkeypatch.setattr("storage.sqlite.GROUP_SECONDS", 5.0)
    database = Database(sqlite_url, clock)
    yield database
    database.close()


async def test_a_driver_error_fails_every_caller_of_its_group_and_keeps_nothing_of_it(sqlite: Database) -> None:
    results = await together(sqlite, lambda work: remember(work, "before", wake="bell"), bad_sql)
    assert [type(result) for result in results] == [StorageError] * 3
    assert await tell(sqlite, "first", "before") == [None, None]


async def test_what_a_failed_group_had_not_begun_is_done_by_the_next(sqlite: Database) -> None:
    results = await together(sqlite, bad_sql, lambda work: remember(work, "next group"))
    assert [type(result) for result in results] == [StorageError, StorageError, str]
    assert await tell(sqlite, "next group") == ["x"]


async def test_an_own_error_before_a_driver_error_stays_an_own_error(sqlite: Database) -> None:
    results = await together(sqlite, lambda work: remember_and_fail(work, "broken"), bad_sql)
    assert [type(result) for result in results] == [StorageError, KeyError, StorageError]


def orphan(work: Work) -> None:
    """A reference into nowhere that only the COMMIT notices."""
    connection = work.session.connection()
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    connection.exec_driver_sql("INSERT INTO attempts (delivery_id, n, started_at, ended_at) VALUES (99, 1, 0, 0)")


async def test_nobody_is_told_done_when_the_commit_fails(sqlite: Database) -> None:
    rung: list[int] = []
    sqlite.on_wake("bell", lambda: rung.append(1))
    results = await together(sqlite, lambda work: remember(work, "lost", wake="bell"), orphan)
    assert [type(result) for result in results] == [StorageError] * 3
    assert await tell(sqlite, "first", "lost") == [None, None]
    assert await sqlite.write(remember, "after") == "after"
    assert rung == []


def limit_pages(work: Work, spare: int) -> None:
    connection = work.session.connection()
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages + spare}")


async def test_a_full_disk_fails_the_group_reading_goes_on_and_room_heals_it(sqlite: Database) -> None:
    await sqlite.write(remember, "old")
    await sqlite.write(limit_pages, 2)
    results = await together(
        sqlite, lambda work: remember(work, "small"), lambda work: remember(work, "big", "x" * 50_000)
    )
    assert [type(result) for result in results] == [StorageFull] * 3
    assert await tell(sqlite, "old", "first", "small", "big") == ["x", None, None, None]
    with pytest.raises(StorageFull):
        await sqlite.write(remember, "still full", "x" * 50_000)
    await sqlite.write(limit_pages, 10_000)
    assert await sqlite.write(remember, "big", "x" * 50_000) == "big"
    assert (
        await sqlite.read(lambda work: work.session.connection().exec_driver_sql("PRAGMA integrity_check").scalar())
        == "ok"
    )


async def test_a_group_commits_once(sqlite: Database) -> None:
    """Commits of others show in ``data_version``, which counts per reading connection."""

    def version(work: Work) -> int:
        return int(work.session.connection().exec_driver_sql("PRAGMA data_version").scalar_one())

    before = await sqlite.read(version)
    await together(sqlite, *(lambda work, n=n: remember(work, f"fact {n}") for n in range(5)))
    assert await sqlite.read(version) - before == 1


async def test_writers_wait_for_a_foreign_writer_and_fail_politely_when_it_stays(
    sqlite: Database, sqlite_url: str, clock: MovableClock
) -> None:
    other = Database(sqlite_url, clock)
    blocked = Blocked()
    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(other.run, blocked, "other")
        await asyncio.to_thread(blocked.entered.wait)
        waiting = asyncio.create_task(sqlite.write(remember, "patient"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        blocked.go.set()
        assert await waiting == "patient"
        held.result()
    other.close()


# PostgreSQL: conflicts, bells, lost connections


@pytest.fixture
def postgresql(postgresql_url: str, clock: MovableClock) -> Iterator[Database]:
    database = Database(postgresql_url, clock, shared_time=False)
    yield database
    database.close()


async def test_a_deadlock_is_tried_again_and_both_get_through(postgresql: Database) -> None:
    for name in ("a", "b"):
        await postgresql.write(remember, name, "0")
    barrier = threading.Barrier(2)
    tries: list[str] = []

    def cross(work: Work, first: str, second: str) -> None:
        tries.append(first)
        _count_up(work, first)
        if len(tries) <= 2:
            barrier.wait(5)
        _count_up(work, second)

    await asyncio.gather(postgresql.write(cross, "a", "b"), postgresql.write(cross, "b", "a"))
    assert await tell(postgresql, "a", "b") == ["2", "2"]
    assert len(tries) > 2


async def test_a_serialisation_failure_is_tried_again(postgresql: Database) -> None:
    await postgresql.write(remember, "n", "0")
    barrier = threading.Barrier(2)
    tries: list[int] = []

    def add_one(work: Work) -> None:
        work.session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        n = int(recall(work, "n") or 0)
        tries.append(n)
        if len(tries) <= 2:
            barrier.wait(5)
        work.session.execute(text("UPDATE meta SET value = :n WHERE name = 'n'"), {"n": str(n + 1)})

    await asyncio.gather(postgresql.write(add_one), postgresql.write(add_one))
    assert await tell(postgresql, "n") == ["2"]
    assert len(tries) == 3


async def test_who_adds_what_another_is_just_adding_finds_it_the_next_time(postgresql: Database) -> None:
    barrier = threading.Barrier(2)
    tries: list[int] = []

    def find_or_add(work: Work) -> str:
        known = recall(work, "n")
        tries.append(1)
        if len(tries) <= 2:
            barrier.wait(5)
        if known is None:
            work.session.add(Meta(name="n", value="x"))
        return known or "added"

    both = await asyncio.gather(postgresql.write(find_or_add), postgresql.write(find_or_add))
    assert sorted(both) == ["added", "x"]


def _count_up(work: Work, name: str) -> None:
    work.session.execute(text("UPDATE meta SET value = (value::int + 1)::text WHERE name = :name"), {"name": name})


async def test_a_conflict_that_never_ends_is_given_up(postgresql: Database) -> None:
    tries: list[int] = []

    def conflict(work: Work) -> None:
        tries.append(1)
        work.session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(StorageError, match="again"):
        await postgresql.write(conflict)
    assert len(tries) == 4


async def test_a_write_wakes_other_processes(postgresql: Database, postgresql_url: str, clock: MovableClock) -> None:
    other = Database(postgresql_url, clock, shared_time=False)
    rung = threading.Event()
    other.on_wake("feeds", rung.set)
    await _until_rung(postgresql, rung, "feeds")
    other.close()


async def _until_rung(database: Database, rung: threading.Event, name: str) -> None:
    """Ring until it is heard: the listener may not listen yet, and losing a ring is allowed."""
    async with asyncio.timeout(15):
        while not rung.is_set():
            await database.write(remember, "ring", wake=name)
            await asyncio.to_thread(rung.wait, 0.2)


async def test_lost_connections_cost_a_call_and_come_back_by_themselves(
    postgresql: Database, postgresql_url: str, clock: MovableClock
) -> None:
    other = Database(postgresql_url, clock, shared_time=False)
    rung = threading.Event()
    other.on_wake("feeds", rung.set)
    await _until_rung(postgresql, rung, "feeds")
    _terminate_all(postgresql_url)
    failed = 0
    while True:
        try:
            await postgresql.write(remember, "back")
            break
        except StorageError:
            failed += 1
            assert failed < 10
    assert await tell(postgresql, "back") == ["x"]
    rung.clear()
    await _until_rung(postgresql, rung, "feeds")
    other.close()


def _terminate_all(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (make_url(url).database,),
        )


async def test_all_processes_share_the_servers_time(postgresql_url: str) -> None:
    wrong = Database(postgresql_url, lambda: datetime.now(UTC) + timedelta(hours=5), shared_time=True)
    at = await wrong.read(lambda work: work.now)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    wrong.close()


async def test_closing_does_not_wait_for_the_bells_next_ring(postgresql_url: str, clock: MovableClock) -> None:
    database = Database(postgresql_url, clock, shared_time=False)
    await database.write(remember, "x", wake="feeds")
    began = time.monotonic()
    await asyncio.to_thread(database.close)
    assert time.monotonic() - began < 3
