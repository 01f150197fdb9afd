"""Claims: each row to one worker, everybody in turn, first attempts in order, limits kept."""

import asyncio
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from bot.usecases import deliveries
from bot.usecases.deliveries import DueDelivery
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.clock import MovableClock
from tests.counts import count
from tests.storage.outbox.desk import BROKEN, Outbox
from tests.world import SCHEDULES

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


def test_while_sending_is_held_nothing_is_claimed_and_nothing_lost(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.run(deliveries.hold)
    assert outbox.run(deliveries.is_held)
    assert outbox.due() == []
    assert outbox.run(deliveries.release)
    assert not outbox.run(deliveries.release)
    assert len(outbox.due()) == 1


# What a claim costs


def test_a_claim_looks_at_what_it_takes_however_much_waits(outbox: Outbox) -> None:
    for number in outbox.destinations(60):
        outbox.queue(number, 2)
    few = outbox.run(rows_looked_at, room=20)
    outbox.destinations(1500, first=100)
    outbox.run(lambda work: [world.queue(work, number) for number in range(100, 1600, 3)])
    outbox.queue(2, 3000)
    assert outbox.run(rows_looked_at, room=20) <= 1.2 * few
    assert len(outbox.take(room=20).due) == 20


def rows_looked_at(work: Work, /, room: int) -> int:
    """By one claim, which is taken back.  On SQLite in steps of its machine."""
    session, steps = work.session, 0
    driver: Any = session.connection().connection.driver_connection

    def step() -> None:
        nonlocal steps
        steps += 1

    point = session.begin_nested()
    if session.get_bind().dialect.name == "sqlite":
        driver.set_progress_handler(step, 10)
        world.take(work, room=room)
        driver.set_progress_handler(None, 0)
    else:
        seen = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")
        before = session.execute(seen).scalar_one()
        world.take(work, room=room)
        steps = int(session.execute(seen).scalar_one() - before)
    point.rollback()
    return steps


def test_what_ends_while_it_is_claimed_is_not_sent(postgresql_url: str, clock: MovableClock) -> None:
    database = Database(postgresql_url, clock, shared_time=False)
    with psycopg.connect(postgresql_url) as other, ThreadPoolExecutor(1) as thread:
        outbox = Outbox(database, clock)
        outbox.destinations(1)
        outbox.queue(1, 3)
        other.execute("UPDATE deliveries SET state = 'failed' WHERE id = 2")
        claim = thread.submit(outbox.take)
        while not waits_for_a_lock(postgresql_url):
            assert not claim.done()
        other.commit()
        assert [one.id for one in claim.result().due] == [1, 3]
    assert outbox.states() == {"leased": 2, "failed": 1}
    database.close()


def waits_for_a_lock(url: str) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url) as connection:
        return connection.execute(waiting).fetchone() is not None


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
