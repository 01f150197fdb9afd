"""Codes shown to an account, spoilt in a group, kept over a change of keys, and forgotten in the end."""

import logging
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from adapters.base import Receipt
from adapters.inbound import StatusChanged
from bot.usecases import codes, deliveries, statuses
from bot.usecases.codes import Entered, TooManyCodes
from storage import models
from storage.chat_models import Code, Identity
from storage.database import Database, Work
from storage.models import Delivery, DeliveryState
from tests import world
from tests.bot.usecases.chatting import ANN, BOB, TERMS, Desk, other_than
from tests.clock import MovableClock
from tests.world import DAY, SECOND


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


# Sent by the person


def test_a_code_that_was_shown_proves_the_number_it_comes_from(desk: Desk) -> None:
    shown = desk.prove(number="+15550001")
    assert shown.link == f"https://wa.me/15550001?text={shown.text}"
    assert not desk.rows(Delivery)
    assert desk.enter(shown.text, BOB) == Entered("none")
    assert desk.enter(shown.text) == Entered("verified", (ANN,))
    assert desk.verified()


def test_who_was_shown_a_code_cannot_type_it_in(desk: Desk) -> None:
    chat = desk.chat("oc_1", channel="feishu")
    desk.ask(address=ANN, asked_in=chat)
    shown = desk.prove()
    desk.run(show_in, chat)
    assert desk.enter_for(shown.text) == "expired"
    typed = desk.run(codes.enter, TERMS, channel="feishu", addresses=["oc_1"], digits=shown.text, conversation_id=chat)
    assert typed.outcome == "expired"  # the one that was sent; the other is none in this chat
    assert not desk.verified()


def show_in(work: Work, chat: int) -> None:
    """All codes were asked for in this chat."""
    work.session.execute(Code.__table__.update().values(asked_in=chat))


def test_a_code_that_was_shown_has_the_tries_and_caps_of_any_other(desk: Desk) -> None:
    shown = [desk.prove() for _ in range(5)][-1]
    with pytest.raises(TooManyCodes):
        desk.prove()
    for n in range(5):
        assert desk.enter(other_than(shown.text, n + 1)).outcome == "wrong"
    assert desk.enter(shown.text).outcome == "expired"


# Typed in a group


def test_digits_typed_in_a_group_are_void_at_once(desk: Desk) -> None:
    group = desk.chat("120@g", direct=False)
    desk.chat(ANN, account=2)
    desk.ask()
    digits = desk.arrived()
    assert not desk.void(other_than(digits), ANN, group)
    assert not desk.void("hello", ANN, group)
    assert desk.codes()[0].void_at is None
    assert desk.void(digits, ANN, group)
    assert desk.rows(Delivery)[0].text == ""
    assert desk.enter(digits).outcome == "expired"
    assert not desk.verified()
    assert desk.codes()[0].attempts == 0


def know_phone(work: Work, person: str, phone: str) -> None:
    table = Identity.__table__
    work.session.execute(table.update().where(table.c.person == person).values(phone=phone))


@pytest.mark.parametrize("known_by", ["account", "phone", "group"])
def test_a_group_member_can_spoil_what_they_asked_for_or_were_sent(desk: Desk, known_by: str) -> None:
    group = desk.chat("oc_1", channel="feishu", account=2, direct=False)
    desk.chat("ou_ann", channel="feishu", account=1 if known_by == "account" else 2)
    desk.run(know_phone, "ou_ann", ANN if known_by == "phone" else "")
    desk.ask(asked_in=group if known_by == "group" else None)
    assert desk.void(desk.arrived(), "ou_ann", group, "feishu")


def test_nobody_can_spoil_a_strangers_code(desk: Desk) -> None:
    group = desk.chat("oc_1", channel="feishu", account=2, direct=False)
    desk.ask()
    assert not desk.void(desk.arrived(), "ou_bob", group, "feishu")


# Keys


def test_open_codes_outlive_a_change_of_the_master_key(desk: Desk) -> None:
    desk.ask()
    digits = desk.arrived()
    desk.terms = replace(TERMS, pepper=b"new")
    assert desk.enter_for(digits) == "invalid"
    desk.terms = replace(TERMS, pepper=b"new", older_peppers=(TERMS.pepper,))
    assert desk.enter_for(digits) == "ok"


def test_no_code_is_made_without_a_pepper(desk: Desk) -> None:
    desk.terms = replace(TERMS, pepper=b"")
    with pytest.raises(ValueError, match="pepper"):
        desk.ask()
    assert not desk.rows(models.Destination)


# Afterwards


def test_digits_are_stored_until_their_delivery_has_ended(desk: Desk) -> None:
    desk.ask()

    def stays(work: Work, state: DeliveryState) -> bool:
        table = Delivery.__table__
        work.session.execute(table.update().values(state=state, text="123456"))
        codes.wipe(work)
        return bool(work.session.execute(table.select()).one().text)

    kept = {state for state in DeliveryState if desk.run(stays, state)}
    assert kept == {DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD}


def test_digits_are_stored_no_longer_when_a_status_is_quicker_than_the_answer(desk: Desk) -> None:
    desk.ask()

    def sent(work: Work) -> None:
        [due] = deliveries.take_due(work, "code", 1, 0, {"whatsapp": 1}).due
        ours = deliveries.message_id(due, "")
        statuses.apply(work, "whatsapp", [StatusChanged(key="s", message_id="wamid.1", delivery=ours, status="sent")])
        world.settle(work, [due], Receipt(message_id="wamid.1"))

    desk.run(sent)
    [row] = desk.rows(Delivery, event="code")
    assert (row.state, row.text) == ("sent", "")


def test_wiping_touches_codes_alone(desk: Desk) -> None:
    desk.run(world.add_destinations, 1)
    desk.run(world.queue, 1)

    def end(work: Work) -> None:
        work.session.execute(Delivery.__table__.update().values(state="sent"))
        codes.wipe(work)

    desk.run(end)
    assert desk.rows(Delivery)[0].text == "notice 1"


def test_what_no_cap_counts_any_more_is_forgotten(desk: Desk) -> None:
    desk.ask()
    desk.clock.advance(3 * DAY)
    desk.ask(2)
    assert desk.run(codes.forget, desk.clock.now) == 0
    desk.clock.advance(DAY + SECOND)
    assert desk.run(codes.forget, desk.clock.now - 30 * DAY) == 0
    assert desk.run(codes.forget, desk.clock.now) == 1
    assert [code.account_id for code in desk.codes()] == [2]


def test_no_log_and_no_printed_value_shows_a_code(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        asked = desk.ask()
        digits = desk.arrived()
        shown = desk.prove(2, number="+15550001")
        said = [repr(x) for x in (asked, shown, desk.terms, desk.enter(other_than(digits)), desk.enter(digits))]
    said += [str(lines), caplog.text]
    for secret in (digits, shown.text, repr(TERMS.pepper), "wa.me"):
        assert not [text for text in said if secret in text]
