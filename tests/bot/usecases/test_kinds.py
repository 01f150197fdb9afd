"""Kinds of posts: reposts and replies go to those who ask for them, and are no news to anybody later."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from adapters.base import Found, Page
from bot.rules import options
from bot.rules.options import Options
from bot.usecases import feeds, subscriptions
from storage import models
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.world import HOUR, MINUTE, POLICY, item, page

P = ParamSpec("P")
T = TypeVar("T")
KEY = "2244994945"
FOUND = Found(KEY, page(item(0)))
EVERYTHING, REPOSTS, REPLIES = Options(reposts=True, replies=True), Options(reposts=True), Options(replies=True)


class Desk:
    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def subscribe(
        self, destination: int, wishes: Options | None = None, *, found: Found = FOUND, latest: bool = False
    ) -> subscriptions.Subscribed:
        return self.run(
            subscriptions.subscribe,
            account_id=1, destination_id=destination, source="x", host="x", policy=POLICY,
            default_interval=world.INTERVAL, wishes=wishes, found=found, latest=latest,
        )  # fmt: skip

    def poll(self, document: Page) -> Any:
        self.clock.advance(10 * MINUTE)
        return self.run(world.record, self.due(), document)

    def due(self) -> feeds.DueFeed:
        return self.run(feeds.hurry, 1, world.INTERVAL)

    def told(self, destination: int) -> list[str]:
        titles = {post.id: post.title for post in self.run(world.rows, models.Post)}
        return [titles[row.post_id] for row in self.run(world.rows, models.Delivery, destination_id=destination)]

    @property
    def wanted(self) -> frozenset[str]:
        """What a poll asks for beside ordinary posts."""
        return options.kinds(self.due().wants)


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    desk = Desk(database, clock)
    desk.run(world.add_destinations, 4)
    return desk


NEWS = page(item(0), item("a"), item("b", kind="repost"), item("c"), item("d", kind="reply"), item("e", kind="strange"))


def test_each_gets_what_it_asked_for_in_the_order_of_the_posts(desk: Desk) -> None:
    for destination, wishes in enumerate([None, REPOSTS, REPLIES, EVERYTHING], 1):
        desk.subscribe(destination, wishes)
    recorded = desk.poll(NEWS)
    assert [desk.told(destination) for destination in (1, 2, 3, 4)] == [
        ["Post a", "Post c"],
        ["Post a", "Post b", "Post c"],
        ["Post a", "Post c", "Post d"],
        ["Post a", "Post b", "Post c", "Post d"],
    ]
    assert (recorded.posts, recorded.deliveries) == (5, 12)


def test_what_was_not_wanted_when_it_came_is_not_news_later(desk: Desk) -> None:
    made = desk.subscribe(1)
    desk.poll(NEWS)
    desk.run(subscriptions.set_options, made.subscription.id, EVERYTHING)
    desk.poll(NEWS)
    assert desk.told(1) == ["Post a", "Post c"]
    desk.poll(page(item(0), item("f", kind="repost")))
    assert desk.told(1) == ["Post a", "Post c", "Post f"]


def test_a_feed_is_read_for_what_all_its_subscriptions_want_together(desk: Desk) -> None:
    first = desk.subscribe(1).subscription.id
    assert desk.wanted == frozenset()
    second = desk.subscribe(2, REPOSTS).subscription.id
    desk.subscribe(3, REPOSTS)
    assert desk.wanted == {"repost"}
    desk.run(subscriptions.set_options, first, REPLIES)
    assert desk.wanted == {"repost", "reply"}
    desk.run(subscriptions.unsubscribe, second)
    assert desk.wanted == {"repost", "reply"}
    desk.run(subscriptions.set_options, first, options.NONE)
    assert desk.wanted == {"repost"}
    desk.run(subscriptions.unsubscribe, 3)
    assert desk.wanted == frozenset()


def test_who_comes_back_still_wants_the_same_unless_they_say_otherwise(desk: Desk) -> None:
    made = desk.subscribe(1, REPOSTS).subscription.id
    desk.run(subscriptions.unsubscribe, made)
    assert desk.run(subscriptions.restore, made, 1)
    assert desk.wanted == {"repost"}
    desk.run(subscriptions.unsubscribe, made)
    desk.subscribe(1)
    assert desk.wanted == {"repost"}
    assert not desk.subscribe(1, options.NONE).new
    assert desk.wanted == frozenset()
    desk.poll(NEWS)
    assert desk.told(1) == ["Post a", "Post c"]


def test_the_latest_post_is_the_latest_of_those_that_are_wanted(desk: Desk) -> None:
    holds = Found(KEY, page(item("old"), item("passed on", kind="repost")))
    desk.subscribe(1, found=holds, latest=True)
    desk.subscribe(2, REPOSTS, found=holds, latest=True)
    assert (desk.told(1), desk.told(2)) == (["Post old"], ["Post passed on"])


def test_a_summary_after_an_outage_names_only_what_is_for_all(desk: Desk) -> None:
    desk.subscribe(1)
    desk.clock.advance(12 * HOUR)
    desk.poll(page(item(0), *(item(n, kind="reply" if n % 2 else "") for n in range(1, 13))))
    [summary] = [row for row in desk.run(world.rows, models.Delivery) if row.event == "feed.digest"]
    assert "4 more posts" in summary.text
    assert "Post 8" in summary.text
    assert "Post 7" not in summary.text
