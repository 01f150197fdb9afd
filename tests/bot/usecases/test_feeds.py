"""Which feeds are read when: due ones, under a lease, politely, and none forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from bot.errors import NotFound
from bot.usecases import clocks, feeds
from storage import models
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.counts import count
from tests.world import DAY, HOUR, MINUTE, SECOND, page

P = ParamSpec("P")
T = TypeVar("T")
HOST = "https://one.example.org:443"


class Desk:
    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def add(self, numbers: range, **fields: Any) -> None:
        def add_all(work: Work) -> None:
            for number in numbers:
                world.add_feed(work, number, **fields)

        self.run(add_all)

    def due(self, limit: int = 100) -> list[int]:
        return sorted(one.id for one in self.run(world.take_feeds, limit))

    def feed(self, number: int) -> Any:
        return self.run(world.row, models.Feed, number)


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


def test_only_what_is_due_and_active_is_taken_oldest_first(desk: Desk) -> None:
    now = desk.clock.now
    desk.add(range(1, 2), due_at=now - MINUTE)
    desk.add(range(2, 3), due_at=now - HOUR)
    desk.add(range(3, 4), due_at=now + SECOND)
    for number, state in enumerate(("paused", "gone", "disabled"), 4):
        desk.add(range(number, number + 1), state=state)
    assert desk.due(limit=1) == [2]
    assert desk.due() == [1]
    desk.clock.advance(seconds=1)
    assert desk.due() == [3]


def test_a_leased_feed_is_not_taken_again_until_its_lease_is_over(desk: Desk) -> None:
    desk.add(range(1, 2))
    assert desk.due() == [1]
    desk.clock.advance(seconds=119)
    assert desk.due() == []
    desk.clock.advance(seconds=1)
    assert desk.due() == [1]


def test_at_the_start_of_the_only_process_feeds_of_a_dead_one_are_due(desk: Desk) -> None:
    desk.add(range(1, 3))
    desk.due(limit=1)
    assert desk.run(feeds.release_all) == 1
    desk.clock.advance(seconds=1)  # its host is owed the gap
    assert desk.due() == [1, 2]


def test_a_claim_says_whether_there_may_be_more(desk: Desk) -> None:
    desk.add(range(1, 6))
    assert desk.run(feeds.take_due, 3, world.POLITE, world.INTERVAL)[1]
    assert not desk.run(feeds.take_due, 3, world.POLITE, world.INTERVAL)[1]


def test_feeds_of_one_host_take_turns_and_are_put_off_once(desk: Desk) -> None:
    feeds_of_host = count(300, 10_000)
    desk.add(range(1, feeds_of_host + 1), host=HOST)
    read: list[int] = []
    for _ in range(feeds_of_host + 5):
        while True:
            taken, more = desk.run(feeds.take_due, 128, world.POLITE, world.INTERVAL)
            assert len(taken) <= 1
            for one in taken:
                read.append(one.id)
                desk.run(world.record, one, page())
            if not more:
                break
        if len(read) == 1:
            turns = sorted(row.due_at for row in desk.run(world.rows, models.Feed))[: feeds_of_host - 1]
            assert len(set(turns)) == feeds_of_host - 1
        desk.clock.advance(seconds=1)
    assert len(set(read[:feeds_of_host])) == feeds_of_host


def test_no_more_of_a_host_are_read_at_once_than_allowed(desk: Desk) -> None:
    desk.add(range(1, 6), host=HOST)
    taken = []
    for _ in range(20):
        taken += desk.due()
        desk.clock.advance(seconds=1)
    assert len(taken) == 2


def test_without_a_host_no_politeness_is_owed(desk: Desk) -> None:
    desk.add(range(1, 31), host="")
    assert len(desk.due()) == 30


def test_without_a_gap_claiming_a_long_queue_ends(desk: Desk) -> None:
    desk.add(range(1, 11), host=HOST)
    no_gap = feeds.Politeness(at_once=2, gap=timedelta(0))
    for _ in range(5):
        if not desk.run(feeds.take_due, 5, no_gap, world.INTERVAL)[1]:
            return
    raise AssertionError("there is always more")


def test_the_rules_see_the_row(desk: Desk) -> None:
    desk.add(range(1, 2), interval_seconds=300, rhythm_seconds=60, longest_gap_seconds=7200, hint_seconds=30)
    [due] = desk.run(world.take_feeds)
    followed = due.followed
    assert (followed.interval, followed.fixed, followed.rhythm) == (5 * MINUTE, True, MINUTE)
    assert (followed.longest_gap, followed.hint, followed.first_visit) == (2 * HOUR, 30 * SECOND, False)
    assert due.cursor == {}


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY])
def test_a_clock_that_jumps_freezes_no_feed(desk: Desk, jump: timedelta) -> None:
    desk.add(range(1, 4), host=HOST)
    for _ in range(5):
        for one in desk.run(world.take_feeds):
            desk.run(world.record, one, page())
        desk.clock.advance(seconds=1)
    desk.run(feeds.hurry, 3, world.INTERVAL)  # its reader dies
    desk.run(clocks.check)
    desk.clock.advance(jump)
    read: set[int] = set()
    began = desk.clock.now
    while desk.clock.now - began < 90 * MINUTE:
        desk.run(clocks.check)
        for one in desk.run(world.take_feeds):
            read.add(one.id)
            desk.run(world.record, one, page())
        desk.clock.advance(seconds=20)
    assert read == {1, 2, 3}


def test_hurrying_takes_a_feed_at_once(desk: Desk) -> None:
    desk.add(range(1, 2), due_at=desk.clock.now + DAY)
    due = desk.run(feeds.hurry, 1, world.INTERVAL)
    assert desk.feed(1).lease_token == due.token
    with pytest.raises(NotFound):
        desk.run(feeds.hurry, 2, world.INTERVAL)
