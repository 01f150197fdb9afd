"""A publisher of feeds on a real socket: right when left alone, wrong on demand in every known way.

In a test: ``async with Publisher() as publisher: feed = publisher.feed("/a.xml")``.  As a process of its own:
``python -m tests.fakes.publisher --port 8081`` prints its address and is steered over HTTP
(``Publisher.control``).
"""

import argparse
import asyncio
import gzip
import json
import zlib
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any, Literal, Self
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)  # when the first item of every feed was published
MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    title: str
    url: str
    html: str
    published: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to give instead of the feed, down to the way its bytes go out."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    slow_headers: float = 0.0  # seconds before the status line; inf: until the client gives up
    slow_body: float = 0.0  # seconds in the middle of the body
    cut: bool = False  # the connection ends in the middle of the body
    declared_length: int | None = None  # a Content-Length that is not true


@dataclass(slots=True, kw_only=True)
class Feed:
    """One feed: its items, how it is rendered, and how its server misbehaves (feeds.md 14)."""

    url: str
    format: Literal["rss", "atom", "json"] = "rss"
    title: str = "Fake feed"
    head: str = ""  # put into the channel as it is: ttl, sy:*, atom:link
    etag: Literal["strong", "weak", "changing", "gzip", "none"] = "strong"  # gzip: '…-gzip"', which never matches
    last_modified: bool = True
    compression: Literal["none", "gzip", "deflate", "raw-deflate", "gzip-unlabelled"] = "none"
    content_type: str = ""  # instead of the right one
    headers: dict[str, str] = field(default_factory=dict)  # of 200 and 304 answers
    body: bytes | None = None  # instead of the rendered items
    always: Answer | None = None  # instead of the feed, every time
    answers: deque[Answer] = field(default_factory=deque)  # instead of the feed, each used once, in order
    items: list[Item] = field(default_factory=list)
    keep: int = 0  # so many of the newest items stay in the document, as in most real feeds; 0: all
    modified: datetime = START
    _published: int = 0
    _served: int = 0
    _rendered: tuple[bytes, str] | None = None

    def publish(
        self,
        title: str = "",
        *,
        html: str = "",
        id: str = "",
        url: str = "",
        at: datetime | None = None,
        count: int = 1,
    ) -> Item:
        """Add ``count`` items, the newest last; returns the last."""
        for _ in range(count):
            number = self._published = self._published + 1
            self.modified = at or max(self.modified, START + timedelta(minutes=number))
            self.items.append(
                Item(
                    id=id or f"{self.url}#{number}",
                    title=title or f"Post {number}",
                    url=url or f"{self.url}/posts/{number}",
                    html=html or f"<p>The text of post {number}.</p>",
                    published=self.modified,
                )
            )
        if self.keep:
            del self.items[: -self.keep]
        self._rendered = None
        return self.items[-1]

    def set_body(self, body: bytes) -> None:
        self.body, self._rendered, self.modified = body, None, self.modified + timedelta(minutes=1)

    def current(self) -> tuple[bytes, str]:
        """The document and its ETag."""
        if self._rendered is None:
            document = RENDER[self.format](self).encode() if self.body is None else self.body
            tag = blake2b(document, digest_size=8).hexdigest()
            packed = COMPRESS[self.compression](document)
            self._rendered = (
                packed,
                {"weak": f'W/"{tag}"', "gzip": f'"{tag}-gzip"'}.get(self.etag, f'"{tag}"'),
            )
        body, tag = self._rendered
        if self.etag == "changing":
            self._served += 1
            return body, f'"{self._served}"'
        return body, "" if self.etag == "none" else tag


