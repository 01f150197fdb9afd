"""Credits: each alert that is sent takes exactly one, whatever repeats, races or dies; without one it fails visibly."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from adapters.base import Ambiguous, Receipt, Rejected, SendError, TryAgain, WindowClosed
from bot.usecases import deliveries
from storage import models
from storage.database import Database, Work
from storage.models import DeliveryState
from tests import world
from tests.clock import MovableClock

LIMITS = {"whatsapp": 5, "feishu": 5, "webhook": 5}
AT_ONCE = 100


class Till:
    """An account whose posts go to numbers, and what became of them."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def open(self, credits: int | None, alerts: int, *, channel: str = "whatsapp", lane: str = "chat") -> None:
        """One post for each of so many numbers."""
        self.database.run(_open, credits, alerts, channel, lane)

    def claim(self, lane: str = "chat", database: Database | None = None) -> Sequence[deliveries.DueDelivery]:
        return (database or self.database).run(deliveries.take_due, lane, 200, 0, LIMITS).due

    def settle(self, due: Sequence[deliveries.DueDelivery], result: Receipt | SendError | None = None) -> None:
        self.database.run(world.settle, due, result)

    @property
    def left(self) -> int | None:
        return self.database.look(world.row, models.Account, 1).credits  # type: ignore[no-any-return]

    @property
    def states(self) -> list[str]:
        return [row.state for row in self.rows]

    @property
    def rows(self) -> list[Any]:
        return self.database.look(world.rows, models.Delivery)


@pytest.fixture
def till(database: Database, clock: MovableClock) -> Till:
    return Till(database, clock)


def _open(work: Work, credits: int | None, alerts: int, channel: str, lane: str) -> None:
    where = world.add_destinations(work, alerts, channel)
    work.session.execute(models.Destination.__table__.update().values(lane=lane))
    work.session.execute(models.Account.__table__.update().values(credits=credits))
    world.add_feed(work)
    world.subscribe(work, 1, where)
    (due,) = world.take_feeds(work)
    world.record(work, due, world.page(world.item(1)))


def test_each_alert_that_is_sent_takes_one(till: Till) -> None:
    till.open(5, 3)
    till.settle(till.claim())
    assert (till.left, till.states) == (2, ["sent"] * 3)


def test_without_a_credit_an_alert_fails_and_says_why_and_goes_after_a_top_up(till: Till) -> None:
    till.open(1, 2)
    till.settle(till.claim())
    sent, failed = till.rows
    assert (sent.state, failed.state) == ("sent", "failed")
    assert (failed.error_code, failed.error, failed.attempts) == ("no_credits", "no credits left", 0)
    assert failed.failed_at == till.clock.now
    till.database.run(_top_up, 1)
    till.database.run(deliveries.send_again, failed.id)
    till.settle(till.claim())
    assert (till.left, till.states) == (0, ["sent", "sent"])


def _top_up(work: Work, credits: int) -> None:
    work.session.execute(models.Account.__table__.update().values(credits=credits))


def test_an_account_that_counts_none_pays_nothing(till: Till) -> None:
    till.open(None, 2)
    till.settle(till.claim())
    assert (till.left, till.states) == (None, ["sent"] * 2)


@pytest.mark.parametrize(("channel", "lane"), [("webhook", "webhook"), ("feishu", "chat")])
def test_what_is_no_alert_costs_nothing(till: Till, channel: str, lane: str) -> None:
    till.open(0, 1, channel=channel, lane=lane)
    till.settle(till.claim(lane))
    assert (till.left, till.states) == (0, ["sent"])


def test_notices_cost_nothing(till: Till) -> None:
    till.open(0, 1)
    till.claim()
    till.database.run(world.queue, 1, 1, "chat")
    (notice,) = till.claim()
    till.settle([notice])
    assert (till.left, till.states) == (0, ["failed", "sent"])


