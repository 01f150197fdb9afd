"""Queries of posts: identity by key and link, versions, retention."""

from datetime import timedelta
from typing import Any

import pytest

from storage import models, posts
from storage.database import Database, Work
from tests import world
from tests.clock import MovableClock
from tests.world import DAY


def values(work: Work, number: int, **fields: Any) -> dict[str, Any]:
    return {
        "uid": world.uid(number),
        "feed_id": 1,
        "seq": number,
        "key": b"key %d" % number,
        "link_key": b"link %d" % number,
        "digest": b"digest",
        "version": 1,
        "title": f"Post {number}",
        "content": "text",
        "summary": "short",
        "is_html": True,
        "found_at": work.now,
    } | fields


def add(work: Work, /, numbers: range, **fields: Any) -> None:
    posts.add(work.session, [values(work, number, **fields) for number in numbers])


@pytest.fixture
def stored(database: Database) -> Database:
    database.run(world.add_feed)
    database.run(add, range(1, 4))
    return database


def test_posts_are_found_by_key_and_by_link_in_any_number(stored: Database) -> None:
    keys = [b"key %d" % n for n in range(2000)]
    links = [b"link %d" % n for n in range(2000)]
    assert {row.id for row in stored.run(lambda work: posts.known(work.session, keys))} == {1, 2, 3}
    assert {row.key for row in stored.run(lambda work: posts.known_by_link(work.session, links[2:]))} == {
        b"key 2",
        b"key 3",
    }
    assert stored.run(lambda work: posts.known(work.session, [])) == []


def test_a_replaced_version_is_kept_beside_the_present_one(stored: Database, clock: MovableClock) -> None:
    clock.advance(hours=1)
    stored.run(lambda work: posts.replace(work.session, 1, {"title": "New", "content": "new"}, work.now))
    found = {(row.id, row.version): row.title for row in stored.run(_versions, [(1, 1), (1, 2), (2, 1), (9, 9)])}
    assert found == {(1, 1): "Post 1", (1, 2): "New", (2, 1): "Post 2"}
    assert stored.run(world.row, models.Post, 1).edited_at == clock.now


def _versions(work: Work, wanted: list[tuple[int, int]]) -> Any:
    return posts.versions(work.session, wanted)


def test_versions_of_many_posts_come_in_one_call(stored: Database) -> None:
    stored.run(add, range(4, 300))
    wanted = [(n, 1) for n in range(1, 300)]
    assert len(stored.run(_versions, wanted)) == 299


def test_texts_are_emptied_and_rows_stay(stored: Database, clock: MovableClock) -> None:
    clock.advance(days=40)
    stored.run(add, range(4, 5))
    first = stored.run(_forget_texts, 0, clock.now - 30 * DAY, 2)
    assert first == (2, 2)
    assert stored.run(_forget_texts, 2, clock.now - 30 * DAY, 2) == (1, 3)
    assert stored.run(_forget_texts, 3, clock.now - 30 * DAY, 2) == (0, 3)
    rows = stored.run(world.rows, models.Post)
    assert [(row.content, row.summary) for row in rows] == [("", "")] * 3 + [("text", "short")]


def _forget_texts(work: Work, after: int, before: Any, limit: int) -> tuple[int, int]:
    return posts.forget_texts(work.session, after, before, limit)


def test_the_newest_come_first(stored: Database) -> None:
    assert [row.seq for row in stored.run(lambda work: posts.newest(work.session, 1, 2))] == [3, 2]


def test_one_key_is_one_post(stored: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        stored.run(add, range(9, 10), key=b"key 1")


def test_forgotten_versions_leave_in_slices(stored: Database, clock: MovableClock) -> None:
    for _ in range(3):
        stored.run(lambda work: posts.replace(work.session, 1, {"title": "New"}, work.now))
    later = clock.now + timedelta(seconds=1)
    assert [stored.run(lambda work: posts.forget_versions(work.session, later, 2)) for _ in range(3)] == [2, 1, 0]
