"""A desk for each test: a chat on real storage, and codes that can be known."""

import pytest

from bot.usecases.chat import proving
from storage.database import Database
from tests.bot.usecases.chat.codes_fake import FakeCodes
from tests.bot.usecases.chat.desk import Desk
from tests.bot.usecases.chat.web import Web
from tests.clock import MovableClock


@pytest.fixture
def desk(database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(proving, "codes", FakeCodes())
    desk = Desk(database, clock, Web())
    desk.open("direct")
    return desk
