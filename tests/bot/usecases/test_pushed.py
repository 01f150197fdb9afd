"""Pushed posts: announced like polled ones, once each, beside polls and without taking anything from them."""

from typing import Any

import pytest

from bot.usecases import feeds, posts, pushed
from storage import models
from storage.database import Database
from tests import world
from tests.clock import MovableClock
from tests.world import HOUR, INTERVAL, POLICY, item, page


@pytest.fixture
def followed(database: Database) -> Database:
    """Feed 1 with two subscribers."""
    database.run(world.add_destinations, 2)
    database.run(world.add_feed, 1)
    database.run(world.subscribe, 1, [1, 2])
    return database


def receive(database: Database, *some: Any) -> list[str]:
    return list(database.run(pushed.receive, 1, some, POLICY, INTERVAL).results)


def stored(database: Database) -> list[tuple[int, str]]:
    return [(row.seq, row.title) for row in database.run(world.rows, models.Post)]


def test_a_pushed_post_goes_to_all_subscribers_once(followed: Database) -> None:
    assert receive(followed, item(1)) == ["created"]
    assert receive(followed, item(1)) == ["unchanged"]
    assert [row.destination_id for row in followed.run(world.rows, models.Delivery)] == [1, 2]


def test_a_hundred_at_once_are_all_announced_though_none_was_known(followed: Database) -> None:
    assert receive(followed, *map(item, range(100))) == ["created"] * 100
    assert len(followed.run(world.rows, models.Delivery)) == 200
    assert stored(followed)[-1] == (100, "Post 99")


def test_what_comes_twice_in_one_push_is_one_post(followed: Database) -> None:
    assert receive(followed, item(1), item(1), item(2)) == ["created", "unchanged", "created"]


def test_an_edit_takes_effect_at_once(followed: Database) -> None:
    receive(followed, item(1))
    assert receive(followed, item(1, title="Better")) == ["updated"]
    assert stored(followed) == [(1, "Better")]
    assert len(followed.run(world.rows, models.Delivery)) == 2


def test_other_posts_with_the_same_link_are_other_posts(followed: Database) -> None:
    link = item(0).link_key
    receive(followed, item(1, link_key=link))
    assert receive(followed, item(2, link_key=link)) == ["created"]


def test_what_has_no_identifier_is_known_by_its_link(followed: Database) -> None:
    receive(followed, item(1))
    assert receive(followed, item(9, link_key=item(1).link_key, has_id=False, title="Post 1", url=item(1).url)) != [
        "created"
    ]
    assert len(stored(followed)) == 1


def test_after_a_long_silence_nothing_is_held_back(followed: Database, clock: MovableClock) -> None:
    clock.advance(90 * HOUR)
    receive(followed, *map(item, range(9)))
    assert len(followed.run(world.rows, models.Delivery)) == 18


def test_polling_goes_on_as_if_nothing_had_been_pushed(followed: Database) -> None:
    before = followed.run(world.row, models.Feed, 1)
    receive(followed, item(1))
    after = followed.run(world.row, models.Feed, 1)
    assert (after.cursor, after.due_at, after.last_success_at) == (
        before.cursor,
        before.due_at,
        before.last_success_at,
    )


def test_a_poll_under_way_keeps_its_lease_and_numbers_its_posts_behind_the_pushed(followed: Database) -> None:
    due = followed.run(feeds.hurry, 1, INTERVAL)
    receive(followed, item(1), item(2))
    recorded = followed.run(world.record, due, page(item(1), item(2), item(3)))
    assert recorded == posts.Recorded(posts=1, deliveries=2)
    assert stored(followed) == [(1, "Post 1"), (2, "Post 2"), (3, "Post 3")]
    assert followed.run(world.row, models.Feed, 1).last_seq == 3


def test_a_feed_that_is_no_more_takes_nothing(followed: Database) -> None:
    assert list(followed.run(pushed.receive, 99, [item(1)], POLICY, INTERVAL).results) == []
