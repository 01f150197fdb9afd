"""From polls to posts and deliveries: all or nothing, each post announced once, people told once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
import pytest

from adapters.base import FeedFailed, FeedFault, FeedGone, FeedInfo, FeedThrottled, Page, Post, SourceError
from bot.usecases import feeds, posts, providers, retention, views
from storage import models
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.clock import MovableClock
from tests.world import DAY, HOUR, MINUTE, POLICY, SECOND, item, page

P = ParamSpec("P")
T = TypeVar("T")

BROKEN = FeedFailed(FeedFault.HTTP, "the server answered 500", status=500)
UNCHANGED = Page(cursor={"at": "same"})


class Newsroom:
    """Feeds, subscribers and a clock."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock, self.policy = database, clock, POLICY

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def due(self) -> feeds.DueFeed:
        """The feed under a lease, whenever it would be due."""
        return self.run(feeds.hurry, 1, world.INTERVAL)

    def poll(self, result: Page | SourceError, *, after: timedelta = 10 * MINUTE, **fields: Any) -> posts.Recorded:
        self.clock.advance(after)
        return self.run(world.record, self.due(), result, self.policy, **fields)

    def feed(self, number: int = 1) -> Any:
        return self.run(world.row, models.Feed, number)

    def posts(self) -> list[Any]:
        return self.run(world.rows, models.Post)

    def announced(self) -> list[tuple[int, str]]:
        """(destination, title) of deliveries of posts, in their order."""
        titles = {post.id: post.title for post in self.posts()}
        return [(row.destination_id, titles[row.post_id]) for row in self.run(world.rows, Delivery) if row.post_id]

    def notices(self) -> list[tuple[int, str]]:
        return [(row.destination_id, row.event) for row in self.run(world.rows, Delivery) if not row.post_id]


@pytest.fixture
def newsroom(database: Database, clock: MovableClock) -> Newsroom:
    """One feed with a stored post 0 and two subscribers."""
    newsroom = Newsroom(database, clock)
    newsroom.run(world.add_destinations, 2)
    newsroom.run(world.add_feed, 1, last_success_at=None)
    newsroom.run(world.subscribe, 1, [1, 2])
    newsroom.poll(page(item(0)))
    return newsroom


# New posts


def test_the_first_reading_is_stored_and_announces_nothing(newsroom: Newsroom) -> None:
    assert [post.title for post in newsroom.posts()] == ["Post 0"]
    assert newsroom.announced() == []


def test_an_empty_first_document_makes_the_first_ever_post_news(newsroom: Newsroom) -> None:
    newsroom.run(world.add_feed, 2, last_success_at=None)
    newsroom.run(world.subscribe, 2, [1])

    def poll(result: Page) -> None:
        newsroom.clock.advance(MINUTE)
        newsroom.run(world.record, newsroom.run(feeds.hurry, 2, world.INTERVAL), result)

    poll(page())
    poll(page(item("first ever")))
    assert newsroom.announced() == [(1, "Post first ever")]


def test_a_new_post_goes_to_every_subscriber_once(newsroom: Newsroom) -> None:
    assert newsroom.poll(page(item(0), item(1))) == posts.Recorded(posts=1, deliveries=2)
    for _ in range(3):
        assert newsroom.poll(page(item(0), item(1))) == posts.Recorded()
    assert newsroom.announced() == [(1, "Post 1"), (2, "Post 1")]


def test_posts_are_numbered_and_stored_whole(newsroom: Newsroom) -> None:
    fields = {
        "author": "Ann",
        "summary": "short",
        "is_html": False,
        "tags": ("a", "b"),
        "image": "https://example.org/i.png",
        "published": newsroom.clock.now - HOUR,
        "updated": newsroom.clock.now,
    }
    newsroom.poll(page(item(0), item(1, **fields), item(2)))
    assert [post.seq for post in newsroom.posts()] == [1, 2, 3]
    [stored] = newsroom.run(views.load, [(2, 1)]).values()
    assert (stored.title, stored.author, stored.summary, stored.tags) == ("Post 1", "Ann", "short", ("a", "b"))
    assert (stored.published_at, stored.updated_at) == (fields["published"], fields["updated"])
    assert (stored.seq, stored.version, stored.is_html, stored.feed_title) == (2, 1, False, "A feed")
    assert stored.found_at == newsroom.clock.now


