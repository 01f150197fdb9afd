"""What the tests of the formats share: small documents, and ways to read them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.base import FeedFailed, FeedFault, Post
from adapters.sources import formats

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
URL = "https://example.org/feeds/all.xml"
RSS_090 = "/".join(("http://my.netscape.com", "rdf", "simple", "0.9", ""))
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:yt="http://www.youtube.com/xml/schemas/2015"'
)


def rss(items: str, channel: str = "<title>T</title><link>https://example.org/</link>") -> str:
    return f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel>{channel}{items}</channel></rss>'


def atom(entries: str, feed: str = "<title>T</title>", attributes: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {NAMESPACES} {attributes}>{feed}{entries}</feed>'


def json_feed(*items: Any, **feed: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": items, **feed})


def read(document: str | bytes, content_type: str = "", url: str = URL) -> formats.Document:
    body = document.encode() if isinstance(document, str) else document
    return formats.read(body, content_type=content_type, url=url, now=NOW)


def read_tolerant(document: str | bytes) -> formats.Document:
    body = document.encode() if isinstance(document, str) else document
    return formats.read_tolerant(body, content_type="", url=URL, now=NOW)


def only(document: formats.Document) -> Post:
    (post,) = document.posts
    return post


def item(inside: str) -> Post:
    return only(read(rss(f"<item>{inside}</item>")))


def entry(inside: str, **around: str) -> Post:
    return only(read(atom(f"<entry>{inside}</entry>", **around)))


def fault_of(document: str | bytes, by: Callable[[str | bytes], formats.Document] = read) -> FeedFault:
    with pytest.raises(FeedFailed) as caught:
        by(document)
    return caught.value.fault
