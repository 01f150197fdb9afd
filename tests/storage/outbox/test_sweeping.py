"""What becomes of deliveries without a send: dead workers, expiry, and clocks that jump."""

from datetime import timedelta

import pytest

from adapters.base import Throttled
from bot.rules.breaker import IN_A_ROW
from bot.usecases import clocks, deliveries
from tests.storage.outbox.desk import BROKEN, LOST, Outbox
from tests.world import DAY, HOUR, MINUTE, SCHEDULES


def test_a_lease_that_is_over_may_have_been_sent(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.due()
    outbox.clock.advance(seconds=59)
    assert outbox.sweep().released == 0
    outbox.clock.advance(seconds=2)
    assert outbox.sweep().released == 1
    row = outbox.row(1)
    assert (row.state, row.lease_token, row.attempts) == ("ready", None, 1)
    assert row.ambiguous_at == row.first_ambiguous_at == outbox.clock.now


def test_the_first_doubt_is_remembered(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.due()
    outbox.clock.advance(seconds=61)
    outbox.sweep()
    first = outbox.clock.now
    [again] = outbox.due()
    assert again.first_ambiguous_at == first
    outbox.clock.advance(seconds=1)
    outbox.settle([again], LOST)
    row = outbox.row(1)
    assert (row.first_ambiguous_at, row.ambiguous_at) == (first, outbox.clock.now)


def test_at_the_start_of_the_only_process_every_lease_is_a_dead_ones(outbox: Outbox) -> None:
    outbox.destinations(3)
    for number in (1, 2, 3):
        outbox.queue(number, 3)
    outbox.settle(outbox.due(room=3))
    taken = outbox.due()
    assert outbox.run(deliveries.release_all) == len(taken) == 6
    assert outbox.run(deliveries.release_all) == 0
    assert outbox.states() == {"sent": 3, "ready": 6}
    assert outbox.row(taken[0].id).ambiguous_at == outbox.clock.now


def test_what_is_past_its_time_fails_and_is_never_sent(outbox: Outbox) -> None:
    outbox.destinations(2)
    outbox.queue(1, 3)
    outbox.settle(outbox.due(room=1), BROKEN)
    outbox.clock.advance(SCHEDULES["webhook"].expires)
    assert outbox.due() == []  # before any sweep
    outbox.sweep()
    assert outbox.states() == {"failed": 3}
    assert outbox.row(3).error_code == "expired"


def test_the_operator_ends_what_was_queued_before_a_time(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 3)
    outbox.clock.advance(hours=1)
    outbox.queue(1, 2)
    assert outbox.run(deliveries.expire_before, outbox.clock.now) == 3
    assert outbox.states() == {"failed": 3, "ready": 2}


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY])
def test_a_clock_that_jumps_freezes_and_loses_nothing(outbox: Outbox, jump: timedelta) -> None:
    waiting, leased, ready, broken, paused = outbox.destinations(5)
    for number in (waiting, leased, paused):
        outbox.queue(number)
    outbox.queue(broken, 6)
    for number in (waiting, paused):
        error = BROKEN if number == waiting else Throttled("429", code="http_429")
        outbox.settle(list(outbox.take(room=1, after=number - 1).due), error)
    for _ in range(IN_A_ROW):
        outbox.settle(list(outbox.take(room=1, after=broken - 1).due), BROKEN)
    outbox.take(room=1, after=leased - 1)  # its worker dies
    outbox.queue(ready)
    outbox.run(clocks.check)
    outbox.clock.advance(jump)
    delivered = until_all_sent(outbox, longest=20 * MINUTE)
    assert set(delivered) == {waiting, leased, ready, broken, paused}
    assert max(delivered[number] for number in (leased, ready)) <= 2 * MINUTE


def until_all_sent(outbox: Outbox, *, longest: timedelta) -> dict[int, timedelta]:
    """Play sweeps and claims by the new clock; when each destination got its last message."""
    sent: dict[int, timedelta] = {}
    began = outbox.clock.now
    while outbox.clock.now - began <= longest:
        outbox.run(clocks.check)
        outbox.sweep()
        while due := outbox.due():
            outbox.settle(due)
            sent |= {one.destination_id: outbox.clock.now - began for one in due}
        if outbox.states().keys() == {"sent"}:
            return sent
        outbox.clock.advance(minutes=1)
    raise AssertionError(f"not sent within {longest}: {outbox.states()}")
