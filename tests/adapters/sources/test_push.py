"""The source of feeds that are pushed: there is nothing to read, and items become posts or are refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.base import FeedNotFound, Source
from adapters.http import Egress, Outbound
from adapters.sources.push import Push, read

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


async def test_it_is_a_source_with_nothing_to_read() -> None:
    async with Outbound(Egress.parse(""), user_agent="test") as out:
        source: Source = Push(out)
        cursor = {"a": 1}
        page = await source.poll("push:1", cursor, NOW)
        assert (page.cursor, page.info, page.posts) == (cursor, None, ())
        assert source.host("push:1") == ""
        with pytest.raises(FeedNotFound, match="number"):
            await source.resolve("push:1", NOW)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"id": "1", "title": "a"}, {"id": 1, "title": "b", "url": "https://x.org/"}, True),
        ({"id": "1", "url": "https://x.org/"}, {"id": "2", "url": "https://x.org/"}, False),
        ({"url": "https://x.org/a"}, {"url": "http://X.org/a?utm_source=b#c", "title": "other"}, True),
        ({"title": "a", "text": "b"}, {"title": "a", "text": "b", "author": "c"}, True),
        ({"title": "a", "text": "b"}, {"title": "a", "text": "c"}, False),
        ({"id": "https://x.org/a", "title": "a"}, {"url": "https://x.org/a"}, False),
    ],
)
def test_what_makes_two_items_the_same_post(one: Any, other: Any, same: bool) -> None:
    assert (read(one, NOW).key == read(other, NOW).key) is same


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ("2026-03-02T10:00:00+02:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (1772438400, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_times_are_read_as_systems_write_them(published: Any, expected: datetime | None) -> None:
    assert read({"title": "a", "published": published}, NOW).published == expected


@pytest.mark.parametrize(
    "item",
    [
        {}, [], "x", None, 7, {"id": "1"}, {"title": {}}, {"title": ["a"]}, {"title": True},
        {"title": "a", "id": False},
        {"url": "ftp://x.org/"}, {"title": "a", "image": "javascript:1"}, {"title": "a", "published": "soon"},
        {"title": "a", "published": True}, {"title": "a", "published": 1e300}, {"title": "a", "published": -1},
        {"title": "  ", "text": "\0"}, {"title": "a", "published": {}},
    ],
)  # fmt: skip
def test_what_is_no_post_is_refused(item: Any) -> None:
    with pytest.raises(ValueError, match=r"item|text|address|time"):
        read(item, NOW)


def test_html_goes_before_text_and_both_are_bounded() -> None:
    post = read({"html": "<p>a</p>", "text": "b"}, NOW)
    assert (post.content, post.is_html) == ("<p>a</p>", True)
    post = read({"html": " ", "text": "b" * 100_000}, NOW)
    assert (len(post.content), post.is_html) == (65_536, False)
