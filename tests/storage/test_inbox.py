"""The inbox: each callback once, kept until it has had its effect."""

from typing import Any

from storage import inbox
from storage.database import Database, Work
from tests.clock import MovableClock
from tests.world import DAY, MINUTE


def store(work: Work, key: str, provider: str = "whatsapp") -> bool:
    return inbox.store(work.session, provider, key, b"\x00raw\xff", work.now)


def take(work: Work) -> list[Any]:
    return list(inbox.take_due(work.session, work.now, work.now + MINUTE, 10))


def done(work: Work, event: Any) -> bool:
    return inbox.done(work.session, event.id, event.lease_token, work.now)


def forget(work: Work) -> int:
    return inbox.forget(work.session, work.now - 8 * DAY, 1000)


def test_a_repeated_event_is_stored_once_per_provider(database: Database) -> None:
    assert [database.run(store, key) for key in ("a", "a", "b")] == [True, False, True]
    assert database.run(store, "a", "feishu")


def test_events_come_out_as_they_came_in_oldest_first(database: Database) -> None:
    for key in "cab":
        database.run(store, key)
    taken = database.run(take)
    assert [event.event_key for event in taken] == ["c", "a", "b"]
    assert {event.raw for event in taken} == {b"\x00raw\xff"}
    assert database.run(take) == []


def test_what_is_done_never_comes_again_not_even_as_a_repeat(database: Database, clock: MovableClock) -> None:
    database.run(store, "a")
    [event] = database.run(take)
    assert database.run(done, event)
    assert not database.run(done, event)
    clock.advance(days=1)
    assert database.run(take) == []
    assert not database.run(store, "a")


def test_a_late_worker_ends_nothing(database: Database, clock: MovableClock) -> None:
    database.run(store, "a")
    [late] = database.run(take)
    clock.advance(minutes=2)
    [again] = database.run(take)
    assert not database.run(done, late)
    assert database.run(done, again)


def test_only_what_is_done_and_old_is_forgotten(database: Database, clock: MovableClock) -> None:
    for key in "ab":
        database.run(store, key)
    finished, _ = database.run(take)
    database.run(done, finished)
    clock.advance(days=7)
    assert database.run(forget) == 0
    clock.advance(days=2)
    assert database.run(forget) == 1
    assert database.run(store, "a")
    assert not database.run(store, "b")
