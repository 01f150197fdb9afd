"""How values look on pages: times, sizes, numbers, links."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from bot.rules import measures, texts


def quoted(text: str) -> str:
    """For a query."""
    return quote(text, safe="")


def link(url: str) -> str:
    """An address that may be pressed: http and https; empty: it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def ago(at: datetime, visit: Any, now: datetime) -> str:
    """ "3 minutes ago", in the visitor's language."""
    return texts.ago(visit.language, at, now)


def number(n: float) -> str:
    return f"{n:,}".replace(",", "\u202f")


def seconds(length: float) -> str:
    """ "0.25 s", "87 ms", "3 min"."""
    if length < 1:
        return f"{length * 1000:.0f} ms"
    return f"{length:.1f} s" if length < 90 else f"{length / 60:.0f} min"


def size(count: int) -> str:
    """ "12.3 MiB"."""
    return measures.size(count)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "ago": ago,
    "link": link,
    "moment": texts.moment,
    "number": number,
    "quoted": quoted,
    "seconds": seconds,
    "size": size,
}
