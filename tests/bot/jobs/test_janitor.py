"""Housekeeping: the disk, the gate, dead leases, retention, and the loop's lag."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.gate import Gate
from bot.jobs import janitor as module
from bot.jobs.janitor import Janitor
from bot.metrics import Metrics
from bot.usecases import held
from bot.usecases.administration import accounts
from bot.usecases.audit import COMMAND_LINE
from storage.database import Database, StorageError, StorageFull, Work
from storage.models import Account, Attempt, Delivery, Destination
from tests import chats, world
from tests.clock import MovableClock
from tests.world import DAY, SCHEDULES


class House:
    def __init__(self, database: Database, disk: Path | None = None, nudging: Sequence[str] = ()) -> None:
        self.database, self.gate, self.metrics, self.opened = database, Gate(), Metrics(), 0
        self.janitor = Janitor(
            database, self.metrics, self.gate, schedules=SCHEDULES, keep=90 * DAY, disk=disk, on_open=self._open,
            nudging=nudging,
        )  # fmt: skip

    def _open(self) -> None:
        self.opened += 1

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"postbell_{name}", labels)


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


class Trouble(Database):
    """Fails each write while told to."""

    trouble: StorageError | None = None

    async def write(self, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        if self.trouble:
            raise self.trouble
        return await super().write(use_case, *args, **kwargs)


@pytest.mark.parametrize("error", [StorageFull("disk full"), StorageError("read-only file system")])
async def test_the_gate_shuts_when_no_write_works_and_reopens_by_itself(
    database_url: str, clock: MovableClock, error: StorageError
) -> None:
    database = Trouble(database_url, clock, shared_time=False)
    house = House(database)
    await house.janitor.sweep()
    assert (house.gate.writable, house.opened) == (True, 0)
    database.trouble = error
    await house.janitor.sweep()
    await house.janitor.sweep()
    assert (house.gate.writable, house.gate.may_ingest, house.sample("storage_writable")) == (False, False, 0)
    database.trouble = None
    await house.janitor.sweep()
    assert (house.gate.writable, house.opened, house.sample("storage_writable")) == (True, 1, 1)
    database.close()


def test_only_a_full_disk_shuts_the_gate_at_once() -> None:
    gate = Gate()
    gate.failed(StorageError("a deadlock"))
    assert gate.writable
    gate.failed(StorageFull("disk full"))
    assert not gate.writable


async def test_before_the_disk_is_full_nothing_new_is_taken_in(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(database, tmp_path)
    await house.janitor.sweep()
    assert house.gate.may_ingest
    monkeypatch.setattr(module, "LOW_WATER", 2**80)
    await house.janitor.sweep()
    assert (house.gate.low, house.gate.may_ingest, house.gate.writable) == (True, False, True)
    monkeypatch.setattr(module, "LOW_WATER", 0)
    await house.janitor.sweep()
    assert house.gate.may_ingest
    assert (house.sample("disk_free_bytes") or 0) > 0


async def test_dead_leases_and_expired_messages_are_swept_however_many(house: House, clock: MovableClock) -> None:
    await house.database.write(world.add_destinations, 700)

    def prepare(work: Work) -> None:
        for number in range(1, 701):
            world.queue(work, number, 2)
        for _ in range(7):
            world.take(work, room=100)

    await house.database.write(prepare)
    clock.advance(minutes=2)
    await house.janitor.sweep()
    assert house.sample("lease_expired_total") == 700
    clock.advance(days=5)
    await house.janitor.sweep()
    assert {row.state for row in await house.database.read(world.rows, Delivery)} == {"failed"}


async def test_a_clock_that_went_back_is_noticed_over_restarts(database: Database, clock: MovableClock) -> None:
    await House(database).janitor.sweep()
    await database.write(world.add_feed, due_at=clock.now + timedelta(minutes=5))
    clock.advance(days=-1)
    await House(database).janitor.sweep()
    clock.advance(minutes=5)
    assert await database.write(world.take_feeds)


async def test_retention_forgets_in_slices_and_keeps_what_is_young_or_unfinished(
    house: House, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0)
    await house.database.write(world.add_destinations, 600)

    def send(work: Work, number: int) -> None:
        for destination in range(1, 601):
            world.queue(work, destination, number)
        while due := world.take(work, room=5000).due:
            world.settle(work, due)

    await house.database.write(send, 3)
    clock.advance(days=31)
    await house.database.write(send, 1)
    await house.janitor.forget()
    assert await house.database.read(_count, Attempt) == 600
    assert await house.database.read(_count, Delivery) == 2400
    clock.advance(days=60)
    await house.janitor.forget()
    assert await house.database.read(_count, Delivery) == 600
    assert await house.database.read(_count, Attempt) == 0


def _count(work: Work, table: Any) -> int:
    return len(work.session.execute(table.__table__.select()).all())


async def test_gauges_show_the_queue(house: House, clock: MovableClock) -> None:
    await house.database.write(world.add_destinations, 1)
    await house.database.write(world.queue, 1, 3)
    clock.advance(seconds=20)
    await house.janitor.gauge()
    assert house.sample("outbox_rows", lane="webhook") == 3
    assert house.sample("outbox_rows", lane="chat") == 0
    assert house.sample("outbox_oldest_seconds") == 20


async def test_a_loop_that_is_held_up_is_seen(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    house.janitor.watch_loop()
    await asyncio.sleep(0.02)
    _hold_up(0.2)
    await asyncio.sleep(0.05)
    await house.janitor.gauge()
    assert (house.sample("event_loop_lag_seconds") or 0) > 0.1
    house.janitor.stop()


_hold_up: Callable[[float], None] = time.sleep


async def test_who_has_to_write_first_is_told_where_that_can_be_said(database: Database, clock: MovableClock) -> None:
    def wait_for_ann(work: Work) -> None:
        chats.happens(work, chats.says("hello", opens_window=True), channel="chat")
        own = world.rows(work, Destination)[-1]
        held.hold_rows(work, world.queue(work, own.id, 1, "chat", account=own.account_id), held.WINDOW_CLOSED)

    def nudges(work: Work) -> int:
        return len(world.rows(work, Delivery, event="nudge"))

    database.run(wait_for_ann)
    clock.advance(minutes=2)
    await House(database).janitor.sweep()
    assert database.look(nudges) == 0
    for _ in range(2):
        await House(database, nudging=["chat"]).janitor.sweep()
    assert database.look(nudges) == 1


async def test_what_was_held_in_vain_ends_as_such(house: House, clock: MovableClock) -> None:
    def wait(work: Work) -> None:
        world.add_destinations(work, 1, "chat")
        held.hold_rows(work, world.queue(work, 1, 2, "chat"), held.WINDOW_CLOSED)

    house.database.run(wait)
    clock.advance(days=7)
    await house.janitor.sweep()
    assert {one.error for one in house.database.look(world.rows, Delivery)} == {"window closed"}


async def test_what_a_deleted_account_had_goes_in_slices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def populate(work: Work) -> None:
        world.add_destinations(work, 1)
        world.queue(work, 1, 5)
        accounts.delete(work, COMMAND_LINE, 1)

    await house.database.write(populate)
    monkeypatch.setattr(accounts, "SLICE", 2)
    monkeypatch.setattr(module, "ERASED_A_SWEEP", 2)
    await house.janitor.sweep()
    assert len(await house.database.read(world.rows, Delivery)) == 1
    await house.janitor.sweep()
    assert await house.database.read(world.rows, Delivery) == []
    assert (await house.database.read(world.row, Account, 1)).erased_at is not None
