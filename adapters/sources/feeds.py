"""The source `feed`: RSS, Atom and JSON feeds at web addresses.

One poll is one conditional GET; what is unchanged costs next to nothing more.  Numbers in comments are sections of
feeds.md.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from yarl import URL

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
    FeedGone,
    FeedNotFound,
    FeedThrottled,
    Found,
    Page,
    SourceError,
)
from adapters.http import Fetched, Outbound, retry_after
from adapters.sources import formats, links
from adapters.sources.parser import Parser

READER = 1  # raised when documents are read differently: every feed is then read anew
ANY_TYPE: Mapping[str, str] = {"Accept": "*/*"}
FEED_TYPES: Mapping[str, str] = {
    "Accept": "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
DOCUMENTS = frozenset({200, 203, 226})
MAX_REDIRECTS = 5
MAX_CANDIDATES = 5  # tried of those that a page names
FULL_READ_AFTER = timedelta(days=1)  # some servers answer 304 for ever (2.1)
MOVE_POLLS, MOVE_AFTER = 3, timedelta(days=1)
LONGEST_WISH_SECONDS = 3600
RETRY_FLOOR, RETRY_CAP = timedelta(seconds=60), timedelta(hours=24)
THROTTLED_FOR = timedelta(minutes=10)  # after a 429 that does not say how long


Fetch = Callable[[str, Mapping[str, str]], Awaitable[Fetched]]
"""GET one hop of an address with these header fields, as ``Outbound.fetch`` does."""


class Visit(Struct, frozen=True, gc=False):
    """Where a request ended, after redirects."""

    answer: Fetched
    moved: bool  # there were redirects, and all of them were permanent
    conditional: bool  # the last request carried validators


class Feeds:
    """Follows feeds by their address.

    The key is the address in normal form.  The cursor says: v reader's version, h hash of the last body, f when
    that was read (Unix seconds); and if there is such a thing: e ETag, m Last-Modified, t the document's own wish for
    the interval (seconds), i by which its items are known next time, u hash of the address where redirects ended,
    r [polls, since (Unix seconds)] that permanent redirects have ended there.  A poll that changes nothing of this
    returns the cursor object it was given.
    """

    kind = "feed"

    def __init__(self, outbound: Outbound, parser: Parser | None = None, fetch: Fetch | None = None) -> None:
        """``fetch``: instead of the outbound's own, for addresses that the operator set."""
        self._outbound, self._parser, self._fetch = outbound, parser or Parser(), fetch or outbound.fetch

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        return await self._page(await self._visit(key, cursor, now), key, cursor, now)

    async def resolve(self, name: str, now: datetime) -> Found:
        """Find the feed at an address, or the one that the page there names.  ``https:`` may be left out."""
        try:
            key = self._outbound.egress.check_url(spelled_out(name), "feed")
        except ValueError as error:
            raise FeedNotFound(f"that is not a web address that can be followed: {error}") from None
        visit = await self._visit(key, {}, now)
        try:
            return await self._found(visit, key, now)
        except FeedFailed as failed:
            if failed.fault is not FeedFault.NOT_A_FEED:
                raise
        return await self._named_by(visit, now)

    async def read(self, body: bytes, content_type: str, url: str, now: datetime) -> Page:
        document = await self._parser.parse(body, content_type, url, now)
        return Page(cursor={}, posts=document.posts, info=document.info, complete=False)

    def host(self, key: str) -> str:
        """Empty for an address in ``EGRESS_ALLOW``: to a bridge of the operator's own no politeness is owed."""
        url = URL(key)
        if self._outbound.egress.inside_literal(url.host or "", url.port or 0):
            return ""
        return f"{url.scheme}://{url.host_subcomponent}:{url.port}"

    async def close(self) -> None:
        await self._parser.close()

    async def _visit(self, key: str, cursor: Cursor, now: datetime) -> Visit:
        """GET, following redirects by hand: each hop is an address of its own to the egress rules."""
        url, permanent = key, True
        before: list[str] = []
        while True:
            headers = headers_for(url, key, cursor, now)
            answer = await self._fetch(url, headers)
            if answer.status == 406:
                answer = await self._fetch(url, ANY_TYPE)
            if answer.status not in REDIRECTS:
                return Visit(answer, permanent and bool(before), headers is not FEED_TYPES)
            if answer.url in before:
                raise FeedFailed(FeedFault.HTTP, "the server redirects in a circle", status=answer.status)
            before.append(answer.url)
            if len(before) > MAX_REDIRECTS:
                raise FeedFailed(FeedFault.HTTP, "the server redirects too often", status=answer.status)
            permanent = permanent and answer.status in PERMANENT
            url = next_hop(answer.url, answer.headers.get("Location", ""))

    async def _page(self, visit: Visit, key: str, cursor: Cursor, now: datetime) -> Page:
        answer = visit.answer
        if answer.status == 304 and visit.conditional:
            return unread(after_304(cursor, visit, key, now), visit, key, now)
        if answer.status == 204 or (answer.status == 200 and (not answer.body or answer.body.isspace())):
            return Page(cursor=cursor)
        if answer.status not in DOCUMENTS:
            raise refusal(answer, now)
        body_hash = fingerprint(answer.body)
        if body_hash == cursor.get("h") and cursor["v"] == READER:
            return unread(after_same_body(cursor, visit, key, now), visit, key, now)
        content_type = answer.headers.get("Content-Type", "")
        # A first visit remembers nothing: it would cost a fifth more, and first visits come in crowds.
        seen = cursor.get("i", "") if cursor.get("v") == READER else None
        document = await self._parser.parse(answer.body, content_type, answer.url, now, seen)
        asked = int(document.not_before.total_seconds())
        complete = document.complete and answer.status != 226 and not answer.truncated
        if complete:  # else the old validators stay: a 304 to newer ones would hide what was missing
            cursor = after_reading(visit, key, cursor, now, body_hash, asked, document.seen)
        return Page(
            cursor=cursor,
            posts=document.posts,
            left_out=document.left_out,
            info=links.announced(answer.headers, answer.url, document.info),
            complete=complete,
            not_before=wish(asked, answer.headers, now),
            moved_to=moved_to(visit, key, cursor, now) if complete else "",
            ended=document.ended,
        )

    async def _found(self, visit: Visit, key: str, now: datetime) -> Found:
        if visit.moved:  # nobody follows the old address yet
            key, visit = visit.answer.url, Visit(visit.answer, moved=False, conditional=False)
        page = await self._page(visit, key, {}, now)
        if page.info is None:
            raise FeedNotFound("the address answers, but with nothing in it")
        return Found(key, page)

    async def _named_by(self, visit: Visit, now: datetime) -> Found:
        candidates = self._candidates(visit.answer)
        if not candidates:
            raise FeedNotFound("there is no feed at this address, and the page there names none")
        posts = [address for address in candidates if not COMMENTS.search(URL(address).path)]
        for address in (candidates if len(candidates) == 1 else posts)[:MAX_CANDIDATES]:
            with suppress(FeedFailed, FeedGone, FeedNotFound):
                return await self._found(await self._visit(address, {}, now), address, now)
        raise FeedNotFound("this is a page, and none of the feeds that it names can be read", candidates)

    def _candidates(self, page: Fetched) -> list[str]:
        """The feeds that a page names, in its order."""
        found: dict[str, None] = {}
        content_type = page.headers.get("Content-Type", "")
        for address in formats.discover(page.body, content_type=content_type, url=page.url):
            with suppress(ValueError):
                found[self._outbound.egress.check_url(address, "feed")] = None
        found.pop(page.url, None)
        return list(found)


