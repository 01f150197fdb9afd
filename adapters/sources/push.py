"""The source ``push``: feeds that nobody reads, for systems push posts into them.

A post is pushed as JSON: ``{id?, title?, url?, text? | html?, author?, published?, image?}``, one of title, url, text
and html at least.  ``id`` tells it from others, else ``url``, else what it says.
"""

from datetime import UTC, datetime
from typing import Any

from adapters.base import Cursor, FeedNotFound, Found, Page, Post
from adapters.http import Outbound
from adapters.sources.formats import dates
from adapters.sources.formats.identity import make_key, normal_link
from adapters.sources.formats.text import LINK_LENGTH, absolute, cut, one_line, safe


class Push:
    """Stands where other kinds of feeds are read."""

    kind = "push"

    def __init__(self, outbound: Outbound) -> None:
        """It never goes out."""

    async def resolve(self, name: str, now: datetime) -> Found:  # noqa: ARG002
        raise FeedNotFound("a feed that is pushed is subscribed to by its number")

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:  # noqa: ARG002
        return Page(cursor=cursor)

    def host(self, key: str) -> str:  # noqa: ARG002
        return ""

    async def close(self) -> None:
        """Nothing is held open."""


def read(item: Any, now: datetime) -> Post:
    """A pushed item as a post.  Raises ValueError with what is wrong, for whoever pushed it."""
    if not isinstance(item, dict):
        raise ValueError("an item is a JSON object")
    given = {name: _text(item, name) for name in ("id", "title", "url", "text", "html", "author", "image")}
    url, is_html = _address(given["url"], "url"), bool(given["html"].strip())
    title, content = one_line(given["title"]), cut(safe(given["html"] if is_html else given["text"]).strip())
    if not (title or content or url):
        raise ValueError("an item has a title, a url, or a text or html at least")
    raw_id = safe(given["id"]).strip()
    kind, value = ("id", raw_id) if raw_id else ("link", normal_link(url)) if url else ("text", f"{title}\n{content}")
    return Post(
        key=make_key(kind, value),
        has_id=bool(raw_id),
        raw_id=raw_id[:LINK_LENGTH],
        title=title,
        url=url,
        author=one_line(given["author"], 300),
        content=content,
        is_html=is_html,
        base=url,
        published=_moment(item.get("published"), now),
        image=_address(given["image"], "image"),
    )


def _text(item: dict[str, Any], name: str) -> str:
    """Numbers are what many systems have for an id."""
    match item.get(name):
        case None:
            return ""
        case str() as value:
            return value
        case bool():
            raise ValueError(f"{name} is a text")
        case int() | float() as value:
            return str(value)
        case _:
            raise ValueError(f"{name} is a text")


def _address(value: str, name: str) -> str:
    address = absolute(value, "")
    if value.strip() and not address:
        raise ValueError(f"{name} is an address that begins with https:// or http://")
    return address


def _moment(value: Any, now: datetime) -> datetime | None:
    """RFC 3339, what else is usual in feeds, or Unix seconds."""
    if value is None or value == "":
        return None
    moment = None
    if isinstance(value, str):
        moment = dates.parse(value, now)
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 253_402_300_800:
        moment = datetime.fromtimestamp(value, UTC)
    if moment is None:
        raise ValueError("published is a time like 2026-01-31T12:00:00Z")
    return moment
