"""The platform, our channel to it, and our webhook that it calls."""

from collections.abc import AsyncIterator

import pytest

from adapters.channels.whatsapp import WhatsApp
from adapters.http import Egress, Outbound
from tests.adapters.channels.whatsapp.parts import ANA, Hook, Monotonic
from tests.clock import MovableClock
from tests.fakes.whatsapp import FakeWhatsApp, Statuses


@pytest.fixture
async def whatsapp(clock: MovableClock) -> AsyncIterator[FakeWhatsApp]:
    """With Ana, who has just written, and no statuses."""
    async with FakeWhatsApp(clock, statuses=Statuses(lost=True)) as whatsapp:
        whatsapp.person(ANA).wrote_at = clock()
        yield whatsapp


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def channel(outbound: Outbound, whatsapp: FakeWhatsApp, monotonic: Monotonic) -> WhatsApp:
    config = whatsapp.config(code_template="login", alert_template="news", nudge_template="waiting")
    return WhatsApp(outbound, "whatsapp", config, clock=monotonic, rest=monotonic.rest)


@pytest.fixture
async def hook(channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock) -> AsyncIterator[Hook]:
    async with Hook(channel, clock) as hook:
        await whatsapp.connect(hook.url)
        yield hook
