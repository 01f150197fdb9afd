"""What the tests of this source share."""

import json
from collections.abc import Sequence
from typing import Any

from adapters.base import Cursor, Page, Post
from adapters.sources.x import X
from tests.clock import MovableClock

ORDINARY: frozenset[str] = frozenset()


def stored(cursor: Cursor) -> dict[str, Any]:
    """As it comes back from a database."""
    text = json.dumps(cursor)
    assert len(text.encode()) <= 4096
    back: dict[str, Any] = json.loads(text)
    return back


def texts(posts: Page | Sequence[Post]) -> list[str]:
    return [post.content for post in (posts.posts if isinstance(posts, Page) else posts)]


class Follower:
    """Follows one account as the poller does: with the cursor of the last poll."""

    def __init__(self, source: X, clock: MovableClock, kinds: frozenset[str] = ORDINARY) -> None:
        self.source, self.clock, self.kinds = source, clock, kinds
        self.key = ""
        self.cursor: Cursor = {}
        self.reads = 0
        self.seen: list[Post] = []

    async def follow(self, name: str) -> "Follower":
        found = await self.source.resolve(name, self.clock())
        self.key, self.cursor = found.key, stored(found.page.cursor)
        self.clock.advance(seconds=1)
        return self

    async def poll(self, *, seconds: float = 60) -> list[str]:
        """The texts of what came, after so much time."""
        self.clock.advance(seconds=seconds)
        return await self.poll_now()

    async def poll_now(self) -> list[str]:
        page = await self.source.poll_kinds(self.key, self.cursor, self.clock(), self.kinds)
        self.cursor = self.cursor if page.cursor is self.cursor else stored(page.cursor)
        self.reads += page.reads
        self.seen += page.posts
        self.key = page.moved_to or self.key
        return texts(page)