# --- Addresses ---------------------------------------------------------------------------------------------

COMMENTS = re.compile(r"(?:^|[/_.-])comments?(?:[/_.-]|$)", re.IGNORECASE)


def spelled_out(name: str) -> str:
    """An address as people paste it, with its scheme.  Raises FeedNotFound for what cannot be one."""
    text = re.sub(r"^feed:(?://)?", "", name.strip().strip("<>"), flags=re.IGNORECASE)
    if "://" in text:
        return text
    if "." not in text:
        raise FeedNotFound("that is not a web address")
    return f"https://{text}"


def next_hop(url: str, location: str) -> str:
    """Where a redirect leads from ``url``; ``location`` may be relative.  Raises FeedFailed."""
    try:
        target = URL(url).join(URL(location)) if location else URL()
    except (ValueError, IndexError):  # the second of "//[]@"
        target = URL()
    if target.scheme not in {"http", "https"}:
        raise FeedFailed(FeedFault.HTTP, "the server redirects to something that is no web address")
    if target.scheme == "http" and url.startswith("https:"):
        raise FeedFailed(FeedFault.HTTP, "the server redirects from https to http")
    return str(target.with_fragment(None))


# --- The cursor --------------------------------------------------------------------------------------------

MAX_ETAG_CHARS, MAX_DATE_CHARS = 512, 64


