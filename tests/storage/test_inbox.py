"""The inbox: each event once, in the order of its conversation, kept until it has had its effect."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from storage import inbox, statuses
from storage.database import Database, Work
from tests.clock import MovableClock
from tests.world import DAY, MINUTE


def store(work: Work, keys: Sequence[str], provider: str = "whatsapp", chat: str | None = None) -> int:
    """Events whose conversation is called as their key, unless another is named; returns how many are new."""
    rows = [
        {
            "provider": provider, "event_key": key, "chat": key if chat is None else chat, "raw": b"\x00raw\xff",
            "received_at": work.now, "due_at": work.now, "lease_token": None,
        }
        for key in keys
    ]  # fmt: skip
    return len(inbox.store(work.session, rows))


def take(work: Work) -> list[Any]:
    return list(inbox.take_chats(work.session, work.now, work.now + MINUTE, 10))


def take_loose(work: Work, limit: int = 10) -> list[Any]:
    return list(inbox.take_loose(work.session, work.now, work.now + MINUTE, limit))


def done(work: Work, event: Any) -> bool:
    return inbox.done(work.session, event.id, event.lease_token, work.now)


def forget(work: Work) -> int:
    return inbox.forget(work.session, work.now - 8 * DAY, 1000)


def keys(events: Sequence[Any]) -> list[str]:
    return [event.event_key for event in events]


def test_a_repeated_event_is_stored_once_per_provider(database: Database) -> None:
    assert [database.run(store, some) for some in ("aab", "a", "bc")] == [2, 0, 1]
    assert database.run(store, "a", "feishu") == 1


def test_events_come_out_as_they_came_in_oldest_first(database: Database) -> None:
    database.run(store, "cab")
    taken = database.run(take)
    assert keys(taken) == ["c", "a", "b"]
    assert {event.raw for event in taken} == {b"\x00raw\xff"}
    assert {event.tries for event in taken} == {1}
    assert database.run(take) == []


def test_a_conversation_is_worked_off_one_by_one_beside_others(database: Database, clock: MovableClock) -> None:
    database.run(store, "abc", chat="one")
    database.run(store, "xy", chat="two")
    database.run(store, "z", provider="feishu", chat="one")
    first, *others = database.run(take)
    assert keys([first, *others]) == ["a", "x", "z"]
    assert database.run(take) == []
    database.run(done, first)
    assert database.look(lambda work: inbox.more_of(work.session, "whatsapp", "one"))
    assert keys(database.run(take)) == ["b"]
    clock.advance(minutes=2)  # that worker died
    assert keys(database.run(take)) == ["b", "x", "z"]
    assert not database.look(lambda work: inbox.more_of(work.session, "whatsapp", "three"))


def test_what_belongs_to_no_conversation_has_no_order(database: Database) -> None:
    database.run(store, "abc", chat="")
    database.run(store, "x", chat="one")
    assert keys(database.run(take_loose, 2)) == ["a", "b"]
    [left] = database.run(take_loose)
    assert left.event_key == "c"
    assert keys(database.run(take)) == ["x"]


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (inbox._CHATS, ["inbox_due", "inbox_chat"]),
        (inbox._LOOSE, ["inbox_loose"]),
        (statuses._BY_MESSAGE, ["deliveries_message"]),
        (statuses._BY_UID, ["deliveries_uid"]),
    ],
)
def test_a_claim_looks_at_what_is_due_only(database: Database, statement: Any, indexes: list[str]) -> None:
    """Whatever lies in the tables besides: each step goes by an index of the few rows that matter."""
    if database.engine == "postgresql":  # it walks small tables whole
        return

    def plan(work: Work) -> str:
        known = {"now": work.now, "limit": 9, "channel": "c", "ids": ["a"], "uids": [UUID(int=1)]}
        dialect = work.session.get_bind().dialect
        compiled = statement.params(**known).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        values = tuple(1 for _ in compiled.positiontup)  # which they are makes no difference
        return str(work.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all())

    found = database.look(plan)
    assert all(f"INDEX {name} " in found for name in indexes), found


def test_what_is_done_never_comes_again_not_even_as_a_repeat(database: Database, clock: MovableClock) -> None:
    database.run(store, "a")
    [event] = database.run(take)
    assert database.run(done, event)
    assert not database.run(done, event)
    clock.advance(days=1)
    assert database.run(take) == []
    assert database.run(store, "a") == 0


def test_a_late_worker_ends_nothing(database: Database, clock: MovableClock) -> None:
    database.run(store, "a")
    [late] = database.run(take)
    clock.advance(minutes=2)
    [again] = database.run(take)
    assert not database.run(done, late)
    assert not database.run(lambda work: inbox.again(work.session, late.id, late.lease_token, work.now, "late"))
    assert database.run(lambda work: inbox.all_done(work.session, {late.id: late.lease_token}, work.now)) == set()
    assert database.run(done, again)


def test_many_end_at_once(database: Database) -> None:
    database.run(store, "abc", chat="")
    taken = database.run(take_loose)
    tokens = {event.id: event.lease_token for event in taken}
    assert database.run(lambda work: inbox.all_done(work.session, tokens, work.now)) == set(tokens)
    assert database.run(take_loose) == []


def test_a_failed_event_comes_again_at_its_time(database: Database, clock: MovableClock) -> None:
    database.run(store, "a")
    [event] = database.run(take)
    assert database.run(
        lambda work: inbox.again(work.session, event.id, event.lease_token, work.now + MINUTE, "no luck")
    )
    assert database.run(take) == []
    clock.advance(minutes=1)
    [again] = database.run(take)
    assert (again.tries, again.error) == (2, "no luck")


def test_what_was_never_begun_uses_no_try_up(database: Database) -> None:
    database.run(store, "a")
    [event] = database.run(take)
    database.run(lambda work: inbox.hand_back(work.session, {event.id: event.lease_token}, work.now))
    [again] = database.run(take)
    assert again.tries == 1


def test_at_a_start_all_leases_are_a_dead_process_s(database: Database) -> None:
    database.run(store, "ab")
    database.run(take)
    assert database.run(lambda work: inbox.release_all(work.session, work.now)) == 2
    assert keys(database.run(take)) == ["a", "b"]


def test_only_what_is_done_and_old_is_forgotten(database: Database, clock: MovableClock) -> None:
    database.run(store, "ab")
    finished, _ = database.run(take)
    database.run(done, finished)
    clock.advance(days=7)
    assert database.run(forget) == 0
    clock.advance(days=2)
    assert database.run(forget) == 1
    assert database.run(store, "a") == 1
    assert database.run(store, "b") == 0
