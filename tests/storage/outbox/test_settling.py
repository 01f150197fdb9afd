"""Settling: late workers are ignored, each outcome ends or goes on as it should, every attempt is recorded."""

import pytest

from adapters.base import AddressGone, Receipt, Rejected, Throttled, TryAgain
from bot.usecases import deliveries
from tests import world
from tests.storage.outbox.desk import BROKEN, LOST, Outbox, all_attempts
from tests.world import HOUR, SCHEDULES

# Leases and fences


def test_a_late_worker_changes_nothing(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    late = outbox.due()
    outbox.clock.advance(seconds=61)
    outbox.sweep()
    again = outbox.due()
    assert [one.id for one in again] == [1]
    before = outbox.row(1), outbox.destination(1)
    for result in (Receipt(message_id="late"), BROKEN, AddressGone("gone", code="gone"), Rejected("no", code="no")):
        settled = outbox.settle(late, result)
        assert (settled.outcomes, settled.ended) == ({}, {})
    outbox.run(deliveries.hand_back, late)
    assert (outbox.row(1), outbox.destination(1)) == before
    outbox.settle(again)
    assert [row.n for row in outbox.run(all_attempts)] == [2]


def test_settling_twice_counts_once(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    due = outbox.due()
    assert outbox.settle(due).outcomes == {("webhook", "ok"): 1}
    assert outbox.settle(due).outcomes == {}
    assert len(outbox.run(all_attempts)) == 1


def test_a_batch_keeps_what_is_still_ours_and_drops_the_rest(outbox: Outbox) -> None:
    outbox.destinations(2)
    outbox.queue(1, 2)
    first = outbox.due()
    outbox.clock.advance(seconds=61)
    outbox.sweep()
    outbox.queue(2)
    second = outbox.run(lambda work: list(world.take(work, room=1, after=1).due))
    settled = outbox.settle([*first, *second])
    assert settled.ended == {("webhook", "sent"): 1}
    assert outbox.states() == {"ready": 2, "sent": 1}


def test_what_was_never_begun_is_handed_back_at_no_cost(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    due = outbox.due()
    outbox.run(deliveries.hand_back, due)
    row = outbox.row(1)
    assert (row.state, row.attempts, row.ambiguous_at, row.lease_token) == ("ready", 0, None, None)
    assert outbox.due()[0].attempts == 1


# Ends


def test_each_outcome_ends_or_goes_on_as_it_should(outbox: Outbox) -> None:
    many = outbox.destinations(5)
    for number in many:
        outbox.queue(number)
    by_destination = {one.destination_id: one for one in outbox.due()}
    results = [
        Receipt(message_id="theirs", status=202, response="thanks"),
        Rejected("too long", code="too_long"),
        BROKEN,
        Throttled("429", code="http_429", status=429),
        LOST,
    ]
    for number, result in zip(many, results, strict=True):
        outbox.settle([by_destination[number]], result)
    rows = [outbox.row(by_destination[number].id) for number in many]
    assert [row.state for row in rows] == ["sent", "failed", "waiting", "waiting", "waiting"]
    assert [row.throttled for row in rows] == [0, 0, 0, 1, 0]
    assert (rows[0].message_id, rows[0].sent_at) == ("theirs", outbox.clock.now)
    assert (rows[1].error_code, rows[1].error, rows[1].failed_at) == ("too_long", "too long", outbox.clock.now)
    outcomes = [(row.outcome, row.status, row.response) for row in outbox.run(all_attempts)]
    assert outcomes == [
        ("ok", 202, "thanks"),
        ("permanent", None, ""),
        ("retry", 500, ""),
        ("throttled", 429, ""),
        ("ambiguous", None, ""),
    ]


def test_a_delivery_ends_when_its_schedule_does(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    for _ in range(10):
        if not (due := outbox.due()):
            break
        outbox.settle(due, BROKEN)
        outbox.clock.now = max(outbox.clock.now + HOUR, outbox.row(1).due_at)
    row = outbox.row(1)
    assert (row.state, row.attempts, row.error_code) == ("failed", len(SCHEDULES["webhook"].delays) + 1, "http_500")


def test_a_success_after_a_failure_leaves_no_error_behind(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.settle(outbox.due(), BROKEN)
    outbox.clock.advance(minutes=1)
    outbox.settle(outbox.due())
    row = outbox.row(1)
    assert (row.state, row.error, row.error_code) == ("sent", "", "")


@pytest.mark.parametrize("nasty", ["a\0b", "\ud800", "x" * 100_000, "\r\n\x1b[31m"])
def test_recording_an_attempt_cannot_fail_by_what_the_receiver_answered(outbox: Outbox, nasty: str) -> None:
    for number in outbox.destinations(2):
        outbox.queue(number)
    first, second = outbox.due()
    outbox.settle([first], TryAgain(nasty, code="http_500", response=nasty))
    outbox.settle([second], Receipt(message_id=nasty, response=nasty))
    assert [outbox.row(one.id).state for one in (first, second)] == ["waiting", "sent"]
    assert all(len(row.response) <= 4096 for row in outbox.run(all_attempts))


def test_a_conflict_of_numbers_does_not_arise(outbox: Outbox) -> None:
    """An attempt that nobody recorded leaves a gap and no number is used twice."""
    outbox.destinations(1)
    outbox.queue(1)
    outbox.due()
    outbox.clock.advance(minutes=2)
    outbox.sweep()
    outbox.settle(outbox.due(), BROKEN)
    outbox.clock.advance(hours=1)
    outbox.settle(outbox.due())
    assert [row.n for row in outbox.run(all_attempts)] == [2, 3]
