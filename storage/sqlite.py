"""SQLite: one writing thread that commits in groups, and readers on connections of their own."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy import Engine as SqlEngine
from sqlmodel import Session

from storage.work import StorageError, Work, storage_error, translated

GROUP_LIMIT = 100  # use cases in one commit
GROUP_SECONDS = 0.005  # of work in one commit; it never waits for more to come
READERS = 4

Clock = Callable[[], datetime]
Wake = Callable[[set[str]], None]


@dataclass(slots=True)
class _Call:
    run: Callable[[Work], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None


class SQLite:
    """The engine for one process (reliability page, 14.1)."""

    def __init__(self, path: Path, clock: Clock, wake: Wake) -> None:
        self._clock, self._wake = clock, wake
        self._sql = open_engine(path)
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._idle_readers: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write_until_closed, name="writer", daemon=True)
        self._writer.start()

    def submit(self, run: Callable[[Work], Any], *, write: bool) -> Future[Any]:
        if self._closed:
            raise StorageError("the database is closed")
        if not write:
            return self._readers.submit(self._read, run)
        call = _Call(run)
        self._calls.put(call)
        return call.future

    def listen(self) -> None:
        """Other processes are commands; their rows are found at the next tick."""

    def close(self) -> None:
        self._closed = True
        self._calls.put(None)
        self._writer.join()
        self._readers.shutdown()
        while not self._idle_readers.empty():
            self._idle_readers.get().close()
        self._sql.dispose()

    # Reading

    def _read(self, run: Callable[[Work], Any]) -> Any:
        with translated():
            connection = self._reader()
        try:
            with translated(), Session(connection, expire_on_commit=False) as session:
                connection.exec_driver_sql("BEGIN")
                try:
                    return run(Work(session, self._clock()))
                finally:
                    connection.exec_driver_sql("ROLLBACK")  # a reader left open stops checkpoints
        finally:
            self._idle_readers.put(connection)

    def _reader(self) -> Connection:
        try:
            return self._idle_readers.get_nowait()
        except queue.Empty:
            connection = self._sql.connect()
            connection.exec_driver_sql("PRAGMA cache_size=-4096")
            connection.exec_driver_sql("PRAGMA query_only=ON")
            return connection

    # Writing

    def _write_until_closed(self) -> None:
        with self._sql.connect() as connection:
            driver = _driver(connection)
            driver.execute("PRAGMA cache_size=-8192")
            while (first := self._calls.get()) is not None:
                self._write_group(connection, driver, first)
            driver.execute("PRAGMA busy_timeout=0")  # a command that ends beside a server must not keep it waiting
            with suppress(sqlite3.Error):  # a full disk: the log is as good
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _write_group(self, connection: Connection, driver: sqlite3.Connection, first: _Call) -> None:
        """Run what waits, commit once, then answer everybody: kept for all, or failed for all."""
        kept: list[_Call] = []
        wakes: set[str] = set()
        try:
            driver.execute("BEGIN IMMEDIATE")
            for call in self._waiting(first):
                kept.append(call)
                if (work := self._run(connection, driver, call)) is None:
                    kept.pop()
                else:
                    wakes |= work.wakes
            driver.execute("COMMIT")
        except (sqlite3.Error, StorageError) as error:
            with suppress(sqlite3.Error):  # a failing disk may have ended the transaction already
                driver.execute("ROLLBACK")
            failure = storage_error(error) if isinstance(error, sqlite3.Error) else error
            for call in kept or [first]:
                call.future.set_exception(failure)
            return
        for call in kept:
            call.future.set_result(call.result)
        if wakes:
            self._wake(wakes)

    def _waiting(self, first: _Call) -> Iterator[_Call]:
        """``first`` and those behind it, until the group is large or has had its time."""
        yield first
        until = time.monotonic() + GROUP_SECONDS
        for _ in range(GROUP_LIMIT - 1):
            if time.monotonic() > until:
                return
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return
            if call is None:
                self._calls.put(None)
                return
            yield call

    def _run(self, connection: Connection, driver: sqlite3.Connection, call: _Call) -> Work | None:
        """One use case in a savepoint.  None: it failed by its own error, which only its caller hears of."""
        driver.execute("SAVEPOINT use_case")
        with Session(connection, expire_on_commit=False) as session:
            work = Work(session, self._clock())
            try:
                with translated():
                    call.result = call.run(work)
                    session.flush()
            except StorageError:
                raise
            except Exception as error:
                driver.execute("ROLLBACK TO use_case")
                driver.execute("RELEASE use_case")
                call.future.set_exception(error)
                return None
            session.expunge_all()
        driver.execute("RELEASE use_case")
        return work


def open_engine(path: Path) -> SqlEngine:
    """An engine whose transactions are ours alone: SQLAlchemy's commits and rollbacks reach no driver."""
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": 5, "check_same_thread": False},
        hide_parameters=True,  # errors are logged, and values may be secrets
        isolation_level="AUTOCOMMIT",
        pool_size=READERS + 2,
    )
    vars(engine.dialect).update(do_commit=_not_yours, do_rollback=_not_yours)

    @event.listens_for(engine, "connect")
    def configure(driver: sqlite3.Connection, _record: Any) -> None:
        if not driver.execute("PRAGMA page_count").fetchone()[0]:
            driver.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heard in an empty file only, else it waits for writers
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
            "wal_autocheckpoint=1000",
            "journal_size_limit=67108864",
            "temp_store=MEMORY",
            "mmap_size=0",
            "trusted_schema=OFF",
        ):
            driver.execute(f"PRAGMA {pragma}")

    return engine


def _not_yours(_driver: Any) -> None:
    """What SQLAlchemy calls instead of the driver's commit and rollback."""


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
