"""Counting posts over several feeds: exact, by steps on an index, whatever other feeds there are."""

from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlmodel import col

from storage import messages, migrate
from storage.columns import to_micros
from storage.database import Database, Work
from storage.models import Post
from tests import world
from tests.clock import START

FEEDS = {1: [1, 4, 5, 9], 2: [2, 3], 3: [6, 7, 8], 4: []}


@pytest.fixture
def filled(database: Database) -> Database:
    """Posts with these ids; feeds 1, 3 and 4 are followed, and of them 4 is no source of messages."""
    database.run(_fill)
    return database


def _fill(work: Work) -> None:
    (destination,) = world.add_destinations(work, 1)
    for feed, ids in FEEDS.items():
        world.add_feed(work, feed, source="feed" if feed == 4 else "wechat", last_seq=len(ids))
        rows = [_post(work, feed, seq, id_) for seq, id_ in enumerate(ids, 1)]
        if rows:
            work.session.execute(insert(Post.__table__), rows)
    for feed in (1, 3, 4):
        world.subscribe(work, feed, [destination])


def _post(work: Work, feed: int, seq: int, id_: int) -> dict[str, Any]:
    same = {"uid": world.uid(id_), "digest": b"", "is_html": False, "found_at": work.now}
    return same | {"id": id_, "feed_id": feed, "seq": seq, "key": bytes([id_])}


def test_a_list_is_of_the_feeds_that_are_followed_and_ends_with_the_latest_post_of_all(filled: Database) -> None:
    def look(work: Work) -> messages.Lists:
        return messages.lists(work.session, 1, ("wechat",))

    found = filled.look(look)
    assert (sorted(found.feeds), found.total, found.top) == ([1, 3], 7, 9)
    filled.run(lambda work: work.session.execute(text("UPDATE subscriptions SET active = :no"), {"no": False}))
    assert filled.look(look) == messages.Lists([], 0, 0)


@pytest.mark.parametrize("feeds", [[1], [1, 3], [2, 4], [1, 2, 3, 4], [], [99]])
@pytest.mark.parametrize("upto", [0, 1, 3, 5, 8, 9, 10**12])
def test_posts_are_counted_up_to_an_id(filled: Database, feeds: list[int], upto: int) -> None:
    expected = sum(id_ <= upto for feed in feeds for id_ in FEEDS.get(feed, []))
    assert filled.look(lambda work: messages.count_up_to(work.session, feeds, upto)) == expected


def test_ids_between_two_are_those_of_the_feeds_alone(filled: Database) -> None:
    assert sorted(filled.look(lambda work: messages.between(work.session, [1, 3], 1, 7))) == [4, 5, 6, 7]


def test_the_first_post_since_a_time_is_found_though_a_clock_was_ahead(filled: Database) -> None:
    def look(work: Work) -> tuple[Any, ...]:
        at = to_micros(work.now)
        work.session.execute(update(Post).where(col(Post.id) == 3).values(found_at=work.now + world.MINUTE))
        lasts = [messages.last(work.session, id_) for id_ in (0, 100)]
        return (*lasts, *[messages.first(work.session, after, at + 1) for after in (0, 3)])

    now = to_micros(START)
    assert filled.run(look) == (None, (9, now), 3, None)


def test_sqlite_steps_to_what_it_counts(sqlite_url: str) -> None:
    """Found by a row of values, it would walk through all posts of the feed."""
    engine = migrate.open_any(sqlite_url)
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {messages._UP_TO._sqlite}", {"ids": "[1]", "id": 1})
        assert any("posts_feed (feed_id=? AND id<?)" in row[3] for row in plan)
    engine.dispose()
