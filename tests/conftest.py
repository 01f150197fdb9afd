"""What all tests share: a movable clock, and a fresh database on each of the two engines."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from sqlalchemy.engine import make_url

from storage import migrate
from storage.database import Database
from tests.clock import MovableClock
from tests.fakes import small_talk as small_talk_of

hypothesis.settings.register_profile("postbell", deadline=None)  # machines are shared: a slow example is no fault
hypothesis.settings.load_profile("postbell")

ENGINES = ("sqlite", "postgresql")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty, migrated database; every test that asks for it runs on both engines."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str, clock: MovableClock) -> Iterator[Database]:
    database = Database(database_url, clock, shared_time=False)
    yield database
    database.close()


@pytest.fixture
def small_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    """People say "ping" and hear "pong", and little else, where what they say is not what is tested."""
    small_talk_of.install(monkeypatch)


# SQLite: a copy of one migrated file


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    copy = tmp_path / "postbell.db"
    shutil.copy(sqlite_template, copy)
    return f"sqlite:///{copy}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


# PostgreSQL: a copy of one migrated database on the server that ./dev test has started


@pytest.fixture
def postgresql_url(postgresql_template: str) -> Iterator[str]:
    with copy_of(postgresql_template) as url:
        yield url


@contextmanager
def copy_of(template: str) -> Iterator[str]:
    """The address of a database of its own; also for fixtures that several tests share."""
    name = f"test_{uuid4().hex}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{make_url(template).database}"{_as_files()}')
    yield _named(name)
    _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    name = f"template_{uuid4().hex}"
    _administer(f'CREATE DATABASE "{name}"')
    _migrate(_named(name))
    yield _named(name)
    _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _as_files() -> str:
    """Copied as files, a quarter of the price of copying through the log, which is the default since version 15."""
    with psycopg.connect(_server()) as connection:
        return " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""


def _server() -> str:
    server = os.environ.get("POSTBELL_TEST_POSTGRESQL")
    assert server, "no PostgreSQL: run the tests by ./dev test, which starts one"
    return server


def _named(database: str) -> str:
    return make_url(_server()).set(database=database).render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(statement.encode())


def _migrate(url: str) -> None:
    engine = migrate.open_any(url)
    migrate.upgrade(engine)
    engine.dispose()
