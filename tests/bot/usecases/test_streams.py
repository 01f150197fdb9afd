"""Who listens to a stream: one at a time, and nobody for ever."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from bot.rules.budget import Pace
from bot.usecases import clocks, streams
from storage.database import Database, Work
from tests.clock import MovableClock
from tests.world import MINUTE, SECOND

P = ParamSpec("P")
T = TypeVar("T")
PACES = {"x": Pace(10 * SECOND, streams=True)}


class Desk:
    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def hold(self, who: str, *, well: bool = True) -> bool:
        return self.run(streams.hold, "x", who, PACES, well=well)


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


def test_one_process_has_it_until_it_lets_go_or_no_longer_renews_it(desk: Desk) -> None:
    assert [desk.hold("one"), desk.hold("two")] == [True, False]
    desk.clock.advance(20 * SECOND)
    assert [desk.hold("one"), desk.hold("two")] == [True, False]
    desk.clock.advance(30 * SECOND)
    assert [desk.hold("two"), desk.hold("one")] == [True, False]
    desk.run(streams.let_go, "x", "two", PACES)
    assert desk.hold("one")


def test_of_a_dead_process_nothing_is_held_when_the_only_one_starts(desk: Desk) -> None:
    assert desk.hold("dead")
    desk.run(streams.release_all)
    assert desk.hold("alive")


def test_a_clock_that_goes_back_does_not_keep_it_for_the_dead(desk: Desk) -> None:
    desk.run(clocks.check)
    assert desk.hold("dead")
    desk.clock.advance(-60 * MINUTE)
    desk.run(clocks.check)
    desk.clock.advance(MINUTE)
    assert desk.hold("alive")
