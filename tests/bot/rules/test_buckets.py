"""The rate of a key: never more than a whole bucket and what has come back, never less when asked evenly."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.rules import buckets
from bot.rules.buckets import ONE, SIZE, WHOLE
from storage import api_models
from storage import buckets as stored
from storage.database import Database, Work
from tests import world
from tests.clock import START, MovableClock

STEPS = st.lists(st.integers(0, 400), min_size=1, max_size=200)  # milliseconds between two requests


def allowed(steps: list[int]) -> list[float]:
    """When requests were let through, in seconds."""
    now, full_at, times = START, None, []
    for step in steps:
        now += timedelta(milliseconds=step)
        rate = buckets.take(full_at, now)
        full_at = rate.full_at
        if rate.allowed:
            times.append((now - START).total_seconds())
    return times


@given(STEPS)
def test_never_more_than_forty_and_twenty_a_second_in_any_time(steps: list[int]) -> None:
    times = allowed(steps)
    for n, start in enumerate(times):
        for m, end in enumerate(times[n:], 1):
            assert m <= SIZE + 20 * (end - start) + 1e-6


@given(st.integers(50, 500), st.integers(1, 300))
def test_who_asks_evenly_is_always_answered(step: int, count: int) -> None:
    assert len(allowed([step] * count)) == count


@given(STEPS)
def test_what_is_told_comes_true(steps: list[int]) -> None:
    now, full_at = START, None
    for step in steps:
        now += timedelta(milliseconds=step)
        rate = buckets.take(full_at, now)
        full_at = rate.full_at
        later = [buckets.take(full_at, now + rate.wait).allowed, buckets.take(full_at, now).allowed]
        assert later == [True, rate.remaining > 0]


@given(st.lists(st.integers(-5000, 400), min_size=1, max_size=60))
def test_the_clock_may_be_set_back_and_the_rate_goes_on(steps: list[int]) -> None:
    now, full_at = START, None
    for step in steps:
        now += timedelta(milliseconds=step)
        full_at = buckets.take(full_at, now).full_at
    assert buckets.take(full_at, now + ONE).allowed


def test_the_statement_is_the_rule(database: Database, clock: MovableClock) -> None:
    """On both engines, jumps of the clock included."""
    steps = [0] * 45 + [50, 20, 20, 20, 3000, 0, -1000, 0, -9000] + [0] * 3 + [50, 50, 9000]
    database.run(_key)
    full_at = None
    for step in steps:
        clock.advance(milliseconds=step)
        expected = buckets.take(full_at, clock.now)
        full_at = expected.full_at
        found = database.run(_take)
        assert found == (expected.full_at if expected.allowed else None)


def _key(work: Work) -> None:
    world.add_account(work)
    row = {"id": 1, "account_id": 1, "prefix": "p", "digest": b"d", "created_at": work.now, "expires_at": work.now}
    work.session.execute(api_models.ApiKey.__table__.insert().values(**row))


def _take(work: Work) -> object:
    return stored.take(work.session, 1, work.now, ONE, WHOLE)