def headers_for(url: str, key: str, cursor: Cursor, now: datetime) -> Mapping[str, str]:
    """With the validators, if they belong to this address and it is not time to read the document anyway."""
    etag, modified = cursor.get("e"), cursor.get("m")
    if not (etag or modified) or cursor["v"] != READER:
        return FEED_TYPES
    if now.timestamp() - cursor["f"] >= FULL_READ_AFTER.total_seconds():
        return FEED_TYPES
    if (fingerprint(url.encode()) != cursor["u"]) if "u" in cursor else (url != key):
        return FEED_TYPES
    headers = dict(FEED_TYPES)
    if etag:
        headers["If-None-Match"] = etag
    if modified:
        headers["If-Modified-Since"] = modified
    return headers


def after_reading(
    visit: Visit, key: str, cursor: Cursor, now: datetime, body_hash: str, wish_seconds: int, seen: str
) -> Cursor:
    read: dict[str, Any] = {"v": READER, "h": body_hash, "f": int(now.timestamp())}
    if wish_seconds:
        read["t"] = wish_seconds
    if seen:
        read["i"] = seen
    return read | validators(visit.answer) | route(visit, key, cursor, now)


def after_304(cursor: Cursor, visit: Visit, key: str, now: datetime) -> Cursor:
    """Keep everything but an ETag that is new and the count of redirects."""
    etag = visit.answer.headers.get("ETag")
    if visit.answer.url == key and "u" not in cursor and (etag is None or etag == cursor.get("e")):
        return cursor  # nearly always
    kept = {name: value for name, value in cursor.items() if name not in {"u", "r"}}
    kept |= {name: value for name, value in validators(visit.answer).items() if name == "e"}
    kept |= route(visit, key, cursor, now)
    return cursor if kept == cursor else kept


def after_same_body(cursor: Cursor, visit: Visit, key: str, now: datetime) -> Cursor:
    """Validators that change with every answer are not worth a write, unless we asked without them."""
    read = after_reading(visit, key, cursor, now, cursor["h"], cursor.get("t", 0), cursor.get("i", ""))
    if visit.conditional:
        read = {**read, **{name: cursor[name] for name in ("e", "m") if name in cursor}, "f": cursor["f"]}
    elif not cursor.keys() & {"e", "m"}:
        read = {**read, "f": cursor["f"]}
    return cursor if read == cursor else read


def validators(answer: Fetched) -> dict[str, str]:
    """ETag and Last-Modified byte for byte, where they can be trusted and sent back (2.1)."""
    headers, kept = answer.headers, {}
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if etag and len(etag) <= MAX_ETAG_CHARS and etag.isprintable():
        kept["e"] = etag
    never_fresh = headers.get("Expires") in {"0", "-1"} or "no-store" in headers.get("Cache-Control", "").lower()
    if modified and len(modified) <= MAX_DATE_CHARS and modified.isprintable() and not never_fresh:
        kept["m"] = modified
    return kept


