"""``POST /webhooks/feeds/{token}``: any system pushes posts into a feed; they are delivered like polled ones.

The body is a post as in ``adapters/sources/push.py`` or a list of up to 100, oldest first; foreign JSON, when the feed
has a mapping; or an Atom, RSS or JSON Feed document.  The answer comes after the commit and says what became of each:
``{"results": [{"id": "7", "result": "created", "error": ""}]}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from aiohttp import web

from adapters.base import FeedFailed, Post, Reader, Source
from adapters.sources import push
from bot.clock import Clock
from bot.gate import Gate
from bot.metrics import Metrics
from bot.rules.mapping import Fields
from bot.rules.plain_text import one_line
from bot.usecases import posts, push_feeds
from bot.web.bodies import read_body
from storage.database import Database, StorageError

MAX_BODY = 256 * 1024
MAX_ITEMS = 100

log = structlog.get_logger("push")


class Item(msgspec.Struct, frozen=True):
    """What became of one item."""

    id: str  # as it was given, or its address; empty: it has neither
    result: str  # "created", "updated", "unchanged" or "error"
    error: str = ""


class Results(msgspec.Struct, frozen=True):
    """The body of the answer; in the order of the request."""

    results: list[Item]


@dataclass(frozen=True, slots=True)
class Pushes:
    """What the route stands on.  ``interval``: the usual one between two polls."""

    database: Database
    sources: Mapping[str, Source]
    clock: Clock
    metrics: Metrics
    gate: Gate
    policy: posts.Policy
    interval: timedelta

    def routes(self) -> list[web.RouteDef]:
        """To be added before any that takes every path below /webhooks/."""
        return [web.post("/webhooks/feeds/{token}", self._handle)]

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            door = await self.database.read(push_feeds.find, request.match_info["token"])
            if door is None:
                raise web.HTTPNotFound
            body = await read_body(request, MAX_BODY)
            if not self.gate.may_ingest:
                raise web.HTTPServiceUnavailable
            read = await self._read(door, body, request.headers.get("Content-Type", ""), self.clock())
            return await self._stored(door, read)
        except StorageError as error:
            self.gate.failed(error)
            log.warning("a push could not be stored", reason=str(error))
            raise web.HTTPServiceUnavailable from None

    async def _read(self, door: push_feeds.Door, body: bytes, content_type: str, now: datetime) -> list[Post | str]:
        """Each item as a post, or what is wrong with it.  Raises HTTPBadRequest for what cannot be read at all."""
        try:
            document = _document(body)
            if document is None:
                return await self._feed(body, content_type, now)
            items = _items(document, door.mapping)
        except ValueError as error:
            raise _bad(str(error)) from None
        return [_post(item, now) for item in items]

    async def _feed(self, body: bytes, content_type: str, now: datetime) -> list[Post | str]:
        """A whole document of a feed, or what is new in it."""
        reader = self.sources.get("feed")
        if not isinstance(reader, Reader):
            raise ValueError("feed documents cannot be read here")
        try:
            page = await reader.read(body, content_type, "", now)
        except FeedFailed as error:
            raise ValueError(f"the body is neither JSON nor a feed: {error}") from None
        return list(page.posts[-MAX_ITEMS:])

    async def _stored(self, door: push_feeds.Door, read: Sequence[Post | str]) -> web.Response:
        good = [one for one in read if isinstance(one, Post)]
        results: list[str] = []
        if good:
            received = await self.database.write(push_feeds.receive, door, good, self.policy, self.interval)
            results = list(received.results)
            self.metrics.posts.inc(received.recorded.posts)
            self.metrics.queued.inc(received.recorded.deliveries)
            if len(results) < len(good):
                raise web.HTTPNotFound
        left = iter(results)
        shown = [Item("", "error", one) if isinstance(one, str) else Item(_name(one), next(left)) for one in read]
        return _json(Results(shown), 400 if read and not good else 200)


def _name(post: Post) -> str:
    return post.raw_id or post.url


def _document(body: bytes) -> Any:
    """The body as JSON; None: it is the document of a feed.  Raises ValueError."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the body is not valid JSON") from None
    version = document.get("version") if isinstance(document, dict) else None
    is_feed = isinstance(version, str) and version.startswith("https://jsonfeed.org/version/")
    return None if is_feed else document


def _items(document: Any, mapping: Fields | None) -> Sequence[Any]:
    """Raises ValueError."""
    items = mapping.apply(document) if mapping else document if isinstance(document, list) else [document]
    if len(items) > MAX_ITEMS:
        raise ValueError(f"at most {MAX_ITEMS} items at once")
    if mapping and not items:
        raise ValueError("there are no items where the mapping of this feed says that they are")
    return items


def _post(item: Any, now: datetime) -> Post | str:
    try:
        return push.read(item, now)
    except ValueError as error:
        return str(error)


def _bad(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(reason=one_line(reason)[:300])


def _json(body: Any, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
