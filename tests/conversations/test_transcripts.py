"""The transcripts beside ``bot.usecases.chat``'s tests are true of the whole program, over both platforms."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import plugins
from bot.usecases import accounts
from tests.bot.usecases.chat.desk import Driver
from tests.bot.usecases.chat.test_transcripts import FOLDER
from tests.bot.usecases.chat.transcript import held
from tests.clock import MovableClock
from tests.conversations.stages import FeishuStage, WhatsAppStage
from tests.conversations.town import Town, environment, running
from tests.conversations.web import Elsewhere, furnish
from tests.fakes.feishu import FakeFeishu
from tests.fakes.publisher import Publisher
from tests.fakes.whatsapp import FakeWhatsApp

STAGES: dict[str, Callable[[Town], Driver]] = {"feishu": FeishuStage, "whatsapp": WhatsAppStage}
HELD = [
    ("about.en", "whatsapp", "sqlite"),
    ("about.zh-CN", "whatsapp", "sqlite"),
    ("following.en", "feishu", "sqlite"),
    ("following.zh-CN", "whatsapp", "postgresql"),
    ("groups.en", "feishu", "postgresql"),
    ("groups.zh-CN", "feishu", "sqlite"),
    ("listing.en", "whatsapp", "sqlite"),
    ("listing.zh-CN", "feishu", "sqlite"),
    ("pausing.en", "feishu", "sqlite"),
    ("pausing.zh-CN", "whatsapp", "sqlite"),
    ("proving.en", "whatsapp", "sqlite"),
    ("proving.zh-CN", "feishu", "postgresql"),
    ("tracing.en", "whatsapp", "postgresql"),
    ("tracing.zh-CN", "feishu", "sqlite"),
    ("transfer.en", "feishu", "sqlite"),
    ("transfer.zh-CN", "whatsapp", "sqlite"),
]


@pytest.mark.parametrize(("name", "platform", "engine"), HELD)
async def test_a_transcript_is_true(
    name: str,
    platform: str,
    engine: str,
    request: pytest.FixtureRequest,
    feishu: FakeFeishu,
    whatsapp: FakeWhatsApp,
    publisher: Publisher,
    clock: MovableClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in environment(feishu, whatsapp).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setitem(plugins.CHANNELS, "feishu", "tests.conversations.unhurried:Feishu")
    monkeypatch.setitem(plugins.CHANNELS, "whatsapp", "tests.conversations.unhurried:WhatsApp")
    monkeypatch.setitem(plugins.SOURCES, "feed", "tests.conversations.web:Elsewhere")
    monkeypatch.setitem(plugins.SOURCES, "x", "tests.conversations.web:Handles")
    monkeypatch.setattr(Elsewhere, "place", publisher.url)
    whatsapp.statuses.words = ("sent",)  # transcripts know of no others
    whatsapp.rules.pair_burst = whatsapp.rules.throughput = 10_000
    furnish(publisher)
    url = request.getfixturevalue(f"{engine}_url")
    path = FOLDER / f"{name}.txt"
    async with running(tmp_path, url, feishu, whatsapp, publisher, clock) as town:
        await town.gateway.database.write(accounts.add, "desk@example.org", plan="unlimited")  # accounts are counted
        stage = STAGES[platform](town)
        assert await asyncio.to_thread(held, path, stage) == path.read_text()
