"""What all tests share: a movable clock, and a fresh database on each of the two engines."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from storage import migrate
from storage.database import Database
from tests.clock import MovableClock
from tests.fakes import small_talk as small_talk_of
from tests.postgresql import Copies

hypothesis.settings.register_profile("postbell", deadline=None)  # machines are shared: a slow example is no fault
hypothesis.settings.load_profile("postbell")

gc.set_threshold(50_000, 20, 50)  # ten thousand tests are kept in mind, and are no garbage

ENGINES = ("sqlite", "postgresql")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


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
    engine = migrate.open_any(f"sqlite:///{path}")
    migrate.upgrade(engine)
    engine.dispose()
    return path


# PostgreSQL: a copy of one migrated database on the server that ./dev test has started


@pytest.fixture
def postgresql_url(copies: Copies) -> Iterator[str]:
    with copies.one() as url:
        yield url


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    copies = Copies()
    yield copies
    copies.close()