def route(visit: Visit, key: str, cursor: Cursor, now: datetime) -> dict[str, Any]:
    """Where redirects ended, and for how long permanent ones have ended there."""
    if visit.answer.url == key:
        return {}
    target = fingerprint(visit.answer.url.encode())
    if not visit.moved:
        return {"u": target}
    same = cursor.get("u") == target
    polls, since = cursor.get("r", (0, int(now.timestamp()))) if same else (0, int(now.timestamp()))
    return {"u": target, "r": [min(polls + 1, MOVE_POLLS), since]}


def moved_to(visit: Visit, key: str, cursor: Cursor, now: datetime) -> str:
    """The new address, once it has lasted (2.2); https instead of http needs no proof."""
    if not visit.moved:
        return ""
    polls, since = cursor.get("r", (0, 0))
    lasts = polls >= MOVE_POLLS and now.timestamp() - since >= MOVE_AFTER.total_seconds()
    return visit.answer.url if lasts or visit.answer.url == key.replace("http:", "https:", 1) else ""


def fingerprint(content: bytes) -> str:
    """SHA-256, for processors have instructions for it: half the time of BLAKE2 on a document."""
    return sha256(content).hexdigest()[:24]


# --- The answer --------------------------------------------------------------------------------------------

MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.ASCII)


def unread(cursor: Cursor, visit: Visit, key: str, now: datetime) -> Page:
    """Nothing changed."""
    not_before = wish(cursor.get("t", 0), visit.answer.headers, now)
    return Page(cursor=cursor, not_before=not_before, moved_to=moved_to(visit, key, cursor, now))


def wish(of_document_seconds: int, headers: Mapping[str, str], now: datetime) -> timedelta:
    """The longer of what the document and its server ask for, within our bound (8)."""
    return timedelta(seconds=min(max(of_document_seconds, fresh_seconds(headers, now)), LONGEST_WISH_SECONDS))


def fresh_seconds(headers: Mapping[str, str], now: datetime) -> int:
    """How long the answer says it stays fresh; 0 or less when it does not, or says never."""
    control, expires = headers.get("Cache-Control", "").lower(), headers.get("Expires")
    if not control and not expires:
        return 0
    if "no-cache" in control or "no-store" in control:
        return 0
    if match := MAX_AGE.search(control):
        age = headers.get("Age", "")
        return int(match[1]) - (int(age) if DIGITS.fullmatch(age) else 0)
    if expires and (until := http_date(expires)):
        return int((until - (http_date(headers.get("Date", "")) or now)).total_seconds())
    return 0


def refusal(answer: Fetched, now: datetime) -> SourceError:
    """What an answer without a document means (2.2)."""
    status, after = answer.status, retry_after(answer.headers.get("Retry-After"), now)
    if answer.headers.get("cf-mitigated", "").lower() == "challenge":
        return FeedFailed(FeedFault.HTTP, "blocked by bot protection (a Cloudflare challenge)", status=status)
    said = f"the server answered {status} {PHRASES.get(status, '')}".rstrip()
    match status:
        case 410:
            return FeedGone(said)
        case 429:
            return FeedThrottled(said, bounded(after or THROTTLED_FOR))
        case 503 if after:
            return FeedThrottled(said, bounded(after))
        case 401 | 403 | 407:
            return FeedFailed(FeedFault.HTTP, f"{said}: it wants a login or does not want us", status=status)
        case 304:
            return FeedFailed(FeedFault.HTTP, f"{said}, though nothing was asked about", status=status)
        case _:
            return FeedFailed(FeedFault.HTTP, said, status=status)


PHRASES = {status.value: status.phrase for status in HTTPStatus}
DIGITS = re.compile(r"\d{1,9}", re.ASCII)


def bounded(wait: timedelta) -> timedelta:
    return min(max(wait, RETRY_FLOOR), RETRY_CAP)


def http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value[:MAX_DATE_CHARS])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
