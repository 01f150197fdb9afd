"""The demo's verdict: everything that must not happen, and the sums."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.cli.demo_ledger import Latencies, Ledger, Request

T = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def a_good_run() -> Ledger:
    """One post at the first try, one that failed before."""
    ledger = Ledger()
    ledger.published("/1", "one", at(0))
    ledger.found("/1", at(0.5))
    ledger.received("/1", Request(at(0.51), "msg_1", 200))
    ledger.published("/2", "two", at(3))
    ledger.received("/2", Request(at(3.5), "msg_2", 503))
    ledger.waits("/2", at(5.5), at(3.6))
    ledger.received("/2", Request(at(5.6), "msg_2", 200))
    return ledger


def test_a_good_run_is_flawless_and_adds_up() -> None:
    ledger = a_good_run()
    assert ledger.flawless
    assert (ledger.delivered, ledger.attempts, ledger.verified, ledger.refused, ledger.repeats) == (2, 3, 3, 1, 0)
    assert [story.number for story in ledger.retried] == [2]
    from_publisher, from_store = ledger.latencies()
    assert from_publisher.seconds == pytest.approx([0.51]), "of first tries only"
    assert from_store.seconds == pytest.approx([0.01])


def never_accepted(ledger: Ledger) -> None:
    ledger.published("/3", "three", at(9))
    ledger.received("/3", Request(at(10), "msg_3", 503))


FLAWS: dict[str, Callable[[Ledger], None]] = {
    "lost": lambda ledger: ledger.published("/3", "three", at(9)),
    "never accepted": never_accepted,
    "repeated": lambda ledger: ledger.received("/1", Request(at(9), "msg_1", 200)),
    "under another id": lambda ledger: ledger.received("/2", Request(at(9), "msg_9", 503)),
    "from before the subscription": lambda ledger: ledger.received("/0", Request(at(9), "msg_0", 200)),
    "wrongly signed": lambda ledger: ledger.forged(at(9)),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_seen(flaw: str) -> None:
    ledger = a_good_run()
    FLAWS[flaw](ledger)
    assert not ledger.flawless


def test_events_come_in_the_order_in_which_things_happened() -> None:
    told = [event.what for event in a_good_run().events]
    assert told == ["published", "found", "delivered", "published", "failed", "waits", "delivered"]


def test_what_is_told_twice_is_noted_once() -> None:
    ledger = a_good_run()
    before = len(ledger.events)
    ledger.found("/1", at(9))
    ledger.waits("/2", at(20), at(9))
    ledger.found("/unknown", at(9))
    assert len(ledger.events) == before


@pytest.mark.parametrize(
    ("seconds", "p50", "p95"),
    [([], 0, 0), ([7.0], 7, 7), ([3.0, 1.0, 2.0], 2, 3), ([float(n) for n in range(1, 101)], 50, 95)],
)
def test_percentiles_are_by_nearest_rank(seconds: list[float], p50: float, p95: float) -> None:
    latencies = Latencies(seconds)
    assert (latencies.percentile(50), latencies.percentile(95)) == (p50, p95)
