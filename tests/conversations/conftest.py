"""Both platforms and a publisher, on real sockets; the clock for all of them moves only when told to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.conversations.town import Town, environment, running
from tests.fakes.feishu import FakeFeishu
from tests.fakes.publisher import Publisher
from tests.fakes.whatsapp import FakeWhatsApp


@pytest.fixture
async def feishu(clock: MovableClock) -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu(clock=clock) as feishu:
        yield feishu


@pytest.fixture
async def whatsapp(clock: MovableClock) -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp(clock) as whatsapp:
        yield whatsapp


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def town(
    feishu: FakeFeishu,
    whatsapp: FakeWhatsApp,
    publisher: Publisher,
    clock: MovableClock,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Town]:
    """A gateway between them.  ``@pytest.mark.parametrize("town", [{"FEISHU_MODE": …}], indirect=True)`` sets more."""
    monkeypatch.chdir(tmp_path)
    for variable, value in environment(feishu, whatsapp, **getattr(request, "param", {})).items():
        monkeypatch.setenv(variable, value)
    async with running(tmp_path, database_url, feishu, whatsapp, publisher, clock) as town:
        yield town
