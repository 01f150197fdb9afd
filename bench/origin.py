"""The origin of a measurement: any number of feeds at /f/0, /f/1, …, with real conditional GET.

``unchanged``: every feed stays at its version, until the order ``publish``.
``changing``: every visit finds one new item.  An item's title says when it became visible.
"""

import sys
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate

from bench.children import Answer
from bench.documents import FIRST_ITEM_AT, ITEMS, document
from bench.http1 import NOT_FOUND, Exchange, header, path_of, serve

_CHANGED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml; charset=utf-8\r\n"
    b"ETag: %s\r\nLast-Modified: %s\r\nContent-Length: %d\r\n\r\n"
)
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\nLast-Modified: %s\r\n\r\n"


@dataclass(slots=True)
class Feed:
    """One feed that has changed at least once."""

    version: int = 1
    visible: deque[float] = field(default_factory=lambda: deque(maxlen=ITEMS))

    def publish(self) -> None:
        self.version += 1
        self.visible.append(time.time())


@dataclass(slots=True)
class Origin:
    changing: bool
    feeds: dict[int, Feed] = field(default_factory=dict)
    visited: set[int] = field(default_factory=set)
    requests: int = 0
    unmodified: int = 0

    def answer(self, head: bytes) -> bytes:
        place, _, name = path_of(head).rpartition(b"/")
        if place != b"/f" or not name.isdigit():
            return NOT_FOUND
        number = int(name)
        feed = self.visit(number)
        tag = b'"%d-%d"' % (number, feed.version)
        date = _date(feed.version).encode()
        if self.is_known(head, tag, date):
            self.unmodified += 1
            return _NOT_MODIFIED % (tag, date)
        body = document(number, feed.version, list(feed.visible))
        return _CHANGED % (tag, date, len(body)) + body

    def visit(self, number: int) -> Feed:
        self.requests += 1
        if not self.changing:
            return self.feeds.get(number, _UNCHANGED)
        if number not in self.visited:  # a first visit sees the first version
            self.visited.add(number)
            return self.feeds.get(number, _UNCHANGED)
        feed = self.feeds.setdefault(number, Feed())
        feed.publish()
        return feed

    @staticmethod
    def is_known(head: bytes, tag: bytes, date: bytes) -> bool:
        """RFC 9110, 13.2.2: If-None-Match decides where both are sent."""
        if known := header(head, b"if-none-match"):
            return tag in known
        return header(head, b"if-modified-since") == date

    def publish(self, first: int, count: int) -> Answer:
        """One new item in each of these feeds, now."""
        for number in range(first, first + count):
            self.feeds.setdefault(number, Feed()).publish()
        return {"published": count}

    def stats(self) -> Answer:
        return {"requests": self.requests, "unmodified": self.unmodified}


_UNCHANGED = Feed()


def first_tag(number: int) -> str:
    """The ETag of a feed's first version."""
    return f'"{number}-1"'


def first_date() -> str:
    """The Last-Modified of every feed's first version."""
    return _date(1)


def _date(version: int) -> str:
    return formatdate(FIRST_ITEM_AT + version, usegmt=True)


def main() -> None:
    origin = Origin(changing=sys.argv[1] == "changing")

    class Visit(Exchange):
        def request(self, head: bytes, body: bytes) -> None:  # noqa: ARG002
            self.transport.write(origin.answer(head))

    serve(Visit, {"publish": origin.publish, "stats": origin.stats})


if __name__ == "__main__":
    main()