def test_more_than_50_come_in_portions_and_the_cursor_waits_for_the_last(newsroom: Newsroom) -> None:
    document = page(item(0), *(item(n) for n in range(1, 121)), cursor="new")
    assert newsroom.poll(document).posts == 50
    assert newsroom.feed().cursor == '{"at":null}'
    assert newsroom.feed().due_at == newsroom.clock.now
    assert newsroom.poll(document, after=SECOND).posts == 50
    assert newsroom.poll(document, after=SECOND).posts == 20
    assert newsroom.feed().cursor == '{"at":"new"}'
    assert newsroom.feed().due_at > newsroom.clock.now
    told = [title for destination, title in newsroom.announced() if destination == 1]
    assert told == [f"Post {n}" for n in range(1, 121)]
    assert [post.seq for post in newsroom.posts()] == list(range(1, 122))


def test_what_a_source_must_not_forget_meanwhile_is_kept_halfway(newsroom: Newsroom) -> None:
    document = page(item(0), *(item(n) for n in range(1, 61)), cursor="new", halfway={"at": "half"})
    newsroom.poll(document)
    assert newsroom.feed().cursor == '{"at":"half"}'
    newsroom.poll(document, after=SECOND)
    assert newsroom.feed().cursor == '{"at":"new"}'


def test_what_stands_twice_in_a_document_is_one_post(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1), item(1), item(2)))
    assert [post.title for post in newsroom.posts()] == ["Post 0", "Post 1", "Post 2"]


def test_two_feeds_may_hold_the_same_post(newsroom: Newsroom) -> None:
    newsroom.run(world.add_feed, 2)
    newsroom.run(world.subscribe, 2, [1])

    def both(work: Work) -> posts.Recorded:
        due = [feeds.hurry(work, number, world.INTERVAL) for number in (1, 2)]
        return posts.record(work, [posts.Polled(one, page(item(0), item(1))) for one in due], POLICY)

    newsroom.clock.advance(MINUTE)
    assert newsroom.run(both).posts == 3
    assert sorted(newsroom.announced()) == [(1, "Post 0"), (1, "Post 1"), (1, "Post 1"), (2, "Post 1")]


