"""Sources that are no ordinary web server: accounts that vanish, providers that refuse, and what reading costs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from adapters.base import (
    FeedFailed,
    FeedFault,
    FeedInfo,
    FeedThrottled,
    FeedUnavailable,
    Found,
    Page,
    SourceError,
    SourceSuspended,
)
from bot.rules.budget import LOOK_AGAIN, SAFETY, Pace
from bot.rules.plans import Limits
from bot.usecases import feeds, posts, providers, spending, subscriptions
from bot.usecases.console import subscriptions as console
from storage import listeners, models
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.world import DAY, HOUR, MINUTE, POLICY, SECOND, item, page

P = ParamSpec("P")
T = TypeVar("T")
OPERATOR = 3
UNCHANGED = Page(cursor={})
SUSPENDED = FeedUnavailable("@nasa is suspended")
REFUSED = SourceSuspended("X refuses the token (401)", HOUR)


class Bureau:
    """Feeds of a source that has one provider for all."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock
        self.pace = Pace(10 * SECOND)

    @property
    def policy(self) -> posts.Policy:
        return replace(POLICY, operator_destination=OPERATOR, paces={"x": self.pace})

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def poll(self, result: Page | SourceError, feed: int = 1) -> None:
        self.run(world.record, self.run(feeds.hurry, feed, world.INTERVAL), result, self.policy)

    def feed(self, number: int = 1) -> Any:
        return self.run(world.row, models.Feed, number)

    def next_in(self, number: int = 1) -> timedelta:
        until: datetime = self.feed(number).due_at
        return until - self.clock()

    def claimed(self, limit: int = 100) -> set[int]:
        due, _ = self.run(feeds.take_due, limit, world.POLITE, world.INTERVAL, self.policy.paces)
        return {one.id for one in due}

    def told(self, destination: int = 1) -> list[str]:
        rows = self.run(world.rows, models.Delivery, destination_id=destination)
        return [row.text for row in rows if row.text]

    def reads(self) -> dict[str, int]:
        return {bill.source: bill.reads for bill in self.run(spending.bills, self.policy.paces)}


@pytest.fixture
def bureau(database: Database, clock: MovableClock) -> Bureau:
    """Three accounts of x with a subscriber at 1, and a web feed, 4."""
    clock.now = datetime(2026, 11, 16, tzinfo=UTC)
    bureau = Bureau(database, clock)
    bureau.run(world.add_destinations, 3)
    for number in (1, 2, 3):
        bureau.run(world.add_feed, number, source="x", key=str(number), host="x", title="NASA", name="NASA")
        bureau.run(world.subscribe, number, [1])
    bureau.run(world.add_feed, 4)
    return bureau


def around(expected: timedelta) -> Any:
    return pytest.approx(expected.total_seconds(), rel=0.11)


# Accounts


def test_a_suspended_account_is_told_once_and_looked_at_every_six_hours(bureau: Bureau) -> None:
    for _ in range(100):  # 25 days
        bureau.poll(SUSPENDED)
        assert bureau.next_in().total_seconds() == around(6 * HOUR)
        bureau.clock.advance(6 * HOUR)
    assert bureau.told() == ["NASA cannot be read: @nasa is suspended. You hear when that has changed."]
    feed = bureau.feed()
    assert (feed.state, feed.fault, feed.reason) == ("active", "unavailable", "@nasa is suspended")
    bureau.poll(UNCHANGED)
    assert bureau.next_in().total_seconds() == around(10 * SECOND)
    assert "can be read again" in bureau.told()[-1]


def test_other_failures_of_a_suspended_account_are_no_news(bureau: Bureau) -> None:
    for error in [SUSPENDED] * 4 + [FeedFailed(FeedFault.HTTP, "500", status=500), SUSPENDED]:
        bureau.poll(error)
        bureau.clock.advance(HOUR)
    assert len(bureau.told()) == 1


def test_a_new_name_is_told_once_and_another_spelling_is_none(bureau: Bureau) -> None:
    for name in ("nasa", "NASA", "", "NASA_2", "NASA_2"):
        bureau.poll(page(info=FeedInfo(title="NASA", name=name)))
    assert bureau.told() == ["NASA (@NASA) is now called @NASA_2"]
    assert bureau.feed().name == "NASA_2"


