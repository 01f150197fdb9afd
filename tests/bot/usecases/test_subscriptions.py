"""Following a feed: the newcomer gets what comes later, once, and nobody else notices."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from adapters.base import FeedInfo, Found, Page
from bot.errors import Conflict, Invalid, NotFound
from bot.rules.options import Options
from bot.usecases import feeds, subscriptions
from bot.usecases.subscriptions import Subscribed
from storage import models
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.clock import MovableClock
from tests.world import DAY, HOUR, MINUTE, POLICY, item, page

P = ParamSpec("P")
T = TypeVar("T")
KEY, HOST = "https://example.org/feed", "https://example.org:443"


class Desk:
    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def subscribe(self, destination: int, document: Page, *, latest: bool = False, account: int = 1) -> Subscribed:
        return self.run(
            subscriptions.subscribe,
            account_id=account,
            destination_id=destination,
            source="feed",
            found=Found(KEY, document),
            host=HOST,
            policy=POLICY,
            default_interval=world.INTERVAL,
            latest=latest,
        )

    def poll(self, document: Page) -> None:
        self.clock.advance(10 * MINUTE)
        self.run(world.record, self.run(feeds.hurry, 1, world.INTERVAL), document)

    def told(self) -> list[tuple[int, str]]:
        titles = {post.id: post.title for post in self.run(world.rows, models.Post)}
        return [(row.destination_id, titles[row.post_id]) for row in self.run(world.rows, Delivery)]


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    desk = Desk(database, clock)
    desk.run(world.add_destinations, 3)
    return desk


def test_a_first_subscription_stores_what_is_there_and_sends_what_comes(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0), item(1), info=FeedInfo(title="Name")))
    assert (made.new, made.latest_queued, made.feed.title, made.feed.host) == (True, False, "Name", HOST)
    assert desk.told() == []
    feed = desk.run(world.row, models.Feed, made.feed.id)
    assert feed.due_at > desk.clock.now
    assert (feed.last_seq, feed.lease_token) == (2, None)
    desk.poll(page(item(0), item(1), item(2)))
    assert desk.told() == [(1, "Post 2")]


def test_the_second_subscriber_gets_only_later_posts(desk: Desk) -> None:
    desk.subscribe(1, page(item(0)))
    desk.poll(page(item(0), item(1)))
    desk.subscribe(2, page(item(0), item(1)))
    assert desk.told() == [(1, "Post 1")]
    desk.poll(page(item(0), item(1), item(2)))
    assert desk.told() == [(1, "Post 1"), (1, "Post 2"), (2, "Post 2")]


def test_latest_sends_the_newest_one_once(desk: Desk) -> None:
    assert desk.subscribe(1, page(item(0), item(1)), latest=True).latest_queued
    assert desk.subscribe(2, page(item(0), item(1)), latest=True).latest_queued
    assert not desk.subscribe(1, page(item(0), item(1)), latest=True).latest_queued
    assert desk.told() == [(1, "Post 1"), (2, "Post 1")]


def test_latest_of_an_empty_feed_is_nothing(desk: Desk) -> None:
    assert not desk.subscribe(1, page(), latest=True).latest_queued
    assert desk.told() == []


def test_subscribing_twice_is_one_subscription(desk: Desk) -> None:
    first = desk.subscribe(1, page(item(0)))
    again = desk.subscribe(1, page(item(0)))
    assert (first.new, again.new) == (True, False)
    assert again.subscription.id == first.subscription.id
    desk.poll(page(item(0), item(1)))
    assert desk.told() == [(1, "Post 1")]


def test_unsubscribing_ends_what_is_queued_and_what_would_come(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0)))
    desk.subscribe(2, page(item(0)))
    desk.poll(page(item(0), item(1)))
    desk.run(subscriptions.unsubscribe, made.subscription.id)
    desk.poll(page(item(0), item(1), item(2)))
    rows = [(row.destination_id, row.state, row.error_code) for row in desk.run(world.rows, Delivery)]
    assert rows == [(1, "failed", "unsubscribed"), (2, "ready", ""), (2, "ready", "")]
    with pytest.raises(NotFound):
        desk.run(subscriptions.unsubscribe, made.subscription.id)


def test_what_nobody_wants_is_not_read(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0)))
    desk.run(subscriptions.unsubscribe, made.subscription.id)
    desk.clock.advance(days=1)
    assert desk.run(world.take_feeds) == []


@pytest.mark.parametrize("away", [HOUR, 3 * DAY])
def test_who_comes_back_is_not_flooded_with_what_was_missed(desk: Desk, away: Any) -> None:
    made = desk.subscribe(1, page(item(0)))
    desk.run(subscriptions.unsubscribe, made.subscription.id)
    desk.clock.advance(away)
    missed = [item(n) for n in range(1, 31)]
    back = desk.subscribe(1, page(item(0), *missed))
    assert back.subscription.id == made.subscription.id
    assert back.new
    desk.poll(page(item(0), *missed))
    assert desk.told() == []
    desk.poll(page(item(0), *missed, item("after")))
    assert desk.told() == [(1, "Post after")]


def test_a_feed_that_was_given_up_is_read_again_when_somebody_subscribes(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0)))

    def give_up(work: Work) -> None:
        feed = work.session.get(models.Feed, made.feed.id)
        assert feed
        feed.state, feed.failures, feed.told, feed.failing_since = "disabled", 99, "disabled", work.now

    desk.run(give_up)
    desk.clock.advance(days=20)
    desk.subscribe(2, page(item(0)))
    feed = desk.run(world.row, models.Feed, made.feed.id)
    assert (feed.state, feed.failures, feed.told, feed.failing_since) == ("active", 0, "", None)
    desk.poll(page(item(0), item(1)))
    assert desk.told() == [(1, "Post 1"), (2, "Post 1")]


def test_anothers_destination_is_as_good_as_none(desk: Desk) -> None:
    desk.run(world.add_account, 2)
    with pytest.raises(NotFound):
        desk.subscribe(1, page(item(0)), account=2)
    with pytest.raises(NotFound):
        desk.subscribe(99, page(item(0)))
    assert desk.run(world.rows, models.Feed) == []


def test_an_unverified_destination_gets_nothing(desk: Desk) -> None:
    def unverify(work: Work) -> None:
        destination = work.session.get(models.Destination, 3)
        assert destination
        destination.verified_at = None

    desk.run(unverify)
    with pytest.raises(Invalid, match="not verified"):
        desk.subscribe(3, page(item(0)))


def test_two_accounts_may_want_the_same(desk: Desk) -> None:
    desk.run(world.add_destinations, 1, first=10, account=2)
    desk.subscribe(1, page(item(0)))
    desk.subscribe(10, page(item(0)), account=2)
    desk.poll(page(item(0), item(1)))
    rows = [(row.account_id, row.destination_id) for row in desk.run(world.rows, Delivery)]
    assert rows == [(1, 1), (2, 10)]


def test_each_destination_counts_its_subscriptions(desk: Desk) -> None:
    numbers = [desk.subscribe(to, page(item(0))).subscription.number for to in (1, 2, 1)]
    assert numbers == [1, 1, 1]
    named = {f"https://example.org/{n}": (HOST, f"Feed {n}") for n in (1, 2)}
    made = desk.run(subscriptions.subscribe_unread, 1, 1, "feed", named)
    assert [desk.run(world.row, models.Subscription, one).number for one in made] == [2, 3]
    assert desk.run(subscriptions.subscribe_unread, 1, 1, "feed", named) == []
    desk.run(subscriptions.unsubscribe, made[0])
    assert desk.run(subscriptions.subscribe_unread, 1, 1, "feed", named | {KEY: (HOST, "")}) == made[:1]
    assert desk.run(world.row, models.Subscription, made[0]).number == 2
    assert {row.state for row in desk.run(world.rows, models.Feed)} == {"active"}


def test_what_is_moved_goes_there_from_then_on_with_its_wishes_and_pause(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0))).subscription.id
    desk.run(subscriptions.set_options, made, Options(replies=True))
    until = desk.clock.now + DAY
    desk.run(subscriptions.pause, [made], until)
    moved = desk.run(subscriptions.move, made, 2)
    assert (moved.destination_id, moved.paused_until, moved.wants) == (2, until, 2)
    desk.run(subscriptions.resume, [moved.id])
    desk.poll(page(item(0), item(1), item(2, kind="reply")))
    assert desk.told() == [(2, "Post 1"), (2, "Post 2")]
    with pytest.raises(NotFound):
        desk.run(subscriptions.move, made, 3)
    back = desk.run(subscriptions.move, moved.id, 1)
    assert back.id == made
    there = desk.subscribe(3, page()).subscription.id
    with pytest.raises(Conflict):
        desk.run(subscriptions.move, there, 1)


def test_an_end_is_taken_back_only_where_it_was(desk: Desk) -> None:
    made = desk.subscribe(1, page(item(0))).subscription.id
    assert not desk.run(subscriptions.restore, made, 1)  # it has not ended
    desk.run(subscriptions.unsubscribe, made)
    assert not desk.run(subscriptions.restore, made, 2)
    assert desk.run(subscriptions.restore, made, 1)
    desk.poll(page(item(0), item(1)))
    assert desk.told() == [(1, "Post 1")]