def test_a_post_that_vanished_and_came_back_is_old(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    newsroom.poll(page(item(0)))
    newsroom.poll(page())
    assert newsroom.poll(page(item(0), item(1))) == posts.Recorded()


def test_an_emptied_post_is_still_known(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    newsroom.clock.advance(days=100)
    while newsroom.run(retention.forget, 90 * DAY):
        pass
    assert [(post.content, post.title) for post in newsroom.posts()][1] == ("", "Post 1")
    assert newsroom.poll(page(item(0), item(1))) == posts.Recorded()


def test_new_identifiers_with_the_same_links_are_the_same_posts(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    before = newsroom.posts()
    migrated = [msgspec.structs.replace(item(n), key=item(f"new {n}").key) for n in range(2)]
    assert newsroom.poll(page(*migrated, item(2))).posts == 1
    assert newsroom.poll(page(*migrated, item(2))).posts == 0
    assert [post.uid for post in newsroom.posts()][:2] == [post.uid for post in before]
    unlinked = msgspec.structs.replace(migrated[0], link_key=None)
    assert newsroom.poll(page(unlinked, item(2))).posts == 0  # now known by the new key


def test_ended_subscriptions_and_disabled_destinations_get_nothing(newsroom: Newsroom) -> None:
    def change(work: Work) -> None:
        first = work.session.get(models.Subscription, 1)
        second = work.session.get(models.Destination, 2)
        assert first
        assert second
        first.active, second.disabled_at = False, work.now

    newsroom.run(change)
    assert newsroom.poll(page(item(0), item(1))) == posts.Recorded(posts=1)


def test_each_lane_has_its_own_time_limit(newsroom: Newsroom) -> None:
    newsroom.run(world.add_destinations, 1, "chat", first=3)
    newsroom.run(world.subscribe, 1, [3])
    newsroom.poll(page(item(0), item(1)))
    rows = newsroom.run(world.rows, Delivery)
    assert [(row.lane, row.expires_at - newsroom.clock.now) for row in rows] == [
        ("webhook", 4 * DAY),
        ("webhook", 4 * DAY),
        ("chat", DAY),
    ]


def test_a_backlog_after_an_outage_is_summed_up(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), *(item(n) for n in range(1, 81))), after=7 * HOUR)
    told = [title for destination, title in newsroom.announced() if destination == 1]
    assert told == ["Post 78", "Post 79", "Post 80"]
    assert newsroom.notices() == [(1, "feed.digest"), (2, "feed.digest")]
    [text, _] = [row.text for row in newsroom.run(world.rows, Delivery) if not row.post_id]
    assert "77 more posts" in text
    assert len(newsroom.posts()) == 81
    assert newsroom.poll(page(item(0), *(item(n) for n in range(1, 81)))) == posts.Recorded()


def test_a_replaced_feed_floods_nobody_and_tells_the_operator_once(newsroom: Newsroom) -> None:
    newsroom.run(world.add_destinations, 1, first=9)
    newsroom.policy = replace(POLICY, operator_destination=9)
    document = [item(f"foreign {n}", published=newsroom.clock.now - DAY) for n in range(100)]
    for _ in range(4):
        newsroom.poll(page(*document))
    assert newsroom.announced() == []
    assert newsroom.notices() == [(9, "operator.notice")]
    assert len(newsroom.posts()) == 101


# All or nothing


def test_nothing_is_kept_when_anything_fails(newsroom: Newsroom) -> None:
    before = newsroom.feed()

    def fail_at_the_end(work: Work) -> None:
        due = feeds.hurry(work, 1, world.INTERVAL)
        world.record(work, due, page(item(0), item(1), cursor="new"))
        raise KeyError("crash")

    with pytest.raises(KeyError):
        newsroom.run(fail_at_the_end)
    assert newsroom.feed() == before
    assert newsroom.announced() == []
    assert newsroom.poll(page(item(0), item(1), cursor="new")).deliveries == 2


def test_a_poll_that_comes_too_late_keeps_nothing(newsroom: Newsroom) -> None:
    late = newsroom.due()
    newsroom.clock.advance(minutes=3)
    [again] = newsroom.run(world.take_feeds)
    before = newsroom.feed()
    for result in (
        page(item(0), item(1), cursor="late"),
        BROKEN,
        UNCHANGED,
        FeedGone("410"),
        FeedThrottled("429", HOUR),
    ):
        assert newsroom.run(world.record, late, result) == posts.Recorded(late=1)
    assert newsroom.feed() == before
    assert newsroom.run(lambda work: world.record(work, again, page(item(0), item(1)))).posts == 1


def test_a_batch_keeps_the_polls_that_are_in_time(newsroom: Newsroom) -> None:
    newsroom.run(world.add_feed, 2)
    late = newsroom.due()
    newsroom.clock.advance(minutes=3)
    newsroom.run(feeds.hurry, 1, world.INTERVAL)
    other = newsroom.run(feeds.hurry, 2, world.INTERVAL)
    polls = [posts.Polled(late, page(item("late"))), posts.Polled(other, page(item("in time")))]
    recorded = newsroom.run(posts.record, polls, POLICY)
    assert (recorded.posts, recorded.late) == (1, 1)
    assert [post.title for post in newsroom.posts()] == ["Post 0", "Post in time"]


def test_wakes_the_dispatcher_only_when_something_was_queued(newsroom: Newsroom) -> None:
    def wakes(work: Work, document: Page) -> set[str]:
        world.record(work, feeds.hurry(work, 1, world.INTERVAL), document)
        return work.wakes

    assert newsroom.run(wakes, page(item(0))) == set()
    assert newsroom.run(wakes, page(item(0), item(1))) == {"deliveries"}


# Edits


def edited(title: str = "Post 1", content: str = "<p>Another text.</p>") -> Post:
    return item(1, title=title, content=content)


def test_an_edit_makes_a_version_and_a_queued_delivery_still_shows_the_old_one(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    newsroom.poll(page(item(0), edited()), after=11 * MINUTE)
    [delivery, _] = newsroom.run(world.rows, Delivery)
    old = newsroom.run(views.load, [(delivery.post_id, delivery.post_version)])
    assert [views.shown(one, 100).text for one in old.values()] == ["The text of 1."]
    both = newsroom.run(views.load, [(delivery.post_id, 1), (delivery.post_id, 2)])
    assert {version: one.content for (_, version), one in both.items()} == {
        1: "<p>The text of 1.</p>",
        2: "<p>Another text.</p>",
    }
    assert newsroom.posts()[1].version == 2
    assert newsroom.posts()[1].edited_at == newsroom.clock.now


def test_an_edit_is_not_announced(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    assert newsroom.poll(page(item(0), edited()), after=HOUR) == posts.Recorded()
    assert len(newsroom.announced()) == 2


def test_edits_within_ten_minutes_of_each_other_wait(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    newsroom.poll(page(item(0), edited("second")), after=9 * MINUTE)
    assert newsroom.posts()[1].version == 1
    newsroom.poll(page(item(0), edited("second")), after=2 * MINUTE)
    assert (newsroom.posts()[1].version, newsroom.posts()[1].title) == (2, "second")
    newsroom.poll(page(item(0), edited("third")), after=9 * MINUTE)
    newsroom.poll(page(item(0), edited("fourth")), after=2 * MINUTE)
    assert (newsroom.posts()[1].version, newsroom.posts()[1].title) == (3, "fourth")


@pytest.mark.parametrize(
    "content",
    [
        "<div><p>The   text of <b>1</b>.</p></div>",
        '<p class="x">The text of 1.</p>',
        "<p>THE TEXT of 1. 12 comments</p>",
    ],
)
def test_what_changes_only_markup_or_counters_is_no_edit(newsroom: Newsroom, content: str) -> None:
    newsroom.poll(page(item(0), item(1)))
    for _ in range(2):
        newsroom.poll(page(item(0), edited(content=content)), after=HOUR)
    assert newsroom.posts()[1].version == 1


def test_superseded_versions_are_forgotten_when_no_delivery_can_want_them(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1)))
    newsroom.poll(page(item(0), edited()), after=HOUR)
    newsroom.clock.advance(days=7)
    newsroom.run(retention.forget, 90 * DAY)
    assert len(newsroom.run(views.load, [(2, 1), (2, 2)])) == 2
    newsroom.clock.advance(days=2)
    newsroom.run(retention.forget, 90 * DAY)
    assert list(newsroom.run(views.load, [(2, 1), (2, 2)])) == [(2, 2)]


# How the feed fares


def test_a_reading_stores_what_the_feed_says_of_itself(newsroom: Newsroom) -> None:
    info = FeedInfo(title="New name", home="https://example.org/", language="de")
    newsroom.poll(page(item(0), cursor="c", info=info, not_before=30 * MINUTE))
    feed = newsroom.feed()
    assert (feed.title, feed.home, feed.language, feed.cursor) == (
        "New name",
        "https://example.org/",
        "de",
        '{"at":"c"}',
    )
    assert (feed.hint_seconds, feed.largest, feed.lease_token, feed.reserved_at) == (1800, 1, None, None)
    assert feed.last_success_at == feed.last_polled_at == newsroom.clock.now
    assert 27 * MINUTE <= feed.due_at - newsroom.clock.now <= 33 * MINUTE


def test_what_a_reading_left_out_counts_like_what_it_read(newsroom: Newsroom) -> None:
    published = [newsroom.clock.now - n * HOUR for n in range(9, 1, -1)]
    whole = [item(n, published=at) for n, at in enumerate(published)]
    newsroom.poll(page(*whole))
    before = newsroom.feed()
    assert (before.largest, before.rhythm_seconds, before.longest_gap_seconds) == (8, 900, 3600)
    recorded = newsroom.poll(page(item("news"), left_out=published))
    assert recorded == posts.Recorded(posts=1, deliveries=2)
    after = newsroom.feed()
    assert (after.largest, after.rhythm_seconds, after.longest_gap_seconds) == (9, 900, 3600)


def test_an_unchanged_document_is_a_success(newsroom: Newsroom) -> None:
    newsroom.poll(BROKEN)
    newsroom.poll(UNCHANGED)
    feed = newsroom.feed()
    assert (feed.failures, feed.failing_since, feed.fault, feed.reason) == (0, None, "", "")
    assert (feed.last_success_at, feed.cursor, feed.title) == (newsroom.clock.now, '{"at":"same"}', "A feed")


def test_a_failure_is_stored_and_keeps_the_cursor(newsroom: Newsroom) -> None:
    newsroom.poll(BROKEN)
    feed = newsroom.feed()
    assert (feed.failures, feed.failing_since, feed.fault, feed.reason) == (
        1,
        newsroom.clock.now,
        "http",
        "the server answered 500",
    )
    assert (feed.cursor, feed.lease_token) == ('{"at":null}', None)


def test_failing_and_recovering_is_told_once_each_to_every_subscriber(newsroom: Newsroom) -> None:
    for _ in range(7):
        newsroom.poll(BROKEN, after=HOUR)
    assert newsroom.notices() == [(1, "feed.failing"), (2, "feed.failing")]
    for result in (page(item(0)), UNCHANGED, page(item(0))):
        newsroom.poll(result)
    assert newsroom.notices()[2:] == [(1, "feed.recovered"), (2, "feed.recovered")]
    texts = [row.text for row in newsroom.run(world.rows, Delivery)]
    assert texts[0].startswith("A feed cannot be read: the server answered 500.")
    assert texts[2].startswith("A feed can be read again")


def test_a_short_trouble_is_told_to_nobody(newsroom: Newsroom) -> None:
    for result in (BROKEN, BROKEN, UNCHANGED, BROKEN, BROKEN, page(item(0))):
        newsroom.poll(result)
    assert newsroom.notices() == []


@pytest.mark.parametrize("answer", [UNCHANGED, page(item(0)), page(item(0), info=FeedInfo(title="Always another"))])
def test_a_feed_that_has_gone_quiet_is_told_once_whatever_it_answers(newsroom: Newsroom, answer: Page) -> None:
    dated = [item(n, published=newsroom.clock.now - n * DAY) for n in range(6, 0, -1)]
    newsroom.poll(page(item(0), *dated))
    told = len(newsroom.notices())
    for n in range(40):
        newsroom.poll(replace(answer, cursor={"at": n}), after=DAY / 4)
    assert newsroom.notices()[told:] == [(1, "feed.quiet"), (2, "feed.quiet")]
    newsroom.poll(BROKEN, after=HOUR)
    newsroom.poll(replace(answer, cursor={"at": "x"}), after=HOUR)
    assert len(newsroom.notices()) == told + 2  # a hiccup is no news either
    newsroom.poll(page(item(0), item("awake")), after=HOUR)
    for _ in range(40):
        newsroom.poll(UNCHANGED, after=DAY / 4)
    assert newsroom.notices()[told + 2 :] == [(1, "feed.quiet"), (2, "feed.quiet")]


def test_the_operator_hears_of_a_bridges_silence_once_with_what_to_do_and_of_its_end(newsroom: Newsroom) -> None:
    newsroom.run(world.add_destinations, 1, first=9)
    newsroom.policy = replace(POLICY, operator_destination=9)
    newsroom.run(world.add_feed, 2, last_success_at=None)
    advice = "wewe-rss: scan again"

    def poll(result: Page) -> None:
        for number in (1, 2):
            due = newsroom.run(feeds.hurry, number, world.INTERVAL)
            newsroom.run(world.record, due, result, newsroom.policy)

    def heard() -> list[str]:
        return [row.text for row in newsroom.run(world.rows, Delivery) if row.destination_id == 9]

    poll(page(*[item(n, published=newsroom.clock.now - n * DAY) for n in range(6, 0, -1)], if_silent=advice))
    poll(page(item("last", published=newsroom.clock.now), if_silent=advice))
    for _ in range(7):  # both stay still from now on; the bridge answers as if nothing were wrong
        newsroom.clock.advance(DAY)
        poll(replace(UNCHANGED, if_silent=advice))
    (told,) = heard()
    assert "brought nothing new since" in told
    assert "scan again" in told
    gap = [item(f"gap {n}", published=newsroom.clock.now - 2 * DAY) for n in range(8)]
    poll(page(*gap, item("now", published=newsroom.clock.now), if_silent=advice))
    assert len(heard()) == 2
    assert heard()[1].endswith("brings posts again.")
    titles = {title for _, title in newsroom.announced()}
    assert {"Post now", "Post gap 7"} <= titles
    assert "Post gap 0" not in titles  # it is in the summary
    assert newsroom.run(providers.troubled) == []


def test_a_source_of_others_that_is_silent_is_no_trouble_of_the_operators(newsroom: Newsroom) -> None:
    newsroom.run(world.add_destinations, 1, first=9)
    newsroom.policy = replace(POLICY, operator_destination=9)
    newsroom.poll(page(item(0), *[item(n, published=newsroom.clock.now - n * DAY) for n in range(6, 0, -1)]))
    for n in range(40):
        newsroom.poll(replace(UNCHANGED, cursor={"at": n}), after=DAY / 4)
    assert {where for where, event in newsroom.notices()} == {1, 2}


def test_what_is_gone_is_read_no_more_and_told_once(newsroom: Newsroom) -> None:
    newsroom.poll(FeedGone("the server answered 410"))
    assert newsroom.feed().state == "gone"
    newsroom.clock.advance(days=30)
    assert newsroom.run(world.take_feeds) == []
    assert newsroom.notices() == [(1, "feed.gone"), (2, "feed.gone")]


def test_a_feed_that_says_it_has_ended_is_read_no_more(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), item(1), ended=True))
    assert newsroom.feed().state == "gone"
    assert len(newsroom.announced()) == 2


