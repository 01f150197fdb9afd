"""Codes typed back: five tries whoever guesses, no word about others, and nothing left behind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from bot.usecases import codes
from bot.usecases.codes import Entered, TooManyCodes
from storage.chat_models import Code
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.bot.usecases.chatting import ANN, BOB, TERMS, Desk, other_than
from tests.clock import MovableClock
from tests.world import DAY, HOUR, MINUTE, SECOND


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


# Typed back


def test_the_right_digits_verify_the_destination_and_stop_what_is_still_queued(desk: Desk) -> None:
    desk.ask()
    assert desk.enter(desk.arrived()) == Entered("verified", (ANN,))
    (code,) = desk.codes()
    (delivery,) = desk.rows(Delivery)
    assert desk.verified()
    assert code.used_at == desk.clock.now
    assert code.attempts == 0
    assert (delivery.state, delivery.text) == ("failed", "")


def test_a_code_works_once(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    desk.enter(digits)
    assert desk.enter(digits) == Entered("none")
    assert desk.enter_for(digits) == "verified_already"


def test_digits_are_tried_against_all_open_codes_of_the_number(desk: Desk) -> None:
    desk.ask(1)
    desk.ask(2)
    mine, theirs = desk.arrived(account=1), desk.arrived(account=2)
    assert desk.enter(other_than(mine, 3)).outcome == "wrong"
    assert [code.attempts for code in desk.codes()] == [1, 1]
    assert desk.enter(theirs).outcome == "verified"
    assert desk.verified(account=2)
    if mine != theirs:
        assert not desk.verified(account=1)
        assert [code.attempts for code in desk.codes()] == [2, 1]
        assert desk.enter(mine) == Entered("verified", (ANN,))


def test_digits_may_be_typed_in_the_chat_that_asked(desk: Desk) -> None:
    chat = desk.chat("oc_1", channel="feishu")
    desk.ask(asked_in=chat)
    entered = desk.run(
        codes.enter, TERMS, channel="feishu", addresses=["oc_1"], digits=desk.arrived(), conversation_id=chat
    )
    assert entered == Entered("verified", (ANN,))


@pytest.mark.parametrize("direct", [True, False])
def test_digits_are_not_taken_from_another_chat_and_never_from_a_group(desk: Desk, direct: bool) -> None:
    group = desk.chat("oc_1", channel="feishu", direct=False)
    other = desk.chat("oc_2", channel="feishu", direct=True)
    desk.ask(asked_in=group)
    chat, address = (other, "oc_2") if direct else (group, "oc_1")
    entered = desk.run(
        codes.enter, TERMS, channel="feishu", addresses=[address], digits=desk.arrived(), conversation_id=chat
    )
    assert entered == Entered("none")
    assert not desk.verified()


def test_the_same_address_on_another_channel_is_somebody_else(desk: Desk) -> None:
    desk.ask()
    entered = desk.run(codes.enter, TERMS, channel="other", addresses=[ANN], digits=desk.arrived())
    assert entered == Entered("none")


def test_another_number_has_nothing_to_do_with_it(desk: Desk) -> None:
    desk.ask()
    assert desk.enter(desk.arrived(), BOB) == Entered("none")
    assert not desk.verified()


def test_what_is_not_six_digits_counts_no_try(desk: Desk) -> None:
    desk.ask()
    for text in ("١٢٣", "", "hello", "12345x"):
        assert desk.enter(text).outcome == "wrong"
    assert desk.codes()[0].attempts == 0


def test_digits_of_other_scripts_are_digits_in_a_chat(desk: Desk) -> None:
    desk.ask()
    arabic = desk.arrived().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert desk.enter(arabic).outcome == "verified"


def test_five_wrong_tries_end_a_code_also_for_the_right_digits(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    assert [desk.enter_for(other_than(digits, n + 1)) for n in range(6)] == [*["invalid"] * 5, "expired"]
    assert desk.enter_for(digits) == "expired"
    assert desk.enter(digits).outcome == "expired"
    assert not desk.verified()
    assert desk.codes()[0].attempts == 5


def test_twenty_wrong_tries_lock_a_number_for_a_day_for_entries_and_for_new_codes(desk: Desk) -> None:
    for n in range(4):
        desk.ask(1 + n % 2)
        digits = desk.arrived(account=1 + n % 2)
        for by in range(5):
            assert desk.enter_for(other_than(digits, by + 1), 1 + n % 2) == "invalid"
        desk.clock.advance(MINUTE)
    locked_at = desk.clock.now - MINUTE
    with pytest.raises(TooManyCodes) as over:
        desk.ask()
    assert over.value.after == DAY - MINUTE
    desk.clock.now = locked_at + DAY - SECOND
    with pytest.raises(TooManyCodes):
        desk.ask()
    desk.clock.now = locked_at + DAY
    assert desk.ask().sent
    assert desk.enter(desk.arrived()).outcome == "verified"


def test_a_locked_number_tries_no_open_code_either(desk: Desk) -> None:
    for n in range(5):
        desk.run(codes.ask, TERMS, account_id=1, channel=f"whatsapp/{n}", address=ANN)
    desk.run(spend, "whatsapp/0", 20)
    digits = desk.rows(Delivery)[-1].text
    assert desk.run(codes.enter, TERMS, channel="whatsapp/4", addresses=[ANN], digits=digits).outcome == "expired"


def spend(work: Work, channel: str, tries: int) -> None:
    """A code is over, and so many wrong tries were made on it just now."""
    table = Code.__table__
    over = table.update().where(table.c.channel == channel)
    work.session.execute(over.values(used_at=work.now, attempts=tries, tried_at=work.now))


def gather(work: Work, channel: str) -> None:
    """All codes are one channel's."""
    work.session.execute(Code.__table__.update().values(channel=channel))


