"""Sending: everything due goes out within its lane's slots, and no error of one harms another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from adapters.base import Ambiguous, Receipt, Rejected, TryAgain
from bot.gate import Gate
from bot.jobs.dispatcher import Dispatcher
from bot.metrics import Metrics
from bot.rules.vault import Vault
from bot.usecases import settling
from storage.database import Database, StorageError, StorageFull, Work
from storage.models import Attempt, Delivery, Destination
from tests import world
from tests.bot.jobs.parts import PlainChannel
from tests.clock import MovableClock


class Office:
    def __init__(self, database: Database, clock: MovableClock, slots: int = 8) -> None:
        self.database, self.clock, self.gate, self.metrics = database, clock, Gate(), Metrics()
        self.webhook, self.chat = PlainChannel(), PlainChannel("chat", in_flight=1)
        self.dispatcher = Dispatcher(
            database,
            {"webhook": self.webhook, "chat": self.chat},
            Vault(bytes(32)),
            clock,
            self.metrics,
            self.gate,
            policy=world.POLICY,
            slots={"webhook": slots, "chat": 4},
        )

    async def states(self) -> Counter[str]:
        return Counter(str(row.state) for row in await self.database.read(world.rows, Delivery))

    async def run_until(self, done: Callable[[Counter[str]], bool]) -> Counter[str]:
        """Tick until the states are as wanted."""
        async with asyncio.timeout(10):
            while not done(states := await self.states()):
                await self.dispatcher.tick()
                await asyncio.sleep(0.01)
        return states

    async def all_sent(self) -> None:
        await self.run_until(lambda states: states.keys() <= {"sent"})


@pytest.fixture
async def office(database: Database, clock: MovableClock) -> AsyncIterator[Office]:
    office = Office(database, clock)
    await database.write(world.add_destinations, 50)
    yield office
    await office.dispatcher.drain(0.1)


async def queue(office: Office, destination: int, count: int = 1, lane: str = "webhook") -> list[int]:
    return await office.database.write(world.queue, destination, count, lane)


async def test_everything_queued_is_sent_once(office: Office) -> None:
    for number in range(1, 51):
        await queue(office, number, 3)
    await office.all_sent()
    assert len(office.webhook.messages) == 150
    assert len({message.id for message in office.webhook.messages}) == 150


async def test_a_lane_never_runs_more_than_its_slots(office: Office) -> None:
    for number in range(1, 51):
        office.webhook.answers[f"https://example.org/{number}"] = None
        await queue(office, number)
    await office.dispatcher.tick()
    await asyncio.sleep(0.05)
    assert len(office.webhook.messages) == 8


async def test_a_full_lane_does_not_hold_up_another(office: Office) -> None:
    await office.database.write(world.add_destinations, 1, "chat", first=99)
    for number in range(1, 51):
        office.webhook.answers[f"https://example.org/{number}"] = None
        await queue(office, number)
    await queue(office, 99, 3, "chat")
    await office.run_until(lambda states: states["sent"] == 3)
    assert [message.text for message in office.chat.messages] == ["notice 51", "notice 52", "notice 53"]


async def test_a_tick_does_not_wait_for_a_slow_receiver(office: Office) -> None:
    office.webhook.answers["https://example.org/1"] = None
    await queue(office, 1, 4)
    await asyncio.wait_for(office.dispatcher.tick(), 2)
    await queue(office, 2, 10)
    await office.run_until(lambda states: states["sent"] == 10)


async def test_destinations_that_may_not_be_sent_to_keep_nobody_turning(office: Office) -> None:
    """Many open breakers: a tick looks at each of them once and ends."""

    def open_all(work: Work) -> None:
        values = {"open_until": work.now + world.MINUTE, "first_failure_at": work.now, "failures": 5}
        work.session.execute(Destination.__table__.update().values(**values))

    for number in range(1, 51):
        await queue(office, number)
    await office.database.write(open_all)
    office.dispatcher.lanes[0].pump._ahead = 0  # a claim sees eight of the fifty
    await asyncio.wait_for(office.dispatcher.tick(), 3)
    assert await office.states() == {"ready": 50}


async def test_an_error_of_a_channel_is_no_end_of_the_dispatcher(office: Office) -> None:
    for number, answer in enumerate([ValueError("bug"), KeyError("bug"), TimeoutError(), RecursionError()], 1):
        office.webhook.answers[f"https://example.org/{number}"] = answer
        await queue(office, number)
    await queue(office, 9)
    states = await office.run_until(lambda states: states["waiting"] == 4 and states["sent"] == 1)
    assert sum(states.values()) == 5
    assert sorted(row.outcome for row in await attempts_of(office)) == [*["ambiguous"] * 4, "ok"]


async def test_a_message_that_cannot_be_made_was_certainly_not_sent(office: Office) -> None:
    await queue(office, 1)
    await office.database.write(lambda work: work.session.execute(Delivery.__table__.update().values(extras="{")))
    await office.run_until(lambda states: states == {"waiting": 1})
    assert [row.outcome for row in await attempts_of(office)] == ["retry"]
    assert not office.webhook.messages


async def test_each_result_is_stored_with_its_attempt(office: Office) -> None:
    answers: list[Any] = [Receipt(status=202, message_id="m"), Rejected("no", code="no"), TryAgain("x", code="y")]
    for number, answer in enumerate(answers, 1):
        office.webhook.answers[f"https://example.org/{number}"] = answer
        await queue(office, number)
    await office.run_until(lambda states: states == {"sent": 1, "failed": 1, "waiting": 1})
    assert [row.outcome for row in await attempts_of(office)] == ["ok", "permanent", "retry"]


async def attempts_of(office: Office) -> Sequence[Any]:
    return await office.database.read(
        lambda work: work.session.execute(Attempt.__table__.select().order_by("delivery_id")).all()
    )


async def test_a_retry_names_the_same_message_and_counts(office: Office) -> None:
    office.webhook.answers["https://example.org/1"] = TryAgain("x", code="y")
    await queue(office, 1)
    await office.run_until(lambda states: states["waiting"] == 1)
    del office.webhook.answers["https://example.org/1"]
    office.clock.advance(minutes=1)
    await office.all_sent()
    first, second = office.webhook.messages
    assert (first.id, first.created_at) == (second.id, second.created_at)
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.sent_at > first.sent_at


async def test_when_stopped_a_send_without_answer_is_in_doubt_and_the_rest_untouched(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.dispatcher.LAST_WORDS", 10)  # a busy machine must not decide this
    for number in range(1, 51):
        office.webhook.answers[f"https://example.org/{number}"] = None
        await queue(office, number)
    await office.dispatcher.tick()
    await asyncio.sleep(0.05)
    begun = len(office.webhook.messages)
    await office.dispatcher.drain(0.05)
    rows = await office.database.read(world.rows, Delivery)
    assert Counter(row.state for row in rows) == {"waiting": begun, "ready": 50 - begun}
    assert {row.attempts for row in rows if row.state == "ready"} == {0}
    assert all(row.ambiguous_at for row in rows if row.state == "waiting")


async def test_while_the_gate_is_shut_nothing_is_claimed(office: Office) -> None:
    await queue(office, 1)
    office.gate.writable = False
    await office.dispatcher.tick()
    assert await office.states() == {"ready": 1}
    office.gate.writable = True
    await office.all_sent()


class Trouble(Database):
    """A database whose writes, or reads, fail at will, as with a full disk."""

    fail_write: StorageError | None = None
    fail_read: StorageError | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.failed = asyncio.Event()

    async def write(self, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if self.fail_write and use_case is settling.settle:
            self.failed.set()
            raise self.fail_write
        return await super().write(use_case, *args, **kwargs)

    async def read(self, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if self.fail_read:
            raise self.fail_read
        return await super().read(use_case, *args, **kwargs)


async def test_results_that_cannot_be_stored_are_kept_and_stored_later(database_url: str, clock: MovableClock) -> None:
    database = Trouble(database_url, clock, shared_time=False)
    office = Office(database, clock)
    await database.write(world.add_destinations, 1)
    await queue(office, 1)
    database.fail_write = StorageFull("disk full")
    await office.dispatcher.tick()
    await asyncio.wait_for(database.failed.wait(), 5)
    assert not office.gate.writable
    assert await office.states() == {"leased": 1}
    database.fail_write, office.gate.writable = None, True
    await office.run_until(lambda states: states["sent"] == 1)
    assert len(office.webhook.messages) == 1
    await office.dispatcher.drain(0.1)
    database.close()


async def test_a_claim_whose_posts_cannot_be_loaded_is_handed_back(database_url: str, clock: MovableClock) -> None:
    database = Trouble(database_url, clock, shared_time=False)
    office = Office(database, clock)
    await database.write(_post_for_one)
    database.fail_read = StorageError("too many connections")
    await office.dispatcher.tick()
    database.fail_read = None
    [row] = await database.read(world.rows, Delivery)
    assert (row.state, row.attempts) == ("ready", 0)
    await office.all_sent()
    assert [message.post and message.post.title for message in office.webhook.messages] == ["Post 1"]
    await office.dispatcher.drain(0.1)
    database.close()


def _post_for_one(work: Work) -> None:
    world.add_destinations(work, 1)
    world.add_feed(work)
    world.subscribe(work, 1, [1])
    world.record(work, world.take_feeds(work)[0], world.page(world.item(1)))


async def test_a_doubtful_send_is_counted(office: Office) -> None:
    office.webhook.answers["https://example.org/1"] = Ambiguous("no answer", code="timeout")
    await queue(office, 1)
    await office.run_until(lambda states: states["waiting"] == 1)
    sample = office.metrics.registry.get_sample_value
    assert sample("postbell_ambiguous_total", {"channel": "webhook"}) == 1
    assert sample("postbell_attempts_total", {"channel": "webhook", "outcome": "ambiguous"}) == 1
