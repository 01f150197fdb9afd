"""One server for each file and engine: starting one costs more than most tests."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database
from tests.bot.web.gateway import Served, serving
from tests.clock import MovableClock
from tests.conftest import ENGINES
from tests.postgresql import Copies


@pytest.fixture(scope="module", params=ENGINES)
def shared_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[str]:
    if request.param == "postgresql":
        copies: Copies = request.getfixturevalue("copies")
        with copies.one() as url:
            yield url
    else:
        file = tmp_path_factory.mktemp("web") / "postbell.db"
        shutil.copy(sqlite_template, file)
        yield f"sqlite:///{file}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_url: str) -> AsyncIterator[Served]:
    clock = MovableClock()
    database = Database(shared_url, clock, shared_time=False)
    async with serving(database, clock) as one:
        yield one
    database.close()
