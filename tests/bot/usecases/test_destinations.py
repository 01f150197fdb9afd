"""Destinations that are removed: what ends with them, and how they come back."""

from typing import Any

import pytest

from bot.errors import Conflict
from bot.rules.vault import Vault
from bot.usecases import destinations
from storage import models
from storage.database import Database, Work
from tests.bot.usecases.chatting import Desk
from tests.clock import START, MovableClock
from tests.world import MINUTE, add_account, add_feed, row, rows, subscribe

VAULT = Vault(b"k" * 32)
HOOK = "https://example.org/hook"
FIRST, SECOND = "whsec_" + "A" * 43 + "=", "whsec_" + "B" * 43 + "="


def add(work: Work, secret: str, name: str = "Hook") -> int:
    made = destinations.add(
        work, VAULT, account_id=1, channel="webhook", lane="webhook", address=HOOK, name=name, secret=secret,
        verified=True,
    )  # fmt: skip
    return made.id


def remove(work: Work, number: int) -> None:
    destinations.remove(work, destinations.get(work, number), "it was removed")


def secrets_of(work: Work, number: int) -> list[str]:
    found: Any = row(work, models.Destination, number)
    return [one.text for one in destinations.open_ring(VAULT, found.uid.hex, found.secrets).secrets]


def test_what_was_removed_is_added_again_as_if_for_the_first_time(database: Database, clock: MovableClock) -> None:
    database.run(add_account)
    number = database.run(add, FIRST)
    with pytest.raises(Conflict, match="already"):
        database.run(add, SECOND)
    database.run(remove, number)
    gone = database.look(row, models.Destination, number)
    assert (gone.removed_at, gone.verified_at, gone.secrets, gone.name) == (START, None, None, "")
    clock.advance(minutes=1)
    assert database.run(add, SECOND, "New") == number
    back = database.look(row, models.Destination, number)
    assert (back.removed_at, back.verified_at, back.name) == (None, START + MINUTE, "New")
    assert database.look(secrets_of, number) == [SECOND]


def test_a_feed_that_only_went_there_is_read_no_more(database: Database) -> None:
    database.run(add_account)
    number = database.run(add, FIRST)
    database.run(add_feed)
    database.run(subscribe, 1, [number])
    database.run(remove, number)
    assert database.look(row, models.Feed, 1).state == "paused"


def test_a_code_that_was_sent_there_before_verifies_nothing(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    desk.ask()
    digits = desk.arrived()
    (phone,) = desk.rows(models.Destination)
    desk.run(remove, phone.id)
    assert [code.void_at for code in desk.codes()] == [START]
    assert digits not in [one.text for one in database.look(rows, models.Delivery)]
    desk.enter(digits)
    assert not desk.verified()
