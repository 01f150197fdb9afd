"""The form in which posts are stored: keys within all feeds, digests, rows."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.base import Post
from bot.clock import uuid7
from bot.rules import polling


def digest(post: Post) -> bytes:
    """Of what an edit would change; cheap, since it is taken of every item of every changed document."""
    text = "\0".join((post.title, post.url, post.content))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]  # in hardware: a third of blake2b's time


def key(feed_id: int, key: bytes) -> bytes:
    """Keys of one feed lie together, and no two feeds share one."""
    return feed_id.to_bytes(8, "big") + key


def row(feed_id: int, seq: int, fresh: polling.Fresh, now: datetime) -> dict[str, Any]:
    post = fresh.post
    return text(post) | {
        "uid": uuid7(now),
        "feed_id": feed_id,
        "seq": seq,
        "key": key(feed_id, post.key),
        "link_key": key(feed_id, post.link_key) if post.link_key else None,
        "digest": fresh.digest,
        "version": 1,
        "kind": post.kind,
        "found_at": now,
    }


def text(post: Post) -> dict[str, Any]:
    extras = {"tags": post.tags, "enclosures": post.enclosures} if post.tags or post.enclosures else None
    return {
        "title": post.title,
        "url": post.url,
        "author": post.author,
        "content": post.content,
        "is_html": post.is_html,
        "summary": post.summary,
        "base": post.base,
        "image": post.image,
        "extras": as_json(extras) if extras else "",
        "published_at": post.published,
        "updated_at": post.updated,
    }


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def seconds(value: timedelta | None) -> int | None:
    return None if value is None else int(value.total_seconds())
