"""Sources that bring only what is new, in portions: nothing is concluded from what a page does not hold."""

from datetime import timedelta

import pytest

from adapters.base import Page
from bot.usecases import feeds
from storage import models
from storage.database import Database
from tests import world
from tests.clock import MovableClock
from tests.world import DAY, MINUTE, item, page


@pytest.fixture
def followed(database: Database) -> Database:
    """Feed 1, read before, with a subscriber."""
    database.run(world.add_feed, 1)
    database.run(world.add_destinations, 1)
    database.run(world.subscribe, 1, [1])
    return database


def poll(database: Database, clock: MovableClock, result: Page, after: timedelta = MINUTE) -> models.Feed:
    clock.advance(after)
    database.run(world.record, database.run(feeds.hurry, 1, world.INTERVAL), result)
    row: models.Feed = database.run(world.row, models.Feed, 1)
    return row


def events(database: Database) -> list[str]:
    """Of what was queued: empty for posts."""
    return [row.event for row in database.run(world.rows, models.Delivery)]


def test_many_new_posts_and_no_known_one_are_no_flood(followed: Database, clock: MovableClock) -> None:
    old = clock() - DAY
    poll(followed, clock, page(*[item(n, published=old) for n in range(20)], complete=False))
    assert events(followed) == [""] * 20


def test_who_has_more_is_asked_again_at_once_and_does_not_count_as_read(
    followed: Database, clock: MovableClock
) -> None:
    read = followed.run(world.row, models.Feed, 1).last_success_at
    for result in (page(item(1), more=True), Page(cursor={"at": 2}, more=True)):
        feed = poll(followed, clock, result)
        assert (feed.due_at, feed.last_success_at) == (clock(), read)
    feed = poll(followed, clock, page(item(2)))
    assert feed.due_at > clock()
    assert feed.last_success_at == clock()


def test_a_backlog_in_portions_is_a_backlog_to_its_end(followed: Database, clock: MovableClock) -> None:
    poll(followed, clock, page(*map(item, range(20)), complete=False, more=True), after=DAY)
    poll(followed, clock, page(*map(item, range(20, 40)), complete=False))
    assert events(followed).count("") == 6
    assert events(followed).count("feed.digest") == 2


def test_what_a_page_remarks_shows_with_the_feed_until_the_next_has_nothing_to_say(
    followed: Database, clock: MovableClock
) -> None:
    assert poll(followed, clock, page(item(1), note="a gap")).reason == "a gap"
    feed = poll(followed, clock, Page(cursor={"at": 2}, note="a gap"))
    assert (feed.reason, feed.failures) == ("a gap", 0)
    assert poll(followed, clock, Page(cursor={"at": 2})).reason == ""
