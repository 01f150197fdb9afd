"""PostgreSQL: a pool of connections, shared time, and a bell that wakes other processes."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.columns import from_micros
from storage.work import StorageError, Work, translated

POOL = 10  # connections of one process (reliability page, 14.2)
TRIES = 4
# Serialisation failure, deadlock, and a row that somebody else added after we had looked for it in vain: run again,
# the use case finds it.
CONFLICTS = {"40001", "40P01", "23505"}

Clock = Callable[[], datetime]
Wake = Callable[[set[str]], None]
Part = Callable[["psycopg.Connection[Any]"], None]


class PostgreSQL:
    """The engine for any number of processes.  ``shared_time``: the server's clock, not this machine's."""

    def __init__(self, url: str, clock: Clock, wake: Wake, *, shared_time: bool) -> None:
        self._sql = open_engine(url)
        self._clock = _ServerClock(self._sql, clock) if shared_time else clock
        self._wake = wake
        self._threads = ThreadPoolExecutor(POOL, thread_name_prefix="postgresql")
        self._bell = _Bell(url, wake)

    def submit(self, run: Callable[[Work], Any], *, write: bool) -> Future[Any]:
        return self._threads.submit(self._write if write else self._read, run)

    def listen(self) -> None:
        self._bell.listen()

    def close(self) -> None:
        self._threads.shutdown()
        self._bell.close()
        self._sql.dispose()

    def _read(self, run: Callable[[Work], Any]) -> Any:
        with translated(), Session(self._sql, expire_on_commit=False) as session:
            return run(Work(session, self._clock()))

    def _write(self, run: Callable[[Work], Any]) -> Any:
        work, result = self._write_with_patience(run)
        if work.wakes:
            self._wake(work.wakes)
            self._bell.ring(work.wakes)
        return result

    def _write_with_patience(self, run: Callable[[Work], Any]) -> tuple[Work, Any]:
        for n in range(1, TRIES):
            try:
                with translated():
                    return self._write_once(run)
            except (StorageError, IntegrityError) as error:
                if _sqlstate(error) not in CONFLICTS:
                    raise
                time.sleep(random.uniform(0.01, 0.05) * 2**n)  # noqa: S311 (spreads the next tries)
        with translated():
            return self._write_once(run)

    def _write_once(self, run: Callable[[Work], Any]) -> tuple[Work, Any]:
        with Session(self._sql, expire_on_commit=False) as session:
            work = Work(session, self._clock())
            result = run(work)
            session.flush()
            session.expunge_all()
            session.commit()
        return work, result


def open_engine(url: str) -> SqlEngine:
    """Nothing may hang on a half-open connection or a forgotten lock (reliability page, 14.2)."""
    settings = {
        "statement_timeout": "5s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "30s",
        "timezone": "UTC",
        "random_page_cost": "1.1",  # claims walk indexes; the default, made for spinning disks, prefers whole tables
    }
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=2,
        hide_parameters=True,  # errors are logged, and values may be secrets
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "tcp_user_timeout": 10_000,
        },
    )


def _sqlstate(error: StorageError | IntegrityError) -> str | None:
    refused = error if isinstance(error, IntegrityError) else error.__cause__
    return getattr(getattr(refused, "orig", None), "sqlstate", None)


class _ServerClock:
    """The server's time without a round trip each: our clock and an offset that is measured now and then."""

    EVERY_SECONDS = 30.0

    def __init__(self, sql: SqlEngine, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self._offset = timedelta(0)
        self._measure_at = 0.0

    def __call__(self) -> datetime:
        if time.monotonic() >= self._measure_at:
            self._offset = self._measured()
            self._measure_at = time.monotonic() + self.EVERY_SECONDS
        return self._clock() + self._offset

    def _measured(self) -> timedelta:
        with translated(), self._sql.connect() as connection:
            micros = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            connection.scalar(micros)  # the first statement of a connection is slow
            before = self._clock()
            there = connection.scalar(micros)
            after = self._clock()
        assert isinstance(there, int)
        return from_micros(there) - (before + (after - before) / 2)


class _Bell:
    """NOTIFY without payload, at most 20 a second, and LISTEN.  Losing a ring costs a tick, nothing else."""

    SECONDS_BETWEEN = 0.05
    SECONDS_TO_RECONNECT = 2.0

    def __init__(self, url: str, wake: Wake) -> None:
        self._url, self._wake = make_url(url).set(drivername="postgresql"), wake
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._start(self._notify)

    def listen(self) -> None:
        """Hear what others ring; what only rings has no need to."""
        if len(self._threads) == 1:
            self._start(self._listen)

    def ring(self, names: set[str]) -> None:
        with self._lock:
            self._names |= names
        self._rung.set()

    def close(self) -> None:
        self._closing.set()
        self._rung.set()
        for thread in self._threads:
            thread.join()

    def _start(self, part: Part) -> None:
        thread = threading.Thread(target=self._lasting, args=(part,), name=f"bell-{part.__name__}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _lasting(self, part: Part) -> None:
        while not self._closing.is_set():
            try:
                url = self._url.render_as_string(hide_password=False)
                with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                    part(connection)
            except psycopg.Error:
                self._closing.wait(self.SECONDS_TO_RECONNECT)

    def _notify(self, connection: "psycopg.Connection[Any]") -> None:
        while self._rung.wait():
            self._rung.clear()
            with self._lock:
                names, self._names = self._names, set()
            for name in names:
                connection.execute("SELECT pg_notify('postbell', %s)", (name,))
            if self._closing.wait(self.SECONDS_BETWEEN) and not self._names:
                return

    def _listen(self, connection: "psycopg.Connection[Any]") -> None:
        connection.execute("LISTEN postbell")
        while not self._closing.is_set():
            for notice in connection.notifies(timeout=0.5):
                self._wake({notice.payload})
