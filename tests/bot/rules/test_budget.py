"""What a month may cost: forecasts, and intervals that make the rest last."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import budget

SECONDS, MINUTES, HOURS, DAYS = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
MIDDLE = datetime(2026, 11, 16, tzinfo=UTC)  # of a month of 30 days


@pytest.mark.parametrize(
    ("now", "name", "following"),
    [
        (MIDDLE, "2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01", datetime(2027, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_one_of_utc(now: datetime, name: str, following: datetime) -> None:
    assert (budget.month(now), budget.next_month(now)) == (name, following)


def test_the_forecast_goes_on_as_until_now() -> None:
    assert budget.forecast(1000, MIDDLE) == 2000
    assert budget.forecast(0, MIDDLE) == 0


def test_the_first_minutes_of_a_month_are_no_measure_of_it() -> None:
    assert budget.forecast(20, datetime(2026, 11, 1, 0, 1, tzinfo=UTC)) <= 20 * 31


@pytest.mark.parametrize(
    ("reads", "bound", "factor"),
    [
        (1000, 0, 1.0),  # there is none
        (500, 1000, 1.0),  # just lasts
        (600, 1000, 1.5),  # 600 in the first half, 400 for the second
        (900, 1000, 9.0),
        (1000, 1000, 1.0),  # nothing is read any more, however often
    ],
)
def test_intervals_grow_by_what_is_read_too_fast(reads: int, bound: int, factor: float) -> None:
    assert budget.stretch(reads, bound, MIDDLE) == pytest.approx(factor)


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(0, 3 * 365 * 24))
def test_nothing_is_ever_read_more_often_for_its_budget(reads: int, bound: int, hours: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + hours * HOURS
    factor = budget.stretch(reads, bound, now)
    assert factor >= 1
    assert 10 * SECONDS <= budget.interval(10 * SECONDS, factor, listened=False) <= budget.LONGEST


@pytest.mark.parametrize(
    ("usual", "factor", "listened", "expected"),
    [
        (10 * SECONDS, 1.0, False, 10 * SECONDS),
        (10 * SECONDS, 6.0, False, MINUTES),
        (10 * SECONDS, 6.0, True, budget.SAFETY),
        (HOURS, 1.0, True, HOURS),
        (HOURS, 100.0, False, budget.LONGEST),
        (12 * HOURS, 100.0, False, 12 * HOURS),
    ],
)
def test_the_interval_beside_a_budget_and_a_stream(
    usual: timedelta, factor: float, listened: bool, expected: timedelta
) -> None:
    assert budget.interval(usual, factor, listened=listened) == expected


@pytest.mark.parametrize(("reads", "percent"), [(0, 0), (79, 0), (80, 80), (99, 80), (100, 100), (250, 100)])
def test_the_operator_hears_at_80_and_at_100_percent(reads: int, percent: int) -> None:
    assert (budget.word(reads, 100), budget.word(reads, 0)) == (percent, 0)
    assert budget.used_up(reads, 100) is (percent == 100)