@pytest.mark.parametrize(
    "error", [TryAgain("later", code="x"), Rejected("no", code="x"), WindowClosed("closed", code="x")]
)
def test_what_was_not_sent_gives_its_credit_back(till: Till, error: SendError) -> None:
    till.open(1, 1)
    due = till.claim()
    assert till.left == 0
    till.settle(due, error)
    assert till.left == 1


def test_a_retry_takes_it_once(till: Till) -> None:
    till.open(5, 1)
    for result in (TryAgain("later", code="x"), TryAgain("later", code="x"), None):
        till.settle(till.claim(), result)
        till.clock.advance(minutes=1)
    assert (till.left, till.states) == (4, ["sent"])


def test_a_claim_that_is_handed_back_gives_it_back(till: Till) -> None:
    till.open(3, 2)
    due = till.claim()
    till.database.run(deliveries.hand_back, due)
    assert till.left == 3
    till.database.run(deliveries.hand_back, due)  # once
    assert till.left == 3


def test_a_crash_between_send_and_settle_takes_one(till: Till) -> None:
    till.open(1, 1)
    till.claim()
    till.clock.advance(minutes=2)
    till.database.run(deliveries.sweep, world.SCHEDULES)
    again = till.claim()
    assert len(again) == 1
    till.settle(again)
    assert (till.left, till.states) == (0, ["sent"])


@pytest.mark.parametrize("then", [Receipt(), Rejected("no", code="x")])
def test_what_was_perhaps_sent_keeps_its_one_credit(till: Till, then: Receipt | SendError) -> None:
    till.open(3, 1)
    till.settle(till.claim(), Ambiguous("no answer", code="x"))
    till.clock.advance(minutes=5)
    till.settle(till.claim(), then)
    assert till.left == 2


def test_sending_the_same_alert_again_is_free(till: Till) -> None:
    till.open(2, 1)
    till.settle(till.claim())
    till.database.run(deliveries.send_again, 1)
    till.settle(till.claim())
    till.database.run(deliveries.send_again, 1)
    till.settle(till.claim(), Rejected("no", code="x"))
    assert till.left == 1


def test_a_late_worker_gives_nothing_back(till: Till) -> None:
    till.open(1, 1)
    late = till.claim()
    till.clock.advance(minutes=2)
    till.database.run(deliveries.sweep, world.SCHEDULES)
    till.settle(till.claim())
    till.settle(late, Rejected("no", code="x"))
    till.database.run(deliveries.hand_back, late)
    assert (till.left, till.states) == (0, ["sent"])


@pytest.fixture
def processes(database: Database, database_url: str, clock: MovableClock) -> Iterator[list[Database]]:
    several = [database]
    if database.engine == "postgresql":
        several += [Database(database_url, clock, shared_time=False) for _ in range(3)]
    yield several
    for one in several[1:]:
        one.close()


def test_a_hundred_alerts_at_once_take_exactly_what_is_left(till: Till, processes: list[Database]) -> None:
    till.open(40, AT_ONCE)

    def work_off(n: int) -> None:
        database = processes[n % len(processes)]
        while due := database.run(deliveries.take_due, "chat", 3, 0, LIMITS).due:
            database.run(world.settle, due)

    with ThreadPoolExecutor(AT_ONCE // 10) as pool:
        list(pool.map(work_off, range(AT_ONCE // 10)))
    for database in processes:
        till.settle(till.claim(database=database))
    assert (till.left, till.states.count("sent"), till.states.count("failed")) == (0, 40, 60)
    assert {row.charged for row in till.rows if row.state == DeliveryState.SENT} == {True}


def test_where_nobody_counts_a_claim_of_alerts_asks_once_and_of_webhooks_never(till: Till) -> None:
    till.open(None, 3)
    assert till.database.run(_statements_of_a_claim, "chat") == 1
    assert till.database.run(_statements_of_a_claim, "webhook") == 0


def _statements_of_a_claim(work: Work, lane: str) -> int:
    asked: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    engine = work.session.get_bind()
    event.listen(engine, "before_cursor_execute", hear)
    try:
        deliveries.take_due(work, lane, 100, 0, LIMITS)
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    return sum("credits" in one for one in asked)
