"""Claims from the outbox: each row to one worker, everybody in turn, limits kept, late workers ignored."""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from sqlalchemy.exc import IntegrityError

from adapters.base import AddressGone, Ambiguous, Receipt, Rejected, SendError, Throttled, TryAgain
from bot.rules.breaker import IN_A_ROW
from bot.usecases import clocks, deliveries
from bot.usecases.deliveries import Claim, DueDelivery
from storage.database import Database, Work
from storage.models import Attempt, Delivery, Destination
from tests import world
from tests.clock import MovableClock
from tests.counts import count
from tests.world import DAY, HOUR, MINUTE, SCHEDULES, SECOND

P = ParamSpec("P")
T = TypeVar("T")

BROKEN = TryAgain("the receiver answered 500", code="http_500", status=500)
LOST = Ambiguous("no answer came", code="timeout")


class Outbox:
    """The database with short ways to what these tests do all the time."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def destinations(self, count: int, **how: Any) -> list[int]:
        return self.run(world.add_destinations, count, **how)

    def queue(self, destination: int, count: int = 1, lane: str = "webhook") -> list[int]:
        return self.run(world.queue, destination, count, lane)

    def take(self, lane: str = "webhook", room: int = 100, after: int = 0) -> Claim:
        return self.run(world.take, lane, room, after)

    def due(self, lane: str = "webhook", room: int = 100) -> list[DueDelivery]:
        """One whole round over the destinations."""
        taken: list[DueDelivery] = []
        claim = self.take(lane, room)
        while True:
            taken += claim.due
            if not claim.after or len(taken) >= room:
                return taken
            claim = self.take(lane, room - len(taken), claim.after)

    def settle(self, due: list[DueDelivery], result: Any = None) -> deliveries.Settled:
        return self.run(world.settle, due, result)

    def row(self, number: int) -> Any:
        return self.run(world.row, Delivery, number)

    def destination(self, number: int) -> Any:
        return self.run(world.row, Destination, number)

    def states(self) -> Counter[str]:
        return Counter(str(row.state) for row in self.run(world.rows, Delivery))

    def sweep(self) -> deliveries.Swept:
        return self.run(deliveries.sweep, SCHEDULES)


@pytest.fixture
def outbox(database: Database, clock: MovableClock) -> Outbox:
    return Outbox(database, clock)


@pytest.fixture
def processes(database_url: str, database: Database, clock: MovableClock) -> Iterator[list[Database]]:
    """Four Database objects on one database, as four processes have them; SQLite is for one."""
    others = 3 if database.engine == "postgresql" else 0
    several = [database, *(Database(database_url, clock, shared_time=False) for _ in range(others))]
    yield several if others else [database] * 4
    for one in several[1:]:
        one.close()


# Each row goes to one worker


def test_no_row_ever_goes_to_two_workers(outbox: Outbox, processes: list[Database]) -> None:
    many = outbox.destinations(count(20, 100))
    everything = {id_ for number in many for id_ in outbox.queue(number, 10)}
    claimed: Counter[int] = Counter()
    in_flight: Counter[int] = Counter()
    over: list[tuple[int, int]] = []
    lock = threading.Lock()

    def work(database: Database, seed: int) -> None:
        random, idle = Random(seed), 0
        while idle < 50 and sum(claimed.values()) < len(everything):
            claim = database.run(world.take, "webhook", random.randint(1, 30), random.choice([0, random.choice(many)]))
            with lock:
                for one in claim.due:
                    claimed[one.id] += 1
                    in_flight[one.destination_id] += 1
                    if in_flight[one.destination_id] > 4:
                        over.append((one.destination_id, in_flight[one.destination_id]))
            idle = 0 if claim.due else idle + 1
            with lock:  # before the rows become free, or another worker could be counted twice
                in_flight.subtract(one.destination_id for one in claim.due)
            database.run(world.settle, claim.due)

    with ThreadPoolExecutor(len(processes)) as threads:
        for running in [threads.submit(work, database, seed) for seed, database in enumerate(processes)]:
            running.result()
    assert claimed == Counter(everything)
    assert over == []
    assert outbox.states() == {"sent": len(everything)}


@pytest.mark.parametrize(("lane", "limit"), [("webhook", 4), ("chat", 1)])
def test_all_processes_together_keep_the_limit_of_a_destination(
    outbox: Outbox, processes: list[Database], lane: str, limit: int
) -> None:
    [number] = outbox.destinations(1, channel=lane)
    outbox.queue(number, 20, lane)
    barrier = threading.Barrier(len(processes))

    def claim(database: Database) -> list[DueDelivery]:
        barrier.wait()
        return [one for _ in range(5) for one in database.run(world.take, lane).due]

    with ThreadPoolExecutor(len(processes)) as threads:
        taken = [one for some in threads.map(claim, processes) for one in some]
    assert len(taken) == limit
    outbox.settle(taken)
    assert len(outbox.due(lane)) == limit


# Everybody in turn


def test_a_backlog_of_one_destination_delays_nobody(outbox: Outbox) -> None:
    greedy, *modest = outbox.destinations(51)
    outbox.queue(greedy, 5000)
    for number in modest:
        outbox.queue(number)
    first = outbox.due(room=96)
    assert {one.destination_id for one in first} == {greedy, *modest}
    assert 51 <= len(first) <= 54  # the others, and of the greedy one at most what may be in flight


def test_when_all_have_a_backlog_all_go_on_equally(outbox: Outbox) -> None:
    many = outbox.destinations(64)
    for number in many:
        outbox.queue(number, 20)
    sent: Counter[int] = Counter(dict.fromkeys(many, 0))
    after = 0
    for _ in range(12):
        claim = outbox.take(room=32, after=after)
        after = claim.after
        sent.update(one.destination_id for one in claim.due)
        outbox.settle(list(claim.due))
    assert max(sent.values()) - min(sent.values()) <= 1
    assert sum(sent.values()) >= 8 * 32  # every third claim finds the end of the round


def test_a_claim_goes_on_behind_the_last_one_and_comes_round(outbox: Outbox) -> None:
    many = outbox.destinations(10)
    for number in many:
        outbox.queue(number, 2)
    first = outbox.take(room=4)
    second = outbox.take(room=4, after=first.after)
    third = outbox.take(room=4, after=second.after)
    where = [{one.destination_id for one in claim.due} for claim in (first, second, third)]
    assert where == [{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10}]
    assert third.after == 0


def test_lanes_do_not_take_each_others_work(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.destinations(1, channel="chat", first=2)
    outbox.queue(1)
    outbox.queue(2, lane="chat")
    assert [one.destination_id for one in outbox.due("chat")] == [2]
    assert [one.destination_id for one in outbox.due("webhook")] == [1]


def test_a_channel_that_is_not_installed_rests(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    assert not outbox.run(deliveries.take_due, "webhook", 100, 0, {"other": 4}).due
    assert outbox.row(1).state == "ready"


# Order


def test_first_attempts_to_a_conversation_start_in_order_one_at_a_time(outbox: Outbox) -> None:
    outbox.destinations(1, channel="chat")
    for _ in range(3):
        outbox.queue(1, 2, "chat")
        outbox.clock.advance(seconds=1)
    started = []
    while due := outbox.due("chat"):
        assert len(due) == 1
        assert outbox.due("chat") == []
        started.append(due[0].id)
        outbox.settle(due)
    assert started == [1, 2, 3, 4, 5, 6]


def test_a_retry_goes_behind_what_waits_and_holds_nothing_up(outbox: Outbox) -> None:
    outbox.destinations(1, channel="chat")
    outbox.queue(1, 2, "chat")
    outbox.settle(outbox.due("chat"), BROKEN)
    outbox.clock.advance(seconds=1)
    assert [one.id for one in outbox.due("chat")] == [2]


# Waiting


def test_a_waiting_delivery_is_claimed_when_due_and_not_before(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.settle(outbox.due(), BROKEN)
    row = outbox.row(1)
    assert (row.state, row.error_code, row.error) == ("waiting", "http_500", "the receiver answered 500")
    outbox.clock.now = row.due_at - timedelta(microseconds=1)
    assert outbox.due() == []
    outbox.clock.now = row.due_at
    [again] = outbox.due()
    assert (again.id, again.attempts, again.throttled) == (1, 2, 0)


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


def all_attempts(work: Work) -> list[Any]:
    return list(work.session.execute(Attempt.__table__.select().order_by("delivery_id", "n")))


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


def test_what_is_past_its_time_fails_and_is_never_sent(outbox: Outbox) -> None:
    outbox.destinations(2)
    outbox.queue(1, 3)
    outbox.settle(outbox.due(room=1), BROKEN)
    outbox.clock.advance(SCHEDULES["webhook"].expires)
    assert outbox.due() == []  # before any sweep
    outbox.sweep()
    assert outbox.states() == {"failed": 3}
    assert outbox.row(3).error_code == "expired"


@pytest.mark.parametrize("nasty", ["a\0b", "\ud800", "x" * 100_000, "\r\n\x1b[31m"])
def test_recording_an_attempt_cannot_fail_by_what_the_receiver_answered(outbox: Outbox, nasty: str) -> None:
    for number in outbox.destinations(2):
        outbox.queue(number)
    first, second = outbox.due()
    outbox.settle([first], TryAgain(nasty, code="http_500", response=nasty))
    outbox.settle([second], Receipt(message_id=nasty, response=nasty))
    assert [outbox.row(one.id).state for one in (first, second)] == ["waiting", "sent"]
    assert all(len(row.response) <= 4096 for row in outbox.run(all_attempts))


# Breaker and disabling


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
        deliveries.Sent(due=one, result=result, started_at=at, ended_at=at)
        for one, result, at in zip(due, results, ended, strict=True)
    ]
    outbox.run(deliveries.settle, sent, SCHEDULES)
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


# Held sending, sending again


def test_while_sending_is_held_nothing_is_claimed_and_nothing_lost(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.run(deliveries.hold)
    assert outbox.run(deliveries.is_held)
    assert outbox.due() == []
    assert outbox.run(deliveries.release)
    assert not outbox.run(deliveries.release)
    assert len(outbox.due()) == 1


def test_the_operator_ends_what_was_queued_before_a_time(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1, 3)
    outbox.clock.advance(hours=1)
    outbox.queue(1, 2)
    assert outbox.run(deliveries.expire_before, outbox.clock.now) == 3
    assert outbox.states() == {"failed": 3, "ready": 2}


@pytest.mark.parametrize("result", [Receipt(), Rejected("no", code="no"), BROKEN])
def test_sending_again_goes_on_counting_and_keeps_the_budget(outbox: Outbox, result: Any) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    for _ in range(len(SCHEDULES["webhook"].delays) + 1):
        outbox.settle(outbox.due(), BROKEN)
        outbox.clock.advance(hours=1)
    assert outbox.row(1).state == "failed"
    outbox.run(deliveries.send_again, 1)
    [again] = outbox.due()
    assert again.attempts == len(SCHEDULES["webhook"].delays) + 2
    outbox.settle([again], result)
    assert outbox.row(1).state == ("sent" if isinstance(result, Receipt) else "failed")
    assert [row.n for row in outbox.run(all_attempts)] == list(range(1, again.attempts + 1))


def test_sending_again_takes_the_place_of_the_planned_retry(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.settle(outbox.due(), BROKEN)
    outbox.run(deliveries.send_again, 1)
    outbox.settle(outbox.due())
    outbox.clock.advance(days=1)
    assert outbox.due() == []


def test_an_expired_delivery_sent_again_has_time_to_arrive(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.clock.advance(days=30)
    outbox.sweep()
    outbox.run(deliveries.send_again, 1)
    outbox.sweep()
    assert len(outbox.due()) == 1


def test_what_is_being_sent_right_now_is_not_sent_again(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.due()
    with pytest.raises(Exception, match="being sent right now"):
        outbox.run(deliveries.send_again, 1)


# Clocks


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


# Gauges


def test_the_queue_is_counted_per_lane_and_by_age(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.destinations(1, channel="chat", first=2)
    assert outbox.run(deliveries.queue) == deliveries.Queue({}, 0.0)
    outbox.queue(1, 3)
    outbox.clock.advance(seconds=30)
    outbox.queue(2, 2, "chat")
    assert outbox.run(deliveries.queue).rows == {"webhook": 3, "chat": 2}
    outbox.settle(outbox.due("chat"))
    assert outbox.run(deliveries.queue) == deliveries.Queue({"webhook": 3, "chat": 1}, 0.0)
    outbox.run(deliveries.expire_before, outbox.clock.now)
    assert outbox.run(deliveries.queue).rows == {"chat": 1}


# Together


async def test_settling_and_claiming_side_by_side_end_every_delivery_once(
    database: Database, clock: MovableClock
) -> None:
    """Workers that fail, die and come late, in random order; each message has at most one success."""
    await database.write(world.add_destinations, 8)
    for number in range(1, 9):
        await database.write(world.queue, number, count(10, 60))
    random = Random(7)
    successes: defaultdict[int, int] = defaultdict(int)

    async def worker() -> None:
        for _ in range(count(40, 400)):
            claim = await database.write(world.take, "webhook", random.randint(1, 10), random.randint(0, 8))
            for one in claim.due:
                match random.randint(0, 5):
                    case 0:
                        await database.write(world.settle, [one], BROKEN)
                    case 1:
                        pass  # died
                    case 2:
                        await database.write(deliveries.hand_back, [one])
                    case _:
                        settled = await database.write(world.settle, [one])
                        successes[one.id] += settled.ended.get(("webhook", "sent"), 0)
            clock.advance(seconds=random.randint(0, 40))
            await database.write(deliveries.sweep, SCHEDULES)

    await asyncio.gather(*(worker() for _ in range(4)))
    sent = {row.id for row in await database.read(world.rows, Delivery, state="sent")}
    assert {id_ for id_, n in successes.items() if n} == sent
    assert max(successes.values()) == 1


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


def test_the_outbox_refuses_a_second_delivery_of_a_post(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.run(world.add_feed)
    with pytest.raises(IntegrityError, match=r"(?i)unique|duplicate"):
        outbox.run(_twice)


def _twice(work: Work) -> None:
    world.subscribe(work, 1, [1])
    due = world.take_feeds(work)
    world.record(work, due[0], world.page(world.item(1)))
    [delivery] = world.rows(work, Delivery)
    values = {**delivery._mapping, "id": 99}
    work.session.execute(Delivery.__table__.insert().values(values))
