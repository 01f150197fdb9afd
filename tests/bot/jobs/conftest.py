"""Logs as the program writes them: a developer's coloured tracebacks would take longer than the tests."""

import pytest

from bot import logs


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    logs.configure("error", "json")
