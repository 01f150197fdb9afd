"""Tells posts apart: the keys by which a post is known again at the next poll (feeds.md 5.2).

A key is the same however often and in whatever order the document lists its items, and it is the same for
the strict and the tolerant reader.  Storage adds the feed; here a key is only unique within one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

from .articles import Article
from .text import plain_text

_Variant = TypeVar("_Variant")


class Identifiable(Protocol):
    """What a key is made of."""

    raw_id: str
    link: str  # the item's own, absolute; not borrowed from the channel or an enclosure
    video_id: str  # YouTube's
    title: str
    published_text: str  # as written: reading it may depend on the time of reading
    content: str


def keys(items: Sequence[Identifiable], links: Sequence[str]) -> list[bytes]:
    """The key of each item.  Equal keys mean the same post listed twice.  ``links``: as ``links`` gives them."""
    ids = {item.raw_id for item in items}
    if len(ids) == len(items) and "" not in ids:  # as in nearly all documents
        return [make_key("id", item.raw_id) for item in items]
    by_id = _variants((item.raw_id, (link, item.published_text or item.title)) for item, link in _pairs(items, links))
    by_link = _variants((link, _occasion(item)) for item, link in _pairs(items, links) if not item.raw_id)
    shared = Counter((raw_id, link) for raw_id, others in by_id.items() for link, _ in others)
    found = []
    for item, link in _pairs(items, links):
        if item.raw_id:
            kind, value = "id", item.raw_id
            if value in by_id:
                value += "\n" + (link if link and shared[value, link] == 1 else _occasion(item))
        elif link:
            kind, value = "link", f"{link}\n{_occasion(item)}" if link in by_link else link
        else:
            kind, value = "text", f"{_occasion(item)}\n{plain_text(item.content[:8192])[:512]}"
        found.append(make_key(kind, value))
    return found


def _pairs(items: Sequence[Identifiable], links: Sequence[str]) -> Iterator[tuple[Identifiable, str]]:
    return zip(items, links, strict=True)


def _variants(found: Iterable[tuple[str, _Variant]]) -> dict[str, set[_Variant]]:
    """Of each value that stands for different things the things; those that stand for one are left out.

    An item listed twice, as pinned ones are, is one thing: its key must not change while it is.
    """
    variants: dict[str, set[_Variant]] = {}
    for value, variant in found:
        variants.setdefault(value, set()).add(variant)
    return {value: several for value, several in variants.items() if len(several) > 1}


def link_keys(links: Sequence[str]) -> list[bytes | None]:
    """The second key of each item, from its link; None when there is none or others have the same."""
    if len(set(links)) == len(links) and "" not in links:
        return [make_key("link", link) for link in links]
    times = Counter(links)
    return [make_key("link", link) if link and times[link] == 1 else None for link in links]


def make_key(kind: str, value: str) -> bytes:
    """16 bytes; ``kind`` is "id", "link" or "text"."""
    state = _STARTED[kind].copy()
    state.update(value.encode("utf-8", "surrogatepass"))
    return state.digest()[:16]


_STARTED = {kind: sha256(f"{kind}\0".encode()) for kind in ("id", "link", "text")}


def _occasion(item: Identifiable) -> str:
    return f"{item.title}\n{item.published_text}"


def links(items: Sequence[Identifiable]) -> list[str]:
    """What stands for each item's link: its platform's own number, or its normal form; else empty.

    The fragment is kept where it alone tells two links of the document apart.
    """
    written = "\n".join([f"{item.raw_id}\n{item.link}" for item in items])
    if any(item.video_id for item in items) or any(mark in written for mark in _PLATFORMS):
        found = [canonical_id(item) or normal_link(item.link) for item in items]
    else:
        found = [normal_link(item.link) for item in items]
    if "#" not in written:
        return found
    variants = defaultdict(set)
    for item, link in zip(items, found, strict=True):
        variants[link].add(item.link.partition("#")[2])
    return [
        f"{link}#{fragment}"
        if (fragment := item.link.partition("#")[2]) and len(variants[link]) > 1 and "://" in link
        else link
        for item, link in zip(items, found, strict=True)
    ]


_NORMAL = re.compile(r"https://[a-z0-9.-]+/[^?#]*")
_PARTS = re.compile(r"(https?)://(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)


def normal_link(link: str) -> str:
    """The form of an http(s) link by which links are compared, never shown; anything else as it is."""
    if _NORMAL.fullmatch(link):
        return link
    match = _PARTS.fullmatch(link)
    if not match:
        return link
    scheme, login, host, path, query, fragment = match.groups()
    host = host.lower().removesuffix(":443" if len(scheme) == 5 else ":80")
    normal = f"https://{login}@{host}{path or '/'}" if login else f"https://{host}{path or '/'}"
    if query and (kept := "&".join(part for part in query.split("&") if part and not _is_tracking(part))):
        normal += "?" + kept
    if fragment and fragment.startswith("!"):
        normal += "#" + fragment
    return normal


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0]
    return name.startswith("utm_") or name in ("fbclid", "gclid", "spm") or parameter == "from=rss"


_STATUS = re.compile(r"/status(?:es)?/(\d{5,19})(?!\d)")
_VIDEO = re.compile(
    r"(?:yt:video:|youtu\.be/|youtube(?:-nocookie)?\.com/(?:(?:shorts|embed|live|v)/|watch\?(?:[^#]*&)?v=))"
    r"([\w-]{11})(?![\w-])"
)


_PLATFORMS = ("/status", "weixin", "yout", "yt:")  # one of these is in every address that has such a number


def canonical_id(item: Identifiable) -> str:
    """The platform's own number of a post, whatever bridge the feed comes from (feeds.md 12); else empty."""
    if item.video_id:
        return f"yt:{item.video_id}"
    for address in (item.raw_id, item.link):
        if "/status" in address and (status := _STATUS.search(address)):
            return f"x:{status[1]}"
        if "weixin" in address and (article := Article.at(address)):
            return f"wx:{article.number}"
        if ("yout" in address or address.startswith("yt:")) and (video := _VIDEO.search(address)):
            return f"yt:{video[1]}"
    return ""
