"""Codes on their way out: one at a time, within caps that neither restarts nor deletions nor threads get around."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.usecases import codes
from bot.usecases.codes import TooManyCodes
from storage import models
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.bot.usecases.chatting import ANN, BOB, TERMS, Desk, other_than
from tests.clock import MovableClock
from tests.world import DAY, HOUR, MINUTE


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


# Sent to the person


def test_a_code_is_queued_with_an_unverified_destination_in_the_same_transaction(desk: Desk) -> None:
    chat = desk.chat(ANN, account=2)
    asked = desk.ask()
    (destination,) = desk.rows(models.Destination)
    (delivery,) = desk.rows(Delivery)
    (code,) = desk.codes()
    assert asked.sent
    assert asked.destination_id == destination.id == delivery.destination_id == code.destination_id
    assert (destination.account_id, destination.address, destination.verified_at) == (1, ANN, None)
    assert destination.conversation_id == chat  # so that STOP reaches it
    assert (delivery.lane, delivery.event, delivery.state, delivery.account_id) == ("code", "code", "ready", 1)
    assert delivery.expires_at == desk.clock.now + 14 * MINUTE
    assert code.expires_at == asked.expires_at == desk.clock.now + 15 * MINUTE
    assert delivery.text.encode() not in code.digest


def test_the_same_wish_within_a_minute_sends_nothing_more(desk: Desk) -> None:
    desk.ask()
    desk.clock.advance(seconds=20)
    again = desk.ask()
    assert (again.sent, again.wait) == (False, timedelta(seconds=40))
    assert again.destination_id
    desk.clock.advance(seconds=40)
    assert desk.ask().sent
    assert len(desk.codes()) == 2


def test_another_account_is_not_held_up_by_that_minute(desk: Desk) -> None:
    desk.ask(1)
    assert desk.ask(2).sent


def test_a_verified_number_gets_no_code(desk: Desk) -> None:
    desk.ask()
    desk.enter(desk.arrived())
    desk.clock.advance(HOUR)
    asked = desk.ask()
    assert (asked.sent, asked.wait) == (False, None)
    assert len(desk.codes()) == 1


def test_a_new_code_kills_the_old_one_and_what_is_queued_of_it(desk: Desk) -> None:
    desk.ask()
    old = desk.arrived()
    desk.clock.advance(MINUTE)
    desk.ask()
    first, second = desk.rows(Delivery)
    assert (first.state, first.text, first.error_code) == ("failed", "", "code_over")
    if old != second.text:
        assert desk.enter_for(old) == "invalid"
    assert desk.enter_for(second.text) == "ok"


def test_two_accounts_wait_for_the_same_number_side_by_side(desk: Desk) -> None:
    desk.ask(1)
    desk.ask(2)
    assert desk.enter_for(desk.arrived(account=1), 1) == "ok"
    assert desk.enter_for(desk.arrived(account=2), 2) == "ok"


# The caps on sending


def test_a_number_gets_five_codes_an_hour_and_ten_a_day_whoever_asks(desk: Desk) -> None:
    for n in range(5):
        assert desk.ask(1 + n % 2).sent
        desk.clock.advance(MINUTE)
    with pytest.raises(TooManyCodes) as over:
        desk.ask()
    assert over.value.after == 55 * MINUTE
    desk.clock.advance(over.value.after)
    for n in range(5):
        assert desk.ask(1 + n % 2).sent
        desk.clock.advance(MINUTE)
    with pytest.raises(TooManyCodes) as over:
        desk.ask()
    assert desk.clock.now + over.value.after == desk.codes()[0].issued_at + DAY
    desk.clock.advance(over.value.after)
    assert desk.ask().sent


def test_another_channel_account_is_no_way_around_a_numbers_cap(desk: Desk) -> None:
    for n in range(5):
        name = f"whatsapp/{n}"
        assert desk.run(codes.ask, TERMS, account_id=1, channel=name, address=ANN).sent
    with pytest.raises(TooManyCodes):
        desk.ask()


def test_an_account_sends_twenty_a_day(desk: Desk) -> None:
    for n in range(20):
        assert desk.ask(address=f"+3470000{n:04d}").sent
    with pytest.raises(TooManyCodes) as over:
        desk.ask()
    assert over.value.after == DAY
    assert desk.ask(2).sent


def test_a_callers_network_sends_thirty_an_hour(desk: Desk) -> None:
    callers = [f"2001:db8::{n + 1:x}" for n in range(30)]
    for n, caller in enumerate(callers):
        assert desk.ask(1 + n % 2, f"+3470000{n:04d}", caller=caller).sent
    with pytest.raises(TooManyCodes) as over:
        desk.ask(caller="2001:db8::ffff")
    assert over.value.after == HOUR
    assert desk.ask(caller="2001:db8:0:1::1").sent


def test_the_server_has_a_budget_for_a_day(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock, replace(TERMS, codes_a_day=2))
    assert desk.ask(1).sent
    assert desk.ask(2).sent
    with pytest.raises(TooManyCodes):
        desk.ask(2, BOB)
    clock.advance(DAY)
    assert desk.ask(2, BOB).sent


def test_a_wish_over_the_caps_changes_nothing(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock, replace(TERMS, codes_a_day=0))
    with pytest.raises(TooManyCodes):
        desk.ask()
    assert not desk.rows(models.Destination)
    assert not desk.codes()


def test_deleting_the_number_or_the_account_resets_no_cap(desk: Desk) -> None:
    for n in range(5):
        desk.ask(1 + n % 2)
        desk.clock.advance(MINUTE)

    def delete(work: Work) -> None:
        for table in (models.Delivery, models.Destination, models.Account):
            work.session.execute(table.__table__.delete())
        world.add_account(work, 3)

    desk.run(delete)
    with pytest.raises(TooManyCodes):
        desk.ask(3)


def test_a_restart_keeps_caps_tries_and_open_codes(database_url: str, database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    for n in range(5):
        desk.ask(1 + n % 2)
        clock.advance(MINUTE)
    digits = desk.arrived()
    for n in range(5):
        assert desk.enter_for(other_than(digits, n + 1)) == "invalid"
    restarted = Database(database_url, clock, shared_time=False)
    try:
        desk = Desk(restarted, clock)
        with pytest.raises(TooManyCodes):
            desk.ask()
        assert desk.enter_for(digits) == "expired"
        assert desk.enter_for(desk.arrived(account=2), 2) == "ok"
    finally:
        restarted.close()


def test_wishes_side_by_side_get_no_more_than_the_cap(desk: Desk) -> None:
    def ask(n: int) -> bool:
        try:
            return desk.run(codes.ask, TERMS, account_id=1 + n % 2, channel=f"whatsapp/{n}", address=ANN).sent
        except TooManyCodes:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(16))) == 5
    assert len(desk.codes()) == len(desk.rows(Delivery)) == 5
