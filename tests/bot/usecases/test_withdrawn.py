"""What its publisher takes back: nothing of its text is left, what is queued is not sent, and it does not come back."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from adapters.base import Page, TryAgain
from bot.errors import Conflict
from bot.usecases import deliveries, feeds, posts, views
from storage import models
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.world import HOUR, MINUTE, item, page

P = ParamSpec("P")
T = TypeVar("T")

TEXT = ("title", "content", "summary", "image", "extras")


class Desk:
    """A feed with two subscribers and a post that has been announced."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock
        self.run(world.add_destinations, 2)
        self.run(world.add_feed)
        self.run(world.subscribe, 1, [1, 2])
        fields = {"summary": "short", "image": "https://example.org/i.png", "tags": ("a",)}
        self.poll(page(item(1, **fields), item(2)))

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def poll(self, result: Page) -> posts.Recorded:
        self.clock.advance(10 * MINUTE)
        return self.run(world.record, self.run(feeds.hurry, 1, world.INTERVAL), result)

    def posts(self) -> list[Any]:
        return self.run(world.rows, models.Post)

    def states(self) -> list[tuple[int | None, str, str]]:
        rows = self.run(world.rows, models.Delivery)
        return [(row.post_id, row.state, row.error) for row in rows]


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Desk:
    return Desk(database, clock)


def taken_back(*names: int, **fields: Any) -> Page:
    return page(withdrawn=[item(name).key for name in names], **fields)


def test_its_text_is_gone_and_its_place_stays(desk: Desk) -> None:
    desk.poll(taken_back(1, 99))
    first, second = desk.posts()
    assert [getattr(first, name) for name in TEXT] == [""] * 5
    assert (first.seq, first.url, first.withdrawn_at) == (1, "https://example.org/1", desk.clock.now)
    assert (second.title, second.withdrawn_at) == ("Post 2", None)
    desk.poll(page(item(3)))
    assert [post.seq for post in desk.posts()] == [1, 2, 3]


def test_it_may_be_told_by_a_poll_that_read_no_document(desk: Desk) -> None:
    desk.poll(Page(cursor={}, withdrawn=[item(2).key]))
    assert [post.withdrawn_at is not None for post in desk.posts()] == [False, True]


def test_what_is_queued_for_it_is_not_sent(desk: Desk) -> None:
    desk.poll(taken_back(1))
    why = "withdrawn by its publisher"
    assert desk.states() == [(1, "failed", why), (1, "failed", why), (2, "ready", ""), (2, "ready", "")]
    assert [due.post_id for due in desk.run(world.take).due] == [2, 2]


@pytest.mark.parametrize("state", ["waiting", "held"])
def test_nor_is_what_waits(desk: Desk, state: str) -> None:
    def put_off(work: Work) -> None:
        work.session.execute(models.Delivery.__table__.update().values(state=state))

    desk.run(put_off)
    desk.poll(taken_back(1))
    assert [row[1] for row in desk.states()] == ["failed", "failed", state, state]


def test_what_is_being_sent_just_then_is_not_tried_again(desk: Desk) -> None:
    due = [one for one in desk.run(world.take).due if one.post_id == 1]
    desk.poll(taken_back(1))
    desk.run(world.settle, due, TryAgain("no answer", code="timeout"))
    desk.clock.advance(HOUR)
    assert 1 not in [one.post_id for one in desk.run(world.take).due]
    desk.run(deliveries.sweep, world.SCHEDULES)
    assert [row[1] for row in desk.states()][:2] == ["failed", "failed"]


def test_what_was_sent_stays_sent_and_is_not_sent_again(desk: Desk) -> None:
    desk.run(world.settle, desk.run(world.take).due)
    desk.poll(taken_back(1))
    assert {row[1] for row in desk.states()} == {"sent"}
    with pytest.raises(Conflict, match="withdrawn"):
        desk.run(deliveries.send_again, 1)


def test_no_version_of_it_can_be_shown(desk: Desk) -> None:
    desk.clock.advance(HOUR)
    desk.poll(page(item(1, content="<p>Otherwise.</p>"), item(2)))
    assert len(desk.run(views.load, [(1, 1), (1, 2)])) == 2
    desk.poll(taken_back(1))
    assert desk.run(views.load, [(1, 1), (1, 2)]) == {}
    assert [post.id for post in desk.run(posts.newest, 1, 10)] == [2]

    def versions(work: Work) -> list[str]:
        return list(work.session.execute(models.PostVersion.__table__.select()).scalars("content"))

    assert desk.run(versions) == [""]


def test_it_does_not_come_back(desk: Desk) -> None:
    desk.poll(taken_back(1))
    before = desk.posts()[0]
    desk.clock.advance(HOUR)
    desk.poll(page(item(1, content="<p>Restored, and otherwise.</p>"), item(2)))
    assert desk.posts()[0] == before
    desk.poll(taken_back(1))
    assert desk.posts()[0] == before


def test_taken_back_on_the_page_that_brings_it_it_is_stored_and_never_sent(desk: Desk) -> None:
    desk.poll(page(item(3), item(4), withdrawn=[item(3).key]))
    assert [row[:2] for row in desk.states()][4:] == [(3, "failed"), (3, "failed"), (4, "ready"), (4, "ready")]


def test_a_push_can_take_back_too(desk: Desk) -> None:
    def push(work: Work) -> None:
        feed = feeds.locked(work, 1, world.INTERVAL)
        assert feed
        posts.push(work, feed, taken_back(2), world.POLICY)

    desk.run(push)
    assert [post.withdrawn_at is not None for post in desk.posts()] == [False, True]


def test_posts_of_other_feeds_are_not_touched(desk: Desk) -> None:
    desk.run(world.add_feed, 2)
    desk.run(world.subscribe, 2, [1])
    desk.clock.advance(MINUTE)
    desk.run(world.record, desk.run(feeds.hurry, 2, world.INTERVAL), page(item(1), item(7)))
    desk.poll(taken_back(1))
    assert [post.withdrawn_at is not None for post in desk.posts()] == [True, False, False, False]
    assert [row[1] for row in desk.states()] == ["failed", "failed", "ready", "ready", "ready", "ready"]
