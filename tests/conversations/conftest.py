"""Both platforms and a publisher, on real sockets; the clock for all of them moves only when told to."""

from collections.abc import AsyncIterator

import pytest

from tests.clock import MovableClock
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
