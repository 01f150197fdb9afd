"""The buckets: who may send when, and that what is remembered of people has an end."""

import pytest

from adapters.channels.whatsapp.limits import MAX_PAIRS, Bucket, Limits, Recent
from tests.adapters.channels.whatsapp.parts import Monotonic


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    bucket = Bucket(rate=2, burst=3, tokens=3, at=0)
    waits = []
    for now in (0, 0, 0, 0, 0.25, 0.5, 100, 100, 100, 100):
        if not (wait := bucket.wait(now)):
            bucket.take()
        waits.append(wait)
    assert waits == [0, 0, 0, 0.5, 0.25, 0, 0, 0, 0, 0.5]


def test_who_waits_has_taken_their_turn() -> None:
    bucket = Bucket(rate=2, burst=1, tokens=1, at=0)
    waits = []
    for _ in range(4):
        waits.append(bucket.wait(0))
        bucket.take()
    assert waits == [0, 0.5, 1, 1.5]


def test_an_emptied_bucket_keeps_its_debts() -> None:
    bucket = Bucket(rate=1, burst=5, tokens=4, at=0)
    bucket.empty()
    assert bucket.wait(0) == 1
    bucket.tokens = -3
    bucket.empty()
    assert bucket.wait(0) == 4


def test_the_least_recently_used_entries_go() -> None:
    recent: Recent[str, int] = Recent(2)
    recent["a"], recent["b"] = 1, 2
    recent["a"] = 3
    recent["c"] = 4
    assert dict(recent) == {"a": 3, "c": 4}


def test_pairs_are_remembered_while_they_are_used() -> None:
    limits = Limits(Monotonic())
    limits.pair("kept").spelling = limits.pair("lost").spelling = "other"
    for number in range(MAX_PAIRS - 1):
        limits.pair(str(number))
        limits.pair("kept")
    assert (limits.pair("kept").spelling, limits.pair("lost").spelling) == ("other", "")


@pytest.mark.parametrize("everybody", [True, False])
def test_slowing_down_concerns_one_person_or_all(everybody: bool) -> None:
    limits = Limits(Monotonic())
    told, other = limits.pair("told"), limits.pair("other")
    assert [limits.refused(told, 4, everybody=everybody) for _ in range(3)] == [0, 1, 2]
    assert limits.waits(other)[0] == pytest.approx(0.05 if everybody else 0)
    assert limits.waits(told)[1] == pytest.approx(0 if everybody else 6)
    limits.went_well(told)
    assert limits.refused(told, 4, everybody=everybody) == 0
