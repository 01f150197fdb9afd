"""Providers: accounts of channels that rest, why, and who is told."""

from datetime import timedelta

import pytest

from bot.usecases import providers
from storage import models
from storage.database import Database, Work
from tests.clock import START, MovableClock
from tests.world import HOUR, MINUTE, SCHEDULES, add_destinations, rows


def suspend(work: Work, /, name: str = "whatsapp", reason: str = "the token is wrong") -> timedelta:
    return providers.suspend(work, name, reason, operator_destination=1, schedules=SCHEDULES)


def resting(work: Work, /) -> set[str]:
    return set(providers.resting(work))


def notices(work: Work, /) -> list[str]:
    return [one.text for one in rows(work, models.Delivery, event="operator.notice")]


@pytest.fixture(autouse=True)
def operator(database: Database) -> None:
    database.run(add_destinations, 1)


def test_a_suspended_account_rests_and_the_operator_hears_why_once(database: Database, clock: MovableClock) -> None:
    assert database.run(suspend) == MINUTE
    assert database.look(resting) == {"whatsapp"}
    clock.advance(minutes=1)
    assert database.look(resting) == set()
    assert database.run(suspend, reason="still wrong") == 2 * MINUTE
    [told] = database.look(notices)
    assert "whatsapp" in told
    assert "the token is wrong" in told
    [row] = database.look(providers.troubled)
    assert (row.suspensions, row.reason) == (2, "still wrong")


def test_messages_that_were_on_their_way_together_count_once(database: Database, clock: MovableClock) -> None:
    database.run(suspend)
    clock.advance(seconds=10)
    assert database.run(suspend) == timedelta(seconds=50)
    assert database.look(providers.troubled)[0].suspensions == 1


def test_the_rest_grows_to_half_an_hour(database: Database, clock: MovableClock) -> None:
    rests = []
    for _ in range(8):
        rests.append(database.run(suspend))
        clock.advance(rests[-1])
    assert rests == [MINUTE * n for n in (1, 2, 4, 8, 16, 30, 30, 30)]


def test_what_is_mended_is_well_and_may_be_told_of_again(database: Database, clock: MovableClock) -> None:
    database.run(suspend)
    assert database.run(providers.resumed, {"whatsapp", "feishu"}) == ["whatsapp"]
    assert database.look(providers.troubled) == []
    assert database.run(providers.resumed, {"whatsapp"}) == []
    database.run(suspend)
    assert len(database.look(notices)) == 2


def test_a_pause_holds_for_one_account_and_is_never_shortened(database: Database, clock: MovableClock) -> None:
    pause = providers.pause
    database.run(pause, "whatsapp/sales", START + 10 * MINUTE, "rate limit")
    database.run(pause, "whatsapp/sales", START + MINUTE, "rate limit")
    clock.advance(minutes=9)
    assert database.look(resting) == {"whatsapp/sales"}
    assert database.run(providers.resumed, {"whatsapp/sales"}) == []  # that send was on its way already
    database.run(pause, "whatsapp/sales", START + 10 * HOUR, "rate limit")
    clock.advance(hours=1, minutes=1)
    assert database.look(resting) == set()
    assert database.look(notices) == []
    assert database.run(providers.resumed, {"whatsapp/sales"}) == ["whatsapp/sales"]


def test_a_pause_keeps_the_reason_why_a_person_must_act(database: Database, clock: MovableClock) -> None:
    database.run(suspend)
    clock.advance(minutes=2)
    database.run(providers.pause, "whatsapp", START + HOUR, "rate limit")
    assert database.look(providers.troubled)[0].reason == "the token is wrong"
