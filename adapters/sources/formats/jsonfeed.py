"""Reads JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from datetime import datetime
from html import escape
from typing import Any

import msgspec

from adapters.base import FeedFailed, FeedFault, FeedInfo

from . import dates
from .items import Document, Item, posts
from .media import add_file
from .text import absolute, one_line


def read(data: bytes, url: str, now: datetime) -> Document:
    """``data``: UTF-8.  Raises FeedFailed; partial data is never used, as the specification demands."""
    try:
        feed = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as e:
        raise FeedFailed(FeedFault.PARSE, "the document is not valid JSON") from e
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise FeedFailed(FeedFault.NOT_A_FEED, "the document is JSON, but no JSON Feed: it has no items")
    home = absolute(_text(feed, "home_page_url"), url)
    authors = _authors(feed)
    items = (_item(each, url, home, authors, now) for each in feed["items"] if isinstance(each, dict))
    return Document(
        _info(feed, url, home),
        *posts((item for item in items if item.raw_id), pristine=False),
        ended=feed.get("expired") is True,
    )


def _info(feed: dict[str, Any], url: str, home: str) -> FeedInfo:
    hubs = (absolute(_text(hub, "url"), url) for hub in _dicts(feed, "hubs") if _text(hub, "type").lower() == "websub")
    return FeedInfo(
        title=one_line(_text(feed, "title")),
        home=home,
        language=one_line(_text(feed, "language"), 35),
        hubs=tuple(dict.fromkeys(hub for hub in hubs if hub))[:5],
        topic=absolute(_text(feed, "feed_url"), url),
    )


def _item(found: dict[str, Any], url: str, home: str, authors: str, now: datetime) -> Item:
    """An item; one without ``raw_id`` must be discarded."""
    item = Item(raw_id=_id(found.get("id")), base=url)
    item.link = absolute(_text(found, "url") or _text(found, "external_url"), url)
    item.title = one_line(_text(found, "title"))
    item.author = _authors(found) or authors
    item.published_text = _text(found, "date_published")
    item.published = dates.parse(item.published_text, now)
    item.updated = dates.parse(_text(found, "date_modified"), now)
    item.image = absolute(_text(found, "image") or _text(found, "banner_image"), url)
    item.tags = [tag for tag in _list(found, "tags") if isinstance(tag, str)]
    for file in _dicts(found, "attachments"):
        found_size = file.get("size_in_bytes")
        size = str(found_size) if isinstance(found_size, int) else ""
        add_file(item, absolute(_text(file, "url"), url), _text(file, "mime_type"), size)
    item.other_link = item.enclosures[0].url if item.enclosures else home
    _fill_content(item, found)
    return item


def _id(value: Any) -> str:
    """Numbers become text; anything else that is no text counts as missing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _fill_content(item: Item, found: dict[str, Any]) -> None:
    html, text, summary = (_text(found, name) for name in ("content_html", "content_text", "summary"))
    item.is_html = bool(html.strip())
    item.content = html if item.is_html else text
    if item.content.strip():
        item.summary = escape(summary, quote=False) if item.is_html else summary
    else:
        item.content = summary


def _authors(found: dict[str, Any]) -> str:
    """All names: ``authors`` of version 1.1, else ``author`` of 1.0."""
    people = _dicts(found, "authors") or [author for author in [found.get("author")] if isinstance(author, dict)]
    return ", ".join(name for name in (one_line(_text(person, "name"), 100) for person in people[:10]) if name)


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _list(found: dict[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    return value if isinstance(value, list) else []


def _dicts(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [value for value in _list(found, name) if isinstance(value, dict)]
