"""PostgreSQL databases for tests, copies of one that is migrated once.

Copying costs some hundred files each time; so what a test has left is emptied for the next, while it has the form of
the template still.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url

from storage import migrate

MORE_BYTES = 4_000_000  # a database that has grown by more is not worth emptying

# Every change of schemas, tables, columns, indexes, constraints, triggers and functions shows here, and so does a
# TRUNCATE; as do the schema's version, and statistics, with which the next test's statements would be planned.
OURS = "SELECT oid, relname, relfilenode, reltuples FROM pg_class WHERE relnamespace = 'public'::regnamespace"
FORM = """
    SELECT
        (SELECT md5(string_agg(concat_ws(' ', oid, relname, relfilenode), ',' ORDER BY oid)) FROM ours),
        (SELECT max(reltuples) > 1 FROM ours),
        (SELECT md5(string_agg(concat_ws(' ', attrelid, attnum, attname, atttypid, attnotnull, atthasdef), ','
            ORDER BY attrelid, attnum)) FROM pg_attribute JOIN ours ON ours.oid = attrelid),
        (SELECT md5(string_agg(concat_ws(' ', oid, tgenabled), ',' ORDER BY oid)) FROM pg_trigger),
        (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_namespace),
        (SELECT string_agg(version_num, ' ') FROM alembic_version)
    """
ALONE = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    """
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
SEQUENCES = "SELECT setval(format('%I', sequencename), 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"


class Copies:
    """Databases like the template, for one test each."""

    def __init__(self) -> None:
        self._template = f"template_{uuid4().hex}"
        self._idle: list[str] = []
        administer(f'CREATE DATABASE "{self._template}"')
        engine = migrate.open_any(named(self._template))
        migrate.upgrade(engine)
        engine.dispose()
        with psycopg.connect(named(self._template)) as connection:
            self._form = form(connection)
            self._bytes = size(connection)
            names = [name for (name,) in connection.execute(TABLES)]
            ours = [name for name in names if not connection.execute(f'SELECT FROM "{name}" LIMIT 1'.encode()).rowcount]
        assert set(names) - set(ours) == {"alembic_version"}  # which is part of the form
        self._empty = "".join(f'DELETE FROM "{name}";' for name in ours)
        self._empty = f"SET session_replication_role = replica; {self._empty} RESET session_replication_role"

    @contextmanager
    def one(self) -> Iterator[str]:
        """The address of a database of its own: empty, and migrated."""
        name = self._idle.pop() if self._idle else self._new()
        yield named(name)
        if self._emptied(name):
            self._idle.append(name)
        else:
            _drop(name)

    def close(self) -> None:
        for name in (*self._idle, self._template):
            _drop(name)

    def _new(self) -> str:
        name = f"test_{uuid4().hex}"
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"{_as_files()}')
        return name

    def _emptied(self, name: str) -> bool:
        """False: it is no longer what a copy would be."""
        try:
            with psycopg.connect(named(name), autocommit=True) as connection:
                connection.execute(ALONE)
                if form(connection) != self._form or size(connection) > self._bytes + MORE_BYTES:
                    return False
                connection.execute(self._empty.encode())
                connection.execute(SEQUENCES)
        except psycopg.Error:
            return False
        return True


def administer(statement: str) -> None:
    """Run it on the server that ./dev test has started, outside every test's database."""
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(statement.encode())


def named(database: str) -> str:
    return make_url(_server()).set(database=database).render_as_string(hide_password=False)


def form(connection: psycopg.Connection) -> tuple[object, ...] | None:
    return connection.execute(f"WITH ours AS ({OURS}) {FORM}".encode()).fetchone()


def size(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row
    return int(row[0])


def _drop(name: str) -> None:
    administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _as_files() -> str:
    """Copied as files, a quarter of the price of copying through the log, which is the default since version 15."""
    with psycopg.connect(_server()) as connection:
        return " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""


def _server() -> str:
    server = os.environ.get("POSTBELL_TEST_POSTGRESQL")
    assert server, "no PostgreSQL: run the tests by ./dev test, which starts one"
    return server
