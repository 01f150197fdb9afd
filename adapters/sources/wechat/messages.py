"""The client of a messages API: one service that has the articles of many accounts (sources-wechat.md, Part B)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from adapters.base import FeedFailed, FeedFault, FeedThrottled, Post, SourceSuspended
from adapters.http import Fetched, Outbound, retry_after
from adapters.sources.feeds import THROTTLED_FOR, bounded
from adapters.sources.formats.articles import biz_in, is_wechat
from adapters.sources.formats.text import LINK_LENGTH, absolute, cut, one_line, safe
from adapters.sources.wechat.accounts import Account
from adapters.sources.wechat.fields import Fields, at, decoded, failure_in, is_withdrawn
from adapters.sources.wechat.memory import Item, forms_of
from adapters.sources.wechat.provider import at_home
from adapters.sources.wechat.settings import Config, offset

PATH = "/api/v1/wechat/messages"
NAME = "messages"
WAITS = 3  # for one page
LONGEST_WAIT = timedelta(seconds=5)
REFUSED_FOR = timedelta(minutes=30)  # after a key was refused, until it is tried again

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One article, and whose it is."""

    item: Item
    account: Account
    at: datetime  # published, else collected
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the list."""

    messages: tuple[Message, ...]
    count: int  # items on it, readable or not
    size: int | None  # how many items a page has, as the service says
    more: bool | None  # whether another page follows, as the service says
    served: datetime  # by the service's clock


class Messages:
    """Asks for pages.  The wire form is a guess (B2), so everything is looked for under several names (B3)."""

    def __init__(self, outbound: Outbound, config: Config, pause: Pause = asyncio.sleep) -> None:
        base = config.messages_base_url.rstrip("/")
        self._url = base if base.endswith(PATH) else f"{base}{PATH}"
        self._fetch = at_home(outbound, self._url)
        self._headers = {"Accept": "application/json", "Authorization": f"Bearer {config.messages_key}"}
        self._fields, self._zone = Fields(config.messages_fields), offset(config.messages_time_zone)
        self._pause = pause
        self.page_size = config.messages_page_size

    async def page(self, number: int, since: datetime | None, now: datetime) -> Leaf:
        """``number``: from 1.  Raises SourceError."""
        query = {"page": str(number), "pageSize": str(self.page_size)}
        if since:
            query["since"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
        answer = await self._patiently(f"{self._url}?{urlencode(query)}", now)
        if answer.status != 200:
            raise _refusal(answer, now)
        body = decoded(answer.body)
        if trouble := failure_in(body):
            raise FeedFailed(FeedFault.HTTP, f"the service says: {trouble}", status=200)
        items = self._fields.items(body)
        if items is None:
            raise FeedFailed(FeedFault.NOT_A_FEED, "what the service answers has no list of messages in it")
        return Leaf(
            tuple(one for one in (self._message(item, now) for item in items) if _says_something(one.item.post)),
            len(items),
            _number(body, "pageSize", "page_size", "per_page"),
            _more(body, number),
            _served(answer, now),
        )

    async def _patiently(self, url: str, now: datetime) -> Fetched:
        """Waits a little where the service asks for it, for a walk that ends there has to begin anew."""
        answer = await self._fetch(url, self._headers)
        for _ in range(WAITS):
            wait = retry_after(answer.headers.get("Retry-After"), now) if answer.status in (429, 503) else None
            if wait is None or wait > LONGEST_WAIT:
                break
            await self._pause(wait.total_seconds())
            answer = await self._fetch(url, self._headers)
        return answer

    def _message(self, item: Mapping[str, Any], now: datetime) -> Message:
        text = self._fields.text
        id, title = safe(text(item, "id"))[:LINK_LENGTH], one_line(text(item, "title"))
        url = absolute(text(item, "url").replace("&amp;", "&"), "")
        published = self._fields.moment(item, "published", self._zone, now)
        collected = self._fields.moment(item, "collected", self._zone, now)
        forms, article = forms_of(url, title, published, provider=NAME, raw_id=id)
        owner = Account.described(
            (text(item, "account.id"), text(item, "account.alias"), article.biz if article else biz_in(url)),
            one_line(text(item, "account.name"), 300),
            absolute(text(item, "account.image"), ""),
        )
        url = article.url if article else url.replace("http:", "https:", 1) if is_wechat(url) else url
        content, kind = cut(safe(text(item, "content"))), text(item, "content_type").lower()
        is_html = kind == "html" or (not kind and "</" in content)
        summary = cut(safe(text(item, "summary")))
        post = Post(
            key=b"",
            raw_id=id,
            title=title,
            url=url,
            author=one_line(text(item, "author"), 300),
            content=content or summary,
            is_html=is_html,
            summary=summary if content and not is_html and summary != content else "",
            base=url,
            published=published,
            image=absolute(text(item, "cover"), ""),
        )
        place = int(article.idx[:4]) if article and article.idx.isdecimal() else 0
        return Message(Item(post, forms, place), owner, published or collected or now, is_withdrawn(item))


def _refusal(answer: Fetched, now: datetime) -> FeedFailed | FeedThrottled | SourceSuspended:
    match answer.status:
        case 401 | 403:
            reason = f"the service of WECHAT_MESSAGES_BASE_URL refuses the key ({answer.status}): make a new one there"
            return SourceSuspended(reason, REFUSED_FOR)
        case 429:
            after = retry_after(answer.headers.get("Retry-After"), now)
            return FeedThrottled("the service asks to wait (429)", bounded(after or THROTTLED_FOR))
        case 503 if after := retry_after(answer.headers.get("Retry-After"), now):
            return FeedThrottled("the service asks to wait (503)", bounded(after))
        case status:
            return FeedFailed(FeedFault.HTTP, f"the service answered {status}", status=status)


def _says_something(post: Post) -> bool:
    return bool(post.raw_id or post.url or post.title)


def _more(body: Any, number: int) -> bool | None:
    for holder in ("pagination", "meta", "data.pagination", "data"):
        for name in ("hasMore", "has_more", "hasNext"):
            if isinstance(said := at(body, f"{holder}.{name}"), bool):
                return said
        if isinstance(pages := at(body, f"{holder}.totalPages"), int):
            return number < pages
    said = at(body, "hasMore")
    return said if isinstance(said, bool) else None


def _number(body: Any, *names: str) -> int | None:
    for holder in ("pagination.", "meta.", "data.", ""):
        for name in names:
            if isinstance(said := at(body, f"{holder}{name}"), int) and said > 0:
                return said
    return None


def _served(answer: Fetched, now: datetime) -> datetime:
    """By the service's own clock, which ``since`` is compared with; ours where it does not say."""
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    return date.astimezone(UTC) if date.tzinfo else now
