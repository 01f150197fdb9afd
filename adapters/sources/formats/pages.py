"""Finds the feeds that a web page announces in its head (feeds.md 2.3)."""

import re
from collections.abc import Iterator
from html import unescape

from .decoding import to_utf8
from .text import absolute


def discover(body: bytes, *, content_type: str, url: str) -> tuple[str, ...]:
    """The addresses of the page's feeds, absolute, in the page's order; empty for anything but a page."""
    page = to_utf8(body[:_HEAD], content_type).decode("utf-8", "replace")
    if not _PAGE.search(page, 0, 4096):
        return ()
    head = _without_comments(page[: end.start()] if (end := _BODY.search(page)) else page)
    base, found = url, []
    for name, attributes in _elements(head):
        if name == "base" and base == url:
            base = absolute(attributes.get("href", ""), url) or url
        elif name == "link" and _is_feed(attributes):
            found.append(attributes["href"])
    addresses = dict.fromkeys(absolute(href, base) for href in found)
    return tuple(address for address in addresses if address)[:_MOST_FEEDS]


_HEAD = 512 * 1024  # bytes of a page in which its head is looked for
_MOST_FEEDS = 20
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|meta|title|link)\b", re.IGNORECASE)
_BODY = re.compile(r"<body\b", re.IGNORECASE)


def _without_comments(head: str) -> str:
    pieces, at = [], 0
    while (start := head.find("<!--", at)) >= 0:
        pieces.append(head[at:start])
        end = head.find("-->", start)
        if end < 0:
            return "".join(pieces)
        at = end + 3
    return "".join(pieces) + head[at:]


_ELEMENT = re.compile(r"<(link|base)\s([^<>]{1,4096})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z:-]{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


def _elements(head: str) -> Iterator[tuple[str, dict[str, str]]]:
    for element in _ELEMENT.finditer(head):
        attributes: dict[str, str] = {}
        for name, *values in _ATTRIBUTE.findall(element[2]):
            attributes.setdefault(name.lower(), unescape("".join(values)).strip())
        yield element[1].lower(), attributes


_FEED_TYPES = frozenset(
    (
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/json",
        "application/rdf+xml",
    )
)


def _is_feed(attributes: dict[str, str]) -> bool:
    media_type = attributes.get("type", "").partition(";")[0].strip().lower()
    href = attributes.get("href", "")
    if not href or media_type not in _FEED_TYPES or "alternate" not in attributes.get("rel", "").lower().split():
        return False
    # WordPress announces each page's entry in its programming interface like a feed.
    return media_type != "application/json" or "/wp-json/" not in href
