"""What a message shows of a post: one stored version of it, rendered within a channel's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adapters.base import PostView
from bot.rules import rendering
from storage import posts
from storage.database import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A post in one version, with what its feed is called: all that a message can show."""

    uid: UUID
    seq: int
    version: int
    feed_uid: UUID
    feed_title: str
    feed_key: str
    feed_home: str
    source: str
    title: str
    url: str
    author: str
    content: str
    is_html: bool
    summary: str
    base: str
    image: str
    tags: tuple[str, ...]
    published_at: datetime | None
    updated_at: datetime | None
    found_at: datetime


def address(key: str, home: str) -> str:
    """Where people find a feed: its address, or its page where the key is a platform's own name for it."""
    return key if "://" in key else home


def load(work: Work, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Stored]:
    """Posts by (id, version)."""
    rows = posts.versions(work.session, wanted)
    return {(row.id, row.version): _stored(row) for row in rows}


def _stored(row: Any) -> Stored:
    tags = msgspec.json.decode(row.extras).get("tags", ()) if row.extras else ()
    same = {name: getattr(row, name) for name in _SAME}
    return Stored(**same, feed_key=row.key, tags=tuple(tags), is_html=bool(row.is_html))


_SAME = [
    "uid",
    "seq",
    "version",
    "feed_uid",
    "feed_title",
    "feed_home",
    "source",
    "title",
    "url",
    "author",
    "content",
    "summary",
    "base",
    "image",
    "published_at",
    "updated_at",
    "found_at",
]


def shown(stored: Stored, limit: int) -> PostView:
    """The post as messages of a channel show it; ``limit``: characters of text."""
    rendition = rendering.view(
        title=stored.title,
        content=stored.content,
        is_html=stored.is_html,
        summary=stored.summary,
        base=stored.base or stored.url,
        url=stored.url,
        limit=limit,
    )
    return PostView(
        id=str(stored.uid),
        seq=stored.seq,
        version=stored.version,
        feed_id=str(stored.feed_uid),
        feed_title=stored.feed_title,
        feed_url=address(stored.feed_key, stored.feed_home),
        source=stored.source,
        title=rendition.title,
        text=rendition.text,
        url=stored.url,
        author=stored.author,
        published=stored.published_at,
        updated=stored.updated_at,
        found=stored.found_at,
        image=stored.image,
        tags=stored.tags,
    )