def test_a_minute_of_trouble_with_a_feed_that_is_read_every_few_seconds_is_no_news(bureau: Bureau) -> None:
    for minute in range(8):
        bureau.poll(FeedFailed(FeedFault.HTTP, "503", status=503))
        assert len(bureau.told()) == (minute >= 5)
        bureau.clock.advance(minutes=1)


# The provider


def test_when_nothing_can_be_read_all_feeds_of_the_source_wait_and_the_operator_is_told_once(bureau: Bureau) -> None:
    for _ in range(3):
        bureau.poll(REFUSED)
        bureau.poll(REFUSED, 2)
        assert bureau.claimed() - {4} == set()
        bureau.clock.advance(HOUR + SECOND)
    assert len(bureau.told(OPERATOR)) == 1
    assert "X refuses the token (401)" in bureau.told(OPERATOR)[0]
    assert bureau.told() == []
    assert bureau.feed().failures == 0
    assert set(bureau.run(providers.suspended_sources)) == {"x"}


def test_the_other_sources_go_on(bureau: Bureau) -> None:
    bureau.poll(REFUSED)
    assert bureau.claimed() == {4}


def test_after_a_suspension_the_first_feeds_show_whether_it_is_over(bureau: Bureau) -> None:
    bureau.poll(REFUSED)
    bureau.claimed()
    bureau.clock.advance(HOUR)
    assert bureau.claimed() - {4} == {1, 2}
    bureau.clock.advance(SECOND)
    assert bureau.claimed() == {3}


def test_once_it_is_mended_that_is_told_and_a_new_suspension_is_news(bureau: Bureau) -> None:
    bureau.poll(REFUSED)
    bureau.poll(UNCHANGED, 2)  # it was on its way
    assert bureau.run(providers.suspended_sources)
    bureau.clock.advance(HOUR + SECOND)
    bureau.poll(UNCHANGED)
    assert not bureau.run(providers.suspended_sources)
    bureau.poll(REFUSED)
    assert ["Nothing" in text for text in bureau.told(OPERATOR)] == [True, False, True]


def test_a_provider_has_no_gap_and_no_bound_but_its_throttle_holds_for_all(bureau: Bureau) -> None:
    bureau.run(lambda work: [world.add_feed(work, n, source="x", key=str(n), host="x") for n in range(10, 60)])
    assert len(bureau.claimed()) == 54
    bureau.poll(FeedThrottled("429", MINUTE))
    assert bureau.next_in() >= MINUTE
    bureau.run(world.add_feed, 99, source="x", key="99", host="x")
    assert bureau.claimed() == set()
    bureau.clock.advance(MINUTE + SECOND)
    assert bureau.claimed() == {1, 99}


# The pace


def test_a_source_with_its_own_interval_is_read_at_that_and_never_slower(bureau: Bureau) -> None:
    for _ in range(3):
        bureau.poll(page(item(0)))
        assert bureau.next_in().total_seconds() == around(10 * SECOND)
        bureau.clock.advance(30 * DAY)  # of silence
    bureau.poll(UNCHANGED, 4)
    assert bureau.next_in(4) > 5 * MINUTE


def test_a_new_subscription_is_read_at_its_sources_pace_from_the_start(bureau: Bureau) -> None:
    found = Found("new", page(item(0)))
    bureau.run(
        subscriptions.subscribe, account_id=1, destination_id=1, source="x", found=found, host="x",
        policy=bureau.policy, default_interval=world.INTERVAL, latest=False,
    )  # fmt: skip
    [made] = bureau.run(world.rows, models.Feed, key="new")
    assert bureau.next_in(made.id).total_seconds() == around(10 * SECOND)


def test_while_a_stream_tells_the_news_its_feeds_are_polled_seldom(bureau: Bureau) -> None:
    bureau.pace = Pace(10 * SECOND, streams=True)

    def heard(work: Work, well: bool) -> None:
        assert listeners.hold(work.session, "x", "token", work.now + MINUTE, work.now, well=well, since=work.now)

    bureau.run(heard, True)
    bureau.poll(UNCHANGED)
    assert bureau.next_in().total_seconds() == around(SAFETY)
    bureau.run(heard, False)
    bureau.poll(UNCHANGED)
    assert bureau.next_in().total_seconds() == around(10 * SECOND)
    bureau.run(heard, True)
    bureau.clock.advance(2 * MINUTE)  # nobody renews it: its process died
    bureau.poll(UNCHANGED)
    assert bureau.next_in().total_seconds() == around(10 * SECOND)


