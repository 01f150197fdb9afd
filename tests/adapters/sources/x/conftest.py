"""X on this machine, and the source that follows accounts there."""

from collections.abc import AsyncIterator

import pytest

from adapters.http import Egress, Outbound
from adapters.sources.x import X
from tests.clock import MovableClock
from tests.fakes.x import FakeX


@pytest.fixture
async def x(clock: MovableClock) -> AsyncIterator[FakeX]:
    """With NASA on it."""
    async with FakeX(clock) as x:
        x.user("NASA", "National Aeronautics")
        yield x


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
async def source(outbound: Outbound, x: FakeX) -> AsyncIterator[X]:
    source = X(outbound, x.config())
    yield source
    await source.close()
