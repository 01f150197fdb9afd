"""The header ``Link`` of a feed: which WebSub hub tells of its news, and under which name (RFC 8288, feeds.md 11.1)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from adapters.base import FeedInfo
from adapters.sources.formats.text import absolute

MAX_HEADER = 8192  # characters that are looked at
MAX_HUBS = 5

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def announced(headers: Mapping[str, str], url: str, info: FeedInfo) -> FeedInfo:
    """What the document says, with the header's hubs and topic instead if it names both."""
    written = ", ".join(headers.getall("Link", ())) if hasattr(headers, "getall") else headers.get("Link", "")
    if not written:
        return info
    hubs: dict[str, None] = {}
    topic = ""
    for relation, target in _relations(written[:MAX_HEADER]):
        if address := absolute(target, url):
            if relation == "hub":
                hubs[address] = None
            elif relation == "self":
                topic = topic or address
    return replace(info, hubs=tuple(hubs)[:MAX_HUBS], topic=topic) if hubs and topic else info


def _relations(written: str) -> Iterator[tuple[str, str]]:
    for link in _LINK.finditer(written):
        if rel := _REL.search(link[2]):
            for relation in (rel[1] or rel[2] or "").lower().split():
                yield relation, link[1]
