"""The circuit breaker and the disabling of destinations, against the reliability page, 4.1 and 4.2."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import breaker
from bot.rules.breaker import HEALTHY, Health

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LIMIT = 4


def after(pattern: str, health: Health = HEALTHY, *, every: timedelta = SECOND, at: datetime = NOW) -> Health:
    """Health after a series of attempts: "x" failed, "o" succeeded."""
    for n, what in enumerate(pattern):
        moment = at + n * every
        health = breaker.succeeded(health, moment) if what == "o" else breaker.failed(health, moment, ran_out=False)
    return health


def is_open(health: Health, at: datetime) -> bool:
    return health.open_until is not None and health.open_until > at


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        ("xxxx", False),
        ("xxxxx", True),
        ("xxxxox", False),
        ("oooooooooooo", False),
        ("xxxoxxxoxx", True),  # 8 of 10
        ("xxxoxxxoxo", False),  # 7 of 10, and the last one worked
        ("xxxoxxoxx", False),  # 7 of 9: too few to tell
        ("xxoxxoxxoxxoxx", True),  # 10 of 14 at the end, 8 of 11 before
        ("xoxoxoxoxoxoxoxo", False),
    ],
)
def test_it_opens_after_five_in_a_row_or_seven_of_ten(pattern: str, opens: bool) -> None:
    health = after(pattern)
    assert is_open(health, NOW + len(pattern) * SECOND) is opens


def test_failures_spread_over_more_than_the_window_do_not_add_up() -> None:
    assert not is_open(after("xxoxx" * 6, every=3 * MINUTE), NOW + 90 * MINUTE)


def test_while_it_is_open_nothing_goes_and_failures_that_still_come_in_change_nothing() -> None:
    health = after("xxxxx")
    opened = health.open_until
    assert opened == NOW + 4 * SECOND + 30 * SECOND
    assert breaker.room(health, 0, LIMIT, opened - SECOND) == 0
    late = after("xxx", health, at=NOW + 5 * SECOND)
    assert (late.open_until, late.trips) == (opened, 1)


def test_half_open_lets_one_probe_through() -> None:
    health = after("xxxxx")
    assert health.open_until
    assert breaker.room(health, 0, LIMIT, health.open_until) == 1
    assert breaker.room(health, 1, LIMIT, health.open_until) == 0


def test_each_failed_probe_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    health, waits = after("xxxxx"), []
    for _ in range(9):
        assert health.open_until
        probed_at = health.open_until
        health = breaker.failed(health, probed_at, ran_out=False)
        assert health.open_until
        waits.append((health.open_until - probed_at) / SECOND)
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900, 900]


def test_a_success_closes_it_and_the_next_series_starts_small() -> None:
    health = after("xxxxx")
    for _ in range(5):
        assert health.open_until is not None
        health = breaker.failed(health, health.open_until + SECOND, ran_out=False)
    health = breaker.succeeded(health, NOW + HOUR)
    assert (health.failures, health.trips, health.open_until, health.first_failure_at) == (0, 0, None, None)
    assert breaker.room(health, 0, LIMIT, NOW) == LIMIT
    later = after("xxxxx", health, at=NOW + 2 * HOUR)
    assert later.open_until == NOW + 2 * HOUR + 4 * SECOND + 30 * SECOND


# Pauses


def test_a_pause_stops_everything_until_its_end_and_the_longer_one_counts() -> None:
    health = breaker.paused(breaker.paused(HEALTHY, NOW + MINUTE), NOW + SECOND)
    assert breaker.room(health, 0, LIMIT, NOW + 59 * SECOND) == 0
    assert breaker.room(health, 0, LIMIT, NOW + MINUTE) == LIMIT


def test_a_success_of_an_earlier_send_does_not_end_a_pause() -> None:
    health = breaker.succeeded(breaker.paused(HEALTHY, NOW + MINUTE), NOW)
    assert breaker.room(health, 0, LIMIT, NOW) == 0
    assert breaker.succeeded(health, NOW + 2 * MINUTE).paused_until is None


# Disabling

FIVE_DAYS = timedelta(hours=120)


@pytest.mark.parametrize(
    ("after_first", "ran_out", "disabled"),
    [(FIVE_DAYS, True, True), (FIVE_DAYS, False, False), (FIVE_DAYS - SECOND, True, False)],
)
def test_it_is_disabled_after_120_hours_without_success_by_a_message_that_ran_out(
    after_first: timedelta, ran_out: bool, disabled: bool
) -> None:
    health = breaker.failed(HEALTHY, NOW, ran_out=False)
    health = breaker.failed(health, NOW + after_first, ran_out=ran_out)
    assert (health.disabled_at is not None) is disabled


def test_a_success_in_between_starts_the_hours_anew() -> None:
    health = after("xo", every=HOUR)
    health = breaker.failed(health, NOW + FIVE_DAYS, ran_out=True)
    assert health.disabled_at is None


def test_disabled_means_nothing_goes_and_says_why_once() -> None:
    health = breaker.disabled(HEALTHY, NOW, "the receiver answered 410")
    assert breaker.room(health, 0, LIMIT, NOW + 1000 * HOUR) == 0
    again = breaker.disabled(health, NOW + HOUR, "another reason")
    assert (again.disabled_at, again.disabled_reason) == (NOW, "the receiver answered 410")


@pytest.mark.parametrize(("seconds", "room"), [(0, 1), (9, 1), (10, 2), (20, 4), (30, 8), (40, 16), (100, 16)])
def test_enabled_again_it_starts_with_one_and_doubles_every_ten_seconds(seconds: int, room: int) -> None:
    assert breaker.room(breaker.enabled(NOW), 0, 16, NOW + seconds * SECOND) == room


def test_the_ramp_counts_what_is_in_flight_and_ends_by_itself() -> None:
    health = breaker.enabled(NOW)
    assert breaker.room(health, 1, LIMIT, NOW) == 0
    assert breaker.succeeded(health, NOW + 15 * SECOND).ramp_from == NOW  # one success does not skip the rest
    assert breaker.succeeded(health, NOW + MINUTE).ramp_from is None


# All together


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1200)), max_size=60))
def test_it_never_waits_longer_than_a_quarter_of_an_hour_and_always_recovers(steps: list[tuple[bool, int]]) -> None:
    health, now = HEALTHY, NOW
    for works, seconds in steps:
        now += seconds * SECOND
        health = breaker.succeeded(health, now) if works else breaker.failed(health, now, ran_out=False)
        if health.open_until:
            assert health.open_until <= now + 15 * MINUTE
        if works:
            assert breaker.room(health, 0, LIMIT, now) == LIMIT
    assert breaker.room(health, 0, LIMIT, now + 15 * MINUTE) >= 1