# The bill


def test_reads_are_counted_by_feed_and_month_and_provider(bureau: Bureau) -> None:
    def both(work: Work) -> None:
        due = [feeds.hurry(work, number, world.INTERVAL) for number in (1, 2)]
        pages = [page(item(0), via="api", reads=5), page(item(1), via="api", reads=2)]
        polls = [posts.Polled(one, it) for one, it in zip(due, pages, strict=True)]
        posts.record(work, polls, bureau.policy)

    bureau.run(both)
    bureau.poll(Page(cursor={}, via="bridge", reads=1))
    bureau.poll(page(item(0), via="api", reads=10))
    largest = [(row.feed_id, row.via, row.reads) for row in bureau.run(spending.largest, 2)]
    assert largest == [(1, "api", 15), (2, "api", 2)]
    assert bureau.run(spending.of_feeds, [1, 2, 3]) == {1: 16, 2: 2}
    assert bureau.reads() == {"x": 18}
    bureau.clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert bureau.run(spending.of_feeds, [1, 2, 3]) == {}


def test_a_name_that_was_looked_up_counts_also_where_its_feed_is_followed_already(bureau: Bureau) -> None:
    for key in ("new", "new", "1"):
        bureau.run(
            subscriptions.subscribe, account_id=1, destination_id=2, source="x", found=Found(key, page(reads=3)),
            host="x", policy=bureau.policy, default_interval=world.INTERVAL, latest=False,
        )  # fmt: skip
    assert bureau.reads() == {"x": 9}


def test_what_is_followed_at_several_destinations_was_read_once(bureau: Bureau) -> None:
    def follow(work: Work) -> None:
        terms: Any = SimpleNamespace(policy=bureau.policy, interval=world.INTERVAL)
        to = [world.uid(2), world.uid(3)]
        found = Found("new", page(reads=3))
        followed = console.follow(
            work, terms, {"unlimited": Limits()}, 1, to, "x", found, "x", latest=False, options=None
        )
        assert len(followed.new) == 2

    bureau.run(follow)
    assert bureau.reads() == {"x": 3}


def test_a_budget_slows_reading_before_it_is_used_up(bureau: Bureau) -> None:
    bureau.pace = Pace(10 * SECOND, budget=1000)
    bureau.poll(Page(cursor={}, reads=400))
    assert bureau.next_in().total_seconds() == around(10 * SECOND)
    bureau.poll(Page(cursor={}, reads=350))
    bureau.poll(UNCHANGED)
    assert bureau.next_in().total_seconds() == around(30 * SECOND)  # 750 in the first half, 250 for the second
    assert bureau.told(OPERATOR) == []


def test_the_operator_hears_once_at_80_percent_and_once_at_the_end(bureau: Bureau) -> None:
    bureau.pace = Pace(10 * SECOND, budget=100)
    for reads in (70, 10, 5, 10, 5, 5, 5):
        bureau.poll(Page(cursor={}, reads=reads))
    first, second = bureau.told(OPERATOR)
    assert "80 of the 100 reads" in first
    assert "not read again before 2026-12-01" in second


def test_when_the_budget_is_used_up_nothing_is_read_before_the_next_month_or_a_greater_budget(bureau: Bureau) -> None:
    bureau.pace = Pace(10 * SECOND, budget=100)
    bureau.poll(Page(cursor={}, reads=100))
    for _ in range(3):
        bureau.clock.advance(LOOK_AGAIN)
        assert bureau.claimed() - {4} == set()
    bureau.pace = Pace(10 * SECOND, budget=200)
    bureau.clock.advance(LOOK_AGAIN + SECOND)
    assert bureau.claimed() >= {1, 2, 3}
    bureau.pace = Pace(10 * SECOND, budget=100)
    for number in (1, 2, 3):
        bureau.poll(UNCHANGED, number)
    bureau.clock.now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert bureau.claimed() - {4} == set()
    bureau.clock.advance(MINUTE + SECOND)
    assert bureau.claimed() >= {1, 2, 3}
