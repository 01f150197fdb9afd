"""The outbox on each engine, and several processes on one database."""

from collections.abc import Iterator

import pytest

from storage.database import Database
from tests.clock import MovableClock
from tests.storage.outbox.desk import Outbox


@pytest.fixture
def outbox(database: Database, clock: MovableClock) -> Outbox:
    return Outbox(database, clock)


@pytest.fixture
def processes(database_url: str, database: Database, clock: MovableClock) -> Iterator[list[Database]]:
    """Four Database objects on one database, as four processes have them; SQLite is for one."""
    others = 3 if database.engine == "postgresql" else 0
    several = [database, *(Database(database_url, clock, shared_time=False) for _ in range(others))]
    yield several if others else [database] * 4
    for one in several[1:]:
        one.close()
