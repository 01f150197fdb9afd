"""The corpus of feed documents, as publishers send them, and what a reader must make of each.

Beside ``data/feeds/NAME.EXT`` (the bytes as received) lies ``NAME.expected.json``, written from the
specifications and from feeds.md by hand, never by a parser: it is a witness of its own.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

FEEDS = Path(__file__).parent / "data" / "feeds"
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
"""The moment at which all documents are read: what they call the future lies after it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One document.  Of ``feed`` and ``items`` only the keys that are present are promised.

    Keys of ``feed``: title, home, language, hubs, topic, ended, not_before_minutes.  Keys of an item:
    id, link, title (or title_starts), text (the first 200 visible characters, white space collapsed),
    date (ISO 8601, UTC, whole seconds; None), base, author, image, enclosures.
    """

    name: str
    path: Path
    body: bytes
    url: str  # where the document was fetched from
    content_type: str  # the header
    feed: dict[str, Any]
    items: list[dict[str, Any]]  # oldest first (feeds.md 7)
    error: str | None  # a FeedFault where the document is no feed
    complete: bool  # False: cut off; the items are those that came whole
    tolerant: bool  # a strict reader need not manage, even after the repairs of feeds.md 4


@cache
def load_cases() -> tuple[Case, ...]:
    """All documents, by name."""
    return tuple(_load(path) for path in sorted(FEEDS.glob("*.expected.json")))


def _load(expected_path: Path) -> Case:
    name = expected_path.name.removesuffix(".expected.json")
    (path,) = (p for p in FEEDS.glob(f"{name}.*") if p != expected_path)
    expected = json.loads(expected_path.read_text(encoding="utf-8"))
    return Case(
        name=name,
        path=path,
        body=path.read_bytes(),
        url=expected["url"],
        content_type=expected["content_type"],
        feed=expected.get("feed", {}),
        items=expected.get("items", []),
        error=expected.get("error"),
        complete=expected.get("complete", True),
        tolerant=expected.get("tolerant", False),
    )