class Publisher:
    """Many feeds by path.  Unknown paths are 404; requests are counted per path, conditional ones apart."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self._runner: web.ServerRunner | None = None
        self._closing = asyncio.Event()
        self.feeds: dict[str, Feed] = {}
        self.pages: dict[str, Answer] = {}  # paths that are no feeds
        self.requests: Counter[str] = Counter()
        self.conditional: Counter[str] = Counter()  # those of them with If-None-Match or If-Modified-Since
        self.last_headers: dict[str, Mapping[str, str]] = {}  # of the newest request for each path
        self.url = ""  # "http://127.0.0.1:12345"

    async def start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # no public way to a free port
        self.url = f"http://{self._host}:{port}"

    async def close(self) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def feed(self, path: str, *, posts: int = 0, **switches: Any) -> Feed:
        """Make the feed at ``path`` with ``posts`` items; ``switches`` are fields of Feed."""
        feed = self.feeds[path] = Feed(url=self.url + path, **switches)
        if posts:
            feed.publish(count=posts)
        return feed

    def page(self, path: str, body: bytes | str = b"", **answer: Any) -> str:
        """Serve an answer of any kind at ``path``; returns its address."""
        self.pages[path] = Answer(body=body.encode() if isinstance(body, str) else body, **answer)
        return self.url + path

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        return self.page(path, status=status, headers={"Location": to})

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/_control/"):
            return await self.control(request)
        self.requests[path] += 1
        self.conditional[path] += bool(request.headers.keys() & {"If-None-Match", "If-Modified-Since"})
        self.last_headers[path] = request.headers
        feed = self.feeds.get(path)
        if feed is None:
            return await self._give(request, self.pages.get(path, Answer(status=404, body=b"nothing here")))
        if feed.answers or feed.always:
            return await self._give(request, feed.answers.popleft() if feed.answers else feed.always or Answer())
        return answer_of(feed, request.headers)

    async def _give(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        await self._pause(answer.slow_headers)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if not (answer.slow_body or answer.cut or answer.declared_length is not None):
            return web.Response(status=answer.status, headers=headers, body=answer.body)
        headers["Content-Length"] = str(len(answer.body) if answer.declared_length is None else answer.declared_length)
        head = [f"HTTP/1.1 {answer.status} OK", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        half = len(answer.body) // 2
        transport = request.transport
        if transport is not None:
            transport.write("\r\n".join(head).encode() + answer.body[:half])
            await self._pause(answer.slow_body)
            transport.write(b"" if answer.cut else answer.body[half:])
            transport.close()
        return web.Response()  # goes nowhere: the connection is closed

    async def _pause(self, seconds: float) -> None:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), None if seconds == float("inf") else seconds)

    async def control(self, request: web.BaseRequest) -> web.Response:
        """Steer from another process; bodies and answers are JSON.

        POST /_control/feeds    {"path": "/f/{}.xml", "count": 1000, "posts": 20}    make feeds, {} is 0, 1, …
                                (all switches of Feed may follow)
        POST /_control/publish  {"path": "/f/{}.xml", "count": 1000, "html": "…"}    one new item on each
        POST /_control/answer   {"path": "/a.xml", "status": 503, "headers": {}, "body": "…"}    not the feed;
                                {"path": "/a.xml"} alone: the feed again
        GET  /_control/counts   {"requests": {path: n}, "conditional": {path: n}}
        """
        if request.path == "/_control/counts":
            return web.json_response({"requests": self.requests, "conditional": self.conditional})
        order: dict[str, Any] = json.loads(await request.read())
        path: str = order.pop("path")
        match request.path:
            case "/_control/feeds":
                if "body" in order:
                    order["body"] = order["body"].encode()
                for number in range(order.pop("count", 1)):
                    self.feed(path.replace("{}", str(number)), **order)
            case "/_control/publish":
                for number in range(order.pop("count", 1)):
                    self.feeds[path.replace("{}", str(number))].publish(**order)
            case "/_control/answer":
                body = order.pop("body", "").encode()
                self.feeds[path].always = Answer(body=body, **order) if order or body else None
            case _:
                return web.json_response({"error": "no such order"}, status=404)
        return web.json_response({"ok": True})


def answer_of(feed: Feed, asked: Mapping[str, str]) -> web.Response:
    """200 or 304, as RFC 9110 section 13 has it: If-None-Match wins over If-Modified-Since."""
    body, etag = feed.current()
    headers = dict(feed.headers)
    if etag:
        headers["ETag"] = etag
    if feed.last_modified:
        headers["Last-Modified"] = format_datetime(feed.modified, usegmt=True)
    known = asked.get("If-None-Match")
    if known is not None:
        same = known == etag and feed.etag != "gzip"
    else:
        same = feed.last_modified and asked.get("If-Modified-Since") == headers["Last-Modified"]
    if same:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = feed.content_type or MEDIA_TYPES[feed.format]
    if feed.compression in LABELS:
        headers["Content-Encoding"] = LABELS[feed.compression]
    return web.Response(headers=headers, body=body)


def rss(feed: Feed) -> str:
    items = "".join(
        f"<item><title>{escape(item.title)}</title><link>{escape(item.url)}</link>"
        f'<guid isPermaLink="false">{escape(item.id)}</guid>'
        f"<pubDate>{format_datetime(item.published)}</pubDate>"
        f"<description>{escape(item.html)}</description></item>\n"
        for item in reversed(feed.items)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{escape(feed.title)}</title><link>{escape(feed.url)}</link><description/>{feed.head}\n"
        f"{items}</channel></rss>"
    )


def atom(feed: Feed) -> str:
    entries = "".join(
        f"<entry><id>{escape(item.id)}</id><title>{escape(item.title)}</title>"
        f"<link href={quoteattr(item.url)}/><published>{item.published.isoformat()}</published>"
        f"<updated>{item.published.isoformat()}</updated>"
        f'<content type="html">{escape(item.html)}</content></entry>\n'
        for item in reversed(feed.items)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>{escape(feed.url)}</id><title>{escape(feed.title)}</title>"
        f"<updated>{feed.modified.isoformat()}</updated>{feed.head}\n{entries}</feed>"
    )


def json_feed(feed: Feed) -> str:
    items = [
        {
            "id": item.id,
            "title": item.title,
            "url": item.url,
            "content_html": item.html,
            "date_published": item.published.isoformat(),
        }
        for item in reversed(feed.items)
    ]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": feed.title, "items": items})


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def bomb(mebibytes: int) -> bytes:
    """A gzip stream of so many MiB of spaces: about 1,030 times smaller than what it holds."""
    packer = zlib.compressobj(9, wbits=31)
    blanks = b" " * 2**20
    return b"".join([packer.compress(blanks) for _ in range(mebibytes)] + [packer.flush()])


RENDER = {"rss": rss, "atom": atom, "json": json_feed}
COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "gzip-unlabelled": gzip.compress,
    "deflate": zlib.compress,
    "raw-deflate": raw_deflate,
}
LABELS = {"gzip": "gzip", "deflate": "deflate", "raw-deflate": "deflate"}


async def serve(host: str, port: int) -> None:
    async with Publisher(host, port) as publisher:
        print(publisher.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(**vars(options.parse_args())))
