"""Ids that APIs show for rows that are only numbered inside, and those that X and WeChat give to posts."""

import re
from functools import lru_cache
from html import unescape
from urllib.parse import parse_qsl
from uuid import UUID

_POST = re.compile(r"https?://(?:\w+\.)?(?:x|twitter)\.com/(?:\w+|i/web)/status(?:es)?/([0-9]{1,25})(?:[/?#].*)?")


def numbered(millis: int, number: int) -> str:
    """The id of row ``number``, made so many milliseconds after 1970: it sorts by that time, and is the same whenever
    it is asked for (RFC 9562, 5.7)."""
    digits = f"{millis & (1 << 48) - 1:012x}7000{0x8000 << 48 | number & (1 << 62) - 1:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def read(text: str) -> UUID | None:
    """An id as APIs show it; None: it is none."""
    return UUID(text) if _UUID.fullmatch(text) else None


def made_at(id_: UUID) -> int | None:
    """Milliseconds since 1970, of an id that holds them (version 7)."""
    return id_.int >> 80 if id_.version == 7 else None


def number_of(text: str) -> tuple[int, int] | None:
    """What ``numbered`` made an id of: milliseconds since 1970, and the number; None: it is no such id."""
    id_ = read(text)
    if id_ is None:
        return None
    millis, number = id_.int >> 80, id_.int & (1 << 62) - 1
    return (millis, number) if numbered(millis, number) == str(id_) else None


@lru_cache(maxsize=5_000)
def post_on_x(url: str) -> str:
    """X's id of a post, read off its address (sources-x.md 14); empty when it is none."""
    match = _POST.fullmatch(url)
    return match[1] if match else ""


_ARTICLE = re.compile(r"https?://mp\.weixin\.qq\.com/s(?:/([A-Za-z0-9_-]+)|/?\?([^#]+))?(?:[/?#].*)?", re.IGNORECASE)
_PARTS = re.compile(r"[0-9]{1,20}_[0-9]{1,5}_[A-Za-z0-9+/_-]{1,60}")
_ALIASES = {"appmsgid": "mid", "itemidx": "idx"}


def article_on_wechat(url: str) -> str:
    """WeChat's id of an article, read off its address (sources-wechat.md C4): message, place in it and account of a
    long address, the name in a short one; case counts.  Empty when it is none, or a temporary address."""
    match = _ARTICLE.fullmatch(url)
    if not match:
        return ""
    if match[1]:
        return match[1]
    query = unescape(match[2] or "").replace("+", "%2B")  # which base64 has, and no blank
    fields = {_ALIASES.get(name, name): value for name, value in parse_qsl(query)}
    found = "_".join((fields.get("mid", ""), fields.get("idx", ""), fields.get("__biz", "").rstrip("=")))
    return found if _PARTS.fullmatch(found) else ""