def test_two_weeks_of_failures_disable_it(newsroom: Newsroom) -> None:
    for _ in range(20):
        newsroom.poll(BROKEN, after=DAY)
        if newsroom.feed().state != "active":
            break
    assert newsroom.feed().state == "disabled"
    assert newsroom.notices() == [
        (1, "feed.failing"),
        (2, "feed.failing"),
        (1, "feed.disabled"),
        (2, "feed.disabled"),
    ]


def test_our_own_outage_is_no_failure(newsroom: Newsroom) -> None:
    for _ in range(5):
        newsroom.poll(FeedFailed(FeedFault.DNS, "no such host"), ours=True)
    assert (newsroom.feed().failures, newsroom.notices()) == (0, [])


def test_a_rate_limit_blocks_the_host_for_all_its_feeds(newsroom: Newsroom) -> None:
    host = newsroom.feed().host
    newsroom.run(world.add_feed, 2, host=host)
    newsroom.poll(FeedThrottled("429", HOUR))
    assert newsroom.run(world.take_feeds) == []
    newsroom.clock.advance(minutes=59)
    assert newsroom.run(world.take_feeds) == []
    newsroom.clock.advance(minutes=5)
    assert newsroom.run(world.take_feeds)


def test_a_shorter_wish_does_not_shorten_a_block(newsroom: Newsroom) -> None:
    host = newsroom.feed().host
    newsroom.run(world.add_feed, 2, host=host)

    def both(work: Work) -> None:
        due = [feeds.hurry(work, number, world.INTERVAL) for number in (1, 2)]
        waits = (2 * HOUR, MINUTE)
        results = [posts.Polled(one, FeedThrottled("429", wait)) for one, wait in zip(due, waits, strict=True)]
        posts.record(work, results, POLICY)

    newsroom.run(both)
    newsroom.clock.advance(hours=1)
    assert newsroom.run(world.take_feeds) == []


