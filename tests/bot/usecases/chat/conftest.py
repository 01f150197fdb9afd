"""A desk for each test: a chat on real storage."""

import pytest

from storage.database import Database
from tests.bot.usecases.chat.desk import Desk
from tests.bot.usecases.chat.web import Web
from tests.clock import MovableClock


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    desk = Desk(database, clock, Web())
    desk.open("direct")
    return desk
