"""``POST /api/v1/md/import``: Markdown documents become posts of the caller's own feeds, and go to their subscribers.

A document, a list of them, or the text of one with front matter.  One that was imported before is known by its address,
else by its text.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.sources import push
from adapters.sources.formats.identity import make_key
from bot.clock import Clock
from bot.errors import Invalid, Unavailable
from bot.gate import Gate
from bot.metrics import Metrics
from bot.rules import markdown
from bot.rules.plain_text import one_line
from bot.rules.times import instant
from bot.usecases import imports, posts, push_feeds
from bot.web import wire as bodies
from bot.web.apis import wechat_messages_wire as wire
from bot.web.surface import Call, Route
from storage.database import Database

PATH = "/api/v1/md/import"
MARKDOWN = "text/markdown"
LARGEST = 5 * 1024 * 1024  # bytes of a request
MOST = 100  # documents of a request
FEED = "imports"  # where documents go that name no feed
AT_ONCE = 2  # requests that are read at the same time: reading is work


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that is broken."""

    reason: str


class MarkdownImport:
    """Its one operation.  ``interval``: the usual one between two polls."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        gate: Gate,
        policy: posts.Policy,
        interval: timedelta,
    ) -> None:
        self._database, self._clock, self._metrics, self._gate = database, clock, metrics, gate
        self._policy, self._interval = policy, interval
        self._turns = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            Route(
                *("POST", PATH, self.import_markdown, "Import Markdown documents as posts of a feed of yours"),
                wire.Imported,
                takes={"application/json": wire.ImportDocument | wire.ImportBatch, MARKDOWN: str},
                limit=LARGEST,
                errors={400: ["the body must be JSON", _TOO_MANY, "markdown is required", _URL, _TIME, _EMPTY]},
            )
        ]

    async def import_markdown(self, call: Call) -> wire.Imported:
        if not self._gate.may_ingest:
            raise Unavailable("nothing can be stored now, try again later")
        async with self._turns:
            read = await asyncio.to_thread(_read_all, call.body, call.media_type, self._clock())
        if len(read) == 1 and isinstance(read[0], Refused):
            raise Invalid(read[0].reason)
        good = [one for one in read if isinstance(one, imports.Document)]
        done = await self._database.write(imports.receive, call.account_id, good, self._policy, self._interval)
        self._metrics.posts.inc(done.recorded.posts)
        self._metrics.queued.inc(done.recorded.deliveries)
        left = iter(done.taken)
        return wire.Imported(
            [_refused(one.reason) if isinstance(one, Refused) else _result(one, next(left)) for one in read]
        )


_TOO_MANY = f"from 1 to {MOST} documents at once"
_URL = "url is an address that begins with https:// or http://"
_TIME = "publishedAt is a time like 2026-03-19T00:00:00.000Z"
_EMPTY = "a document has a text or a title"


def _read_all(body: bytes, media_type: str, now: datetime) -> list[imports.Document | Refused]:
    """On a thread of its own, for it may take a second.  Raises Invalid, NotAnObject."""
    return [_read(one, now) for one in _documents(body, media_type)]


def _documents(body: bytes, media_type: str) -> Sequence[Any]:
    """What may be documents.  Raises Invalid, NotAnObject."""
    if media_type == MARKDOWN:
        try:
            return [{"markdown": body.decode()}]
        except UnicodeDecodeError:
            raise Invalid("the body must be text in UTF-8") from None
    given = bodies.read_json(body)
    if isinstance(given, dict):
        return [given]
    if not isinstance(given, list):
        raise bodies.NotAnObject
    if not 1 <= len(given) <= MOST:
        raise Invalid(_TOO_MANY)
    return given


def _read(given: Any, now: datetime) -> imports.Document | Refused:
    if not isinstance(given, dict):
        return Refused("a document is a JSON object")
    if not bodies.is_sound(given):
        return Refused("a document holds characters or numbers that cannot be stored")
    try:
        return _document(bodies.take(wire.ImportDocument, given), now)
    except bodies.Missing as error:
        return Refused(f"{error.field} is required")
    except bodies.WrongType as error:
        return Refused(f"{error.field} must be a {error.kind}")
    except ValueError as error:
        return Refused(str(error))


def _document(given: wire.ImportDocument, now: datetime) -> imports.Document:
    """What is said beside the text counts more than what its front matter says.  Raises ValueError."""
    head, text = markdown.split(given.markdown)
    url, author, published, feed = (
        getattr(given, name) or head.get(name, "") for name in ("url", "author", "publishedAt", "feed")
    )
    html = markdown.to_html(text, url).strip()
    title = given.title or head.get("title") or markdown.title_of(html)
    if not html and not title:
        raise ValueError(_EMPTY)
    post = push.read({"title": title, "url": url, "html": html, "author": author}, now)
    key = post.key if post.url else make_key("text", text.strip())
    post = msgspec.structs.replace(post, key=key, published=_moment(published))
    return imports.Document(one_line(feed)[: push_feeds.MAX_TITLE] or FEED, post)


def _moment(text: str) -> datetime | None:
    try:
        return instant(text) if text else None
    except ValueError:
        raise ValueError(_TIME) from None


def _result(given: imports.Document, taken: imports.Taken) -> wire.ImportResult:
    if taken.result is None:
        return _refused(taken.reason)
    return wire.ImportResult(str(taken.uid), given.feed, given.post.url or None, taken.result.value)


def _refused(reason: str) -> wire.ImportResult:
    return wire.ImportResult(None, None, None, "error", wire.Trouble("invalid_document", reason))