def test_a_block_keeps_the_turns_that_were_given(newsroom: Newsroom) -> None:
    """A hundred feeds queue for a host; after the block nobody starts beside them."""
    host = newsroom.feed().host
    for number in range(2, 102):
        newsroom.run(world.add_feed, number, host=host)
    newsroom.run(world.take_feeds)
    free_at = newsroom.run(_host, host).free_at
    newsroom.run(lambda work: world.record(work, feeds.hurry(work, 1, world.INTERVAL), FeedThrottled("429", SECOND)))
    assert newsroom.run(_host, host).free_at >= free_at


def _host(work: Work, name: str) -> models.Host:
    host = work.session.get(models.Host, name)
    assert host
    return models.Host(**host.model_dump())


# Moved feeds


def test_a_moved_feed_is_followed_under_its_new_name(newsroom: Newsroom) -> None:
    newsroom.poll(page(item(0), moved_to="https://new.example.org/feed"), moved_host="https://new.example.org:443")
    feed = newsroom.feed()
    assert (feed.key, feed.host) == ("https://new.example.org/feed", "https://new.example.org:443")
    assert newsroom.poll(page(item(0), item(1))).deliveries == 2


def test_a_feed_that_moved_to_another_one_we_follow_stays(newsroom: Newsroom) -> None:
    newsroom.run(world.add_feed, 2)
    taken = newsroom.feed(2).key
    before = newsroom.feed().key
    newsroom.poll(page(item(0), moved_to=taken), moved_host="x")
    assert newsroom.feed().key == before


def test_two_feeds_that_move_to_one_address_at_once_break_nothing(newsroom: Newsroom) -> None:
    newsroom.run(world.add_feed, 2)

    def both(work: Work) -> None:
        moved = page(item(0), item(1), moved_to="https://new.example.org/feed")
        due = [feeds.hurry(work, number, world.INTERVAL) for number in (1, 2)]
        posts.record(work, [posts.Polled(one, moved, moved_host="h") for one in due], POLICY)

    newsroom.run(both)
    keys = {newsroom.feed(number).key for number in (1, 2)}
    assert "https://new.example.org/feed" in keys
    assert len(keys) == 2
