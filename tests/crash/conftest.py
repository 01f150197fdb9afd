"""A gateway's settings on each of the two engines, and traffic for it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.crash.server import environment
from tests.crash.traffic import Traffic


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> dict[str, str]:
    return environment(tmp_path, database_url)


@pytest.fixture
async def traffic(settings: Mapping[str, str]) -> AsyncIterator[Traffic]:
    async with Traffic(settings) as traffic:
        yield traffic
