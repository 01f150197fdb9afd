"""What the tests of the source `feed` share."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.base import (
    Cursor,
    FeedFailed,
    Page,
)
from adapters.sources.feeds import Feeds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def titles(page: Page) -> list[str]:
    return [post.title for post in page.posts]


def stored(cursor: Cursor) -> dict[str, Any]:
    """As it comes back from a database."""
    text = json.dumps(cursor)
    assert len(text.encode()) <= 2048
    back: dict[str, Any] = json.loads(text)
    return back


async def fault_of(feeds: Feeds, url: str, cursor: Cursor | None = None) -> FeedFailed:
    with pytest.raises(FeedFailed) as caught:
        await feeds.poll(url, cursor or {}, NOW)
    return caught.value