def test_one_entry_never_goes_beyond_the_days_tries(desk: Desk) -> None:
    """Eighteen are gone, five codes are open: the latest two are tried, the others are not."""
    for n in range(5):
        desk.run(codes.ask, TERMS, account_id=1, channel=f"whatsapp/{n}", address=ANN)
    desk.run(spend, "whatsapp/0", 18)
    desk.run(gather, "whatsapp")
    digits = {row.text for row in desk.rows(Delivery)}
    wrong = next(f"{n:06d}" for n in range(6) if f"{n:06d}" not in digits)
    assert desk.enter(wrong).outcome == "wrong"
    assert [code.attempts for code in desk.codes()] == [18, 0, 0, 1, 1]
    assert desk.enter(wrong).outcome == "expired"


def test_guesses_side_by_side_share_the_five_tries(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(desk.enter_for, [other_than(digits, n + 1) for n in range(24)]))
    assert sorted(set(outcomes)) == ["expired", "invalid"]
    assert outcomes.count("invalid") == 5
    assert desk.codes()[0].attempts == 5
    assert desk.enter_for(digits) == "expired"


def test_guesses_side_by_side_over_several_codes_share_the_days_tries(desk: Desk) -> None:
    for n in range(5):
        desk.run(codes.ask, TERMS, account_id=1, channel=f"whatsapp/{n}", address=ANN)
    taken = {row.text for row in desk.rows(Delivery)}
    wrong = next(f"{n:06d}" for n in range(6) if f"{n:06d}" not in taken)

    def enter(n: int) -> str:
        return desk.run(codes.enter_for, TERMS, account_id=1, channel=f"whatsapp/{n % 5}", address=ANN, digits=wrong)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(enter, range(30)))
    assert outcomes.count("invalid") == 20 == sum(code.attempts for code in desk.codes())


def test_the_right_digits_side_by_side_are_used_once(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(desk.enter, [digits] * 8))
    assert [entered.outcome for entered in outcomes].count("verified") == 1


# Time, also when it jumps


@pytest.mark.parametrize(
    ("later", "outcome"),
    [(15 * MINUTE - SECOND, "ok"), (15 * MINUTE, "expired"), (-MINUTE, "ok"), (-MINUTE - SECOND, "expired"),
     (365 * DAY, "expired"), (-365 * DAY, "expired")],
)  # fmt: skip
def test_a_code_is_good_for_a_quarter_of_an_hour_and_not_before_its_time(
    desk: Desk, later: timedelta, outcome: str
) -> None:
    desk.ask()
    desk.clock.advance(later)
    assert desk.enter_for(desk.arrived()) == outcome
    assert desk.verified() is (outcome == "ok")


def test_a_clock_that_jumps_back_opens_no_second_set_of_codes(desk: Desk) -> None:
    for n in range(5):
        desk.ask(1 + n % 2)
        desk.clock.advance(MINUTE)
    desk.clock.advance(-30 * MINUTE)
    with pytest.raises(TooManyCodes):
        desk.ask()


def test_a_clock_that_jumps_back_for_good_locks_nobody_out(desk: Desk) -> None:
    for n in range(5):
        desk.ask(1 + n % 2)
        desk.clock.advance(MINUTE)
    desk.clock.advance(-30 * DAY)
    assert desk.ask().sent
    assert desk.enter(desk.arrived()).outcome == "verified"


# For an account by API


def test_outcomes_come_in_the_order_of_the_checks(desk: Desk) -> None:
    assert desk.enter_for("12") == "not_found"
    desk.ask()
    digits = desk.arrived()
    full_width = digits.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for text in ("", "12345", "1234567", full_width, "12 345", "abcdef"):
        assert desk.enter_for(text) == "invalid"
    assert desk.codes()[0].attempts == 0
    assert desk.enter_for(digits) == "ok"
    assert desk.enter_for("12") == "verified_already"
    desk.ask(2)
    desk.clock.advance(HOUR)
    assert desk.enter_for("12", 2) == "expired"


def test_another_accounts_number_is_as_good_as_none(desk: Desk) -> None:
    desk.ask(1)
    digits = desk.arrived()
    assert desk.enter_for(digits, 2) == "not_found"
    assert desk.codes()[0].attempts == 0
    desk.enter(digits)
    assert desk.ask(2).sent  # verified by another: like any other


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of any database meanwhile, without the values."""
    ran: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        ran.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def shapes(ran: list[str]) -> list[str]:
    return [" ".join(statement.split()[:3]) for statement in ran]


def test_right_and_wrong_digits_run_the_same_statements(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    with statements() as wrong:
        desk.enter_for(other_than(digits))
    with statements() as right:
        assert desk.enter_for(digits) == "ok"
    assert shapes(wrong) == shapes(right)
    assert len(wrong) >= 6


def test_a_number_that_another_has_verified_runs_the_same_statements_as_a_new_one(desk: Desk) -> None:
    desk.ask(1)
    desk.enter(desk.arrived())
    with statements() as taken:
        desk.ask(2, ANN)
    with statements() as new:
        desk.ask(2, BOB)
    assert taken == new
    with statements() as taken:
        assert desk.enter_for("123456", 2, "+34600000009") == "not_found"
    with statements() as new:
        desk.run(world.add_account, 3)
        new.clear()
        assert desk.enter_for("123456", 3, ANN) == "not_found"
    assert taken == new
