"""Finds the list and the fields in an answer whose form nobody has written down (sources-wechat.md, B3)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from adapters.base import FeedFailed, FeedFault
from adapters.sources.formats import dates

LISTS = ("data", "items", "messages", "articles", "list", "results", "entries")
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "articleId", "article_id", "messageId", "msgId", "msg_id", "aid", "guid", "hash"),
    "url": (
        "url", "link", "originalUrl", "original_url", "articleUrl", "sourceUrl", "source_url", "contentUrl",
        "content_url",
    ),
    "title": ("title", "name", "subject"),
    "summary": ("summary", "digest", "description", "desc", "excerpt", "brief"),
    "content": ("content", "contentHtml", "content_html", "html", "markdown", "contentMarkdown", "text"),
    "cover": ("coverUrl", "cover", "cover_url", "picUrl", "pic_url", "image", "thumb", "thumbnail"),
    "author": ("author.name", "author", "authorName"),
    "account.id": ("account.id", "mpId", "mp_id", "bizId", "biz_id", "biz", "fakeid", "accountId", "ghId"),
    "account.alias": ("account.alias", "account.ghId", "alias", "user_name"),
    "account.name": (
        "account.name", "mpName", "mp_name", "bizName", "biz_name", "accountName", "nickname", "source",
    ),
    "account.image": ("account.avatarUrl", "account.avatar", "avatarUrl", "mpCover", "mp_cover"),
    "published": (
        "publishedAt", "published_at", "publishTime", "publish_time", "pubDate", "published", "datetime", "createTime",
    ),
    "collected": ("createdAt", "created_at", "created", "collectedAt", "fetchedAt", "insertedAt", "updatedAt"),
    "content_type": ("contentType", "content_type"),
}  # fmt: skip
WITHDRAWN = ("recalled", "isRecalled", "withdrawn", "deleted", "isDeleted", "recalledAt", "withdrawnAt", "deletedAt")
WELL = (0, "0", 200, "200", "", None, "success", "ok", "OK")  # of a code in the body
_LISTED_ACCOUNT: Mapping[str, tuple[str, ...]] = {
    "account.id": ("id", *CANDIDATES["account.id"]),
    "account.name": ("name", *CANDIDATES["account.name"], "title"),
    "account.image": ("cover", "image", "avatar", *CANDIDATES["account.image"]),
}


class Fields:
    """Reads items by candidates; ``mapping`` says where something is called otherwise: "list=rows,title=headline"."""

    def __init__(self, mapping: str = "") -> None:
        """Raises ValueError."""
        self._names = dict(CANDIDATES)
        self._list = ""
        for pair in filter(None, (piece.strip() for piece in mapping.split(","))):
            what, equals, name = (part.strip() for part in pair.partition("="))
            if (what not in CANDIDATES and what != "list") or not (equals and name):
                raise ValueError(f"{pair!r} is none of list=… and {', '.join(f'{one}=…' for one in CANDIDATES)}")
            if what == "list":
                self._list = name
            else:
                self._names[what] = (name,)

    def items(self, body: Any) -> Sequence[Mapping[str, Any]] | None:
        """The list, and of it what are objects; None: there is no list."""
        found = at(body, self._list) if self._list else _list_in(body)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None

    def text(self, item: Mapping[str, Any], what: str) -> str:
        """The first of the candidates that says something; numbers as text."""
        for name in self._names[what]:
            value = at(item, name)
            if isinstance(value, str) and value.strip():
                return value.strip()
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
        return ""

    def moment(self, item: Mapping[str, Any], what: str, ahead: timedelta, now: datetime) -> datetime | None:
        """``ahead`` of UTC are times that name no zone."""
        for name in self._names[what]:
            if found := read_moment(at(item, name), ahead, now):
                return found
        return None


def listed(row: Mapping[str, Any], what: str) -> str:
    """Of a row in a list of accounts, where "id" and "name" are the account's own."""
    for name in _LISTED_ACCOUNT[what]:
        value = at(row, name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def decoded(body: bytes) -> Any:
    """Raises FeedFailed."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        page = body.lstrip()[:1] == b"<"
        what = "it answers with a page instead of JSON" if page else "what it answers is no JSON"
        raise FeedFailed(FeedFault.PARSE, what) from None


def failure_in(body: Any) -> str:
    """What a body says that comes with status 200 and means failure; empty: it does not."""
    if not isinstance(body, dict):
        return ""
    said = [body[name] for name in ("code", "errcode", "err") if name in body]
    if body.get("success") is not False and all(_is_well(one) for one in said):
        return ""
    for name in ("error.message", "error", "message", "msg", "err", "detail"):
        if isinstance(text := at(body, name), str) and text.strip():
            return " ".join(text.split())[:200]
    return f"code {said[0]}" if said else "it says that it failed"


def is_withdrawn(item: Mapping[str, Any]) -> bool:
    return any(item.get(name) not in (None, False, "", 0) for name in WITHDRAWN) or item.get("status") == "recalled"


def at(value: Any, path: str) -> Any:
    """ "data.rows" is what ``rows`` is within ``data``; None where there is no such thing."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def read_moment(value: Any, ahead: timedelta, now: datetime) -> datetime | None:
    """Seconds, milliseconds, or what feeds have for dates; None when it is absent, unreadable or absurd."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) <= 14:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value >= 10**11 else value
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < now.timestamp() + 10 * 366 * 86_400 else None
    if not isinstance(value, str):
        return None
    moment = dates.parse(value, now)
    return moment - ahead if moment and not _NAMES_ZONE.search(value.strip()) else moment


_NAMES_ZONE = re.compile(r"(?:[+-]\d\d:?\d\d|[A-Za-z]{1,5})$")


def _list_in(body: Any) -> Any:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return None
    inside = body.get("data")
    for holder in (body, inside if isinstance(inside, dict) else {}):
        for name in LISTS:
            if isinstance(holder.get(name), list):
                return holder[name]
    return None


def _is_well(value: Any) -> bool:
    return not isinstance(value, dict | list) and value in WELL and value is not False
