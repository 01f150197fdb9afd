"""Queries of feeds: settling under a lease, hosts' queues, what is in trouble."""

from typing import Any

import pytest

from storage import feeds, models
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.world import HOUR, MINUTE


@pytest.fixture
def two(database: Database) -> Database:
    database.run(world.add_feed, 1)
    database.run(world.add_feed, 2)
    return database


def take(work: Work, *ids: int) -> str:
    return feeds.take(work.session, ids, work.now + MINUTE)


def test_settling_changes_only_what_stands_under_its_token(two: Database) -> None:
    mine = two.run(take, 1)
    two.run(take, 2)
    rows = [{"_id": n, "_token": mine, "title": "settled"} for n in (1, 2)]
    two.run(lambda work: feeds.settle(work.session, rows))
    found = [(row.title, row.lease_token is None) for row in two.run(world.rows, models.Feed)]
    assert found == [("settled", True), ("", False)]


def test_rows_that_change_different_things_are_settled_together(two: Database, clock: MovableClock) -> None:
    token = two.run(take, 1, 2)
    rows: list[dict[str, Any]] = [
        {"_id": 1, "_token": token, "title": "a", "due_at": clock.now + HOUR},
        {"_id": 2, "_token": token, "fault": "dns"},
    ]
    two.run(lambda work: feeds.settle(work.session, rows))
    first, second = two.run(world.rows, models.Feed)
    assert (first.title, first.due_at, second.fault, second.title) == ("a", clock.now + HOUR, "dns", "")


def test_still_leased_tells_mine_from_others(two: Database) -> None:
    mine = two.run(take, 1)
    other = two.run(take, 2)
    assert two.run(lambda work: feeds.still_leased(work.session, {1: mine, 2: mine, 3: mine})) == {1: 0}
    assert two.run(lambda work: feeds.still_leased(work.session, {1: mine, 2: other})) == {1: 0, 2: 0}


def test_what_runs_is_counted_per_host_while_its_lease_lasts(two: Database, clock: MovableClock) -> None:
    hosts = [row.host for row in two.run(world.rows, models.Feed)]
    two.run(take, 1)
    assert two.run(lambda work: dict(feeds.running(work.session, hosts, work.now))) == {hosts[0]: 1}
    clock.advance(minutes=2)
    assert two.run(lambda work: dict(feeds.running(work.session, hosts, work.now))) == {}


def test_a_hosts_queue_is_made_and_replaced(two: Database, clock: MovableClock) -> None:
    for wait in (MINUTE, HOUR):
        row = {"name": "h", "free_at": clock.now + wait, "blocked_until": None}
        two.run(_save_host, row)
    [host] = two.run(lambda work: feeds.hosts(work.session, ["h", "unknown"]))
    assert (host.free_at, host.blocked_until) == (clock.now + HOUR, None)


def _save_host(work: Work, row: dict[str, Any]) -> None:
    feeds.save_hosts(work.session, [row])


def test_a_block_leaves_a_longer_one_and_given_turns_alone(two: Database, clock: MovableClock) -> None:
    queue = {"name": "h", "free_at": clock.now + 2 * HOUR, "blocked_until": clock.now + HOUR}
    two.run(_save_host, queue)
    two.run(lambda work: feeds.block_hosts(work.session, {"h": work.now + MINUTE, "new": work.now + MINUTE}))
    known, new = two.run(lambda work: feeds.hosts(work.session, ["h", "new"]))
    assert (known.free_at, known.blocked_until) == (clock.now + 2 * HOUR, clock.now + HOUR)
    assert (new.free_at, new.blocked_until) == (clock.now + MINUTE, clock.now + MINUTE)


def test_feeds_are_found_by_their_names(two: Database) -> None:
    key = two.run(world.row, models.Feed, 1).key
    found = two.run(lambda work: feeds.by_key(work.session, "feed", key))
    assert found is not None
    assert found.id == 1
    assert two.run(lambda work: feeds.by_key(work.session, "x", key)) is None
    assert set(two.run(lambda work: feeds.of_keys(work.session, "feed", [key, "unknown"]))) == {key}


def test_what_is_in_trouble_comes_the_longest_first(database: Database, clock: MovableClock) -> None:
    for number, fields in enumerate(
        (
            {"failures": 1, "failing_since": clock.now},
            {"failures": 9, "failing_since": clock.now - HOUR},
            {},
            {"state": "paused", "failures": 3},
        ),
        1,
    ):
        database.run(world.add_feed, number, **fields)
    assert [feed.id for feed in database.run(lambda work: feeds.in_trouble(work.session, 10))] == [2, 1]
