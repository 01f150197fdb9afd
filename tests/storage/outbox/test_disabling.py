"""Destinations in trouble: the breaker, rate limits, and the end of a queue that nobody takes."""

from adapters.base import AddressGone, Receipt, SendError, Throttled
from bot.rules.breaker import IN_A_ROW
from bot.usecases import settling
from storage.models import Delivery
from tests import world
from tests.storage.outbox.desk import BROKEN, Outbox
from tests.world import POLICY, SCHEDULES, SECOND


def test_a_dead_destination_is_left_alone_and_uses_up_no_attempts(outbox: Outbox) -> None:
    outbox.destinations(2)
    outbox.queue(1, 20)
    for _ in range(IN_A_ROW):
        outbox.settle(outbox.due(room=1), BROKEN)
    opened = outbox.destination(1).open_until
    assert opened == outbox.clock.now + 30 * SECOND
    attempts = [row.attempts for row in outbox.run(world.rows, Delivery)]
    outbox.clock.now = opened - SECOND
    assert outbox.due() == []
    assert [row.attempts for row in outbox.run(world.rows, Delivery)] == attempts
    outbox.clock.now = opened
    [probe] = outbox.due()
    assert outbox.due() == []
    outbox.settle([probe])
    assert len(outbox.due()) == 4


def test_the_oldest_is_the_probe(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 10)
    for _ in range(IN_A_ROW):
        outbox.settle(outbox.due(room=1), BROKEN)
    outbox.clock.now = outbox.destination(1).open_until
    assert [one.id for one in outbox.due()] == [1]


def test_success_and_failure_in_one_batch_count_in_their_order(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 4)
    due = outbox.due()
    ended = [outbox.clock.now + n * SECOND for n in (3, 1, 2, 0)]
    results: list[Receipt | SendError] = [Receipt(), BROKEN, BROKEN, BROKEN]
    sent = [
        settling.Sent(due=one, result=result, started_at=at, ended_at=at)
        for one, result, at in zip(due, results, ended, strict=True)
    ]
    outbox.run(settling.settle, sent, POLICY)
    assert (outbox.destination(1).failures, outbox.destination(1).first_failure_at) == (0, None)


def test_a_rate_limit_pauses_its_destination_alone(outbox: Outbox) -> None:
    for number in outbox.destinations(2):
        outbox.queue(number, 5)
    due = outbox.due()
    outbox.settle([one for one in due if one.destination_id == 1][:1], Throttled("429", code="http_429"))
    outbox.settle(due[1:])
    assert {one.destination_id for one in outbox.due()} == {2}
    outbox.clock.now = outbox.destination(1).paused_until
    assert {one.destination_id for one in outbox.due()} == {1}


def test_gone_disables_fails_the_queue_and_tells_the_owner_elsewhere_once(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.destinations(1, channel="chat", first=2)
    outbox.queue(1, 20)
    outbox.settle(outbox.due(room=1), BROKEN)  # one waits
    due = outbox.due()
    outbox.settle(due, AddressGone("the receiver answered 410", code="http_410", status=410))
    assert outbox.destination(1).disabled_at == outbox.clock.now
    mine = [row for row in outbox.run(world.rows, Delivery) if row.destination_id == 1]
    assert {row.state for row in mine} == {"failed"}
    assert {row.error_code for row in mine} == {"http_410", "destination_disabled"}
    [notice] = outbox.run(world.rows, Delivery, destination_id=2)
    assert (notice.event, notice.lane) == ("destination.disabled", "chat")
    assert "410" in notice.text
    assert "enable 1" in notice.text


def test_what_comes_back_to_a_disabled_destination_fails_at_its_next_claim(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 2)
    first, second = outbox.due()
    outbox.settle([first], AddressGone("gone", code="gone"))
    outbox.settle([second], BROKEN)  # was under way
    outbox.clock.advance(hours=1)
    assert outbox.due() == []
    assert outbox.states() == {"failed": 2}


def test_a_long_queue_of_a_disabled_destination_fails_whole(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 2500)
    outbox.settle(outbox.due(room=1), AddressGone("gone", code="gone"))
    for _ in range(3):
        assert outbox.due() == []
    assert outbox.states() == {"failed": 2500}


def test_disabled_after_120_hours_by_a_message_that_ran_out(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.settle(outbox.due(), BROKEN)
    outbox.clock.advance(hours=119)
    outbox.sweep()  # the first one has expired meanwhile
    outbox.queue(1)
    for _ in range(len(SCHEDULES["webhook"].delays) + 1):
        assert outbox.destination(1).disabled_at is None
        outbox.settle(outbox.due(), BROKEN)
        outbox.clock.advance(hours=1)
    assert outbox.destination(1).disabled_at is not None
    assert "no message got through" in outbox.destination(1).disabled_reason
