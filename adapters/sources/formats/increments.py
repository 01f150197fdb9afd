"""Reads of a document only the items that did not stand in it last time: parsing is most of what a changed feed costs.

An item whose bytes were read before is cut out before the parser sees the document.  That the posts are still those
of the whole document rests on this:

- Each item is cut at the bytes "<item" or "<entry", and the parser saw a tag begin at every one of these places, so
  none of them lies in a comment or a CDATA section.  Before the next one there is its end tag and white space alone;
  behind the last one nothing but end tags.  So the pieces are elements, side by side, and each can go or stay.
- A piece is known by a hash of its bytes, of the address, and of all that stands before the first item, which are all
  that an item's meaning depends on.  Only the dates that publishers renew there with each change are left out.
- Keys depend on other items only where items share an identifier or a link (identity.py).  Such documents are never
  remembered, and an item that shares one with a known item has the document read whole.

Whatever else does not fit is read whole, as if nothing were known.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from adapters.base import FeedFailed, Post

from . import strict
from .decoding import to_utf8
from .items import Document
from .xmltree import Tree, parse_as_received

MOST_REMEMBERED = 64  # items; each takes 22 characters of the cursor


def read_news(body: bytes, seen: str | None, *, content_type: str, url: str, now: datetime) -> Document:
    """``strict.read`` with the same arguments and errors, leaving out what ``seen`` knows.

    ``seen``: of the document before at the same address; empty: read all; None: nor remember it.
    """
    parts = _cut(body, url) if seen is not None else None
    if parts is None:
        return strict.read(body, content_type=content_type, url=url, now=now)
    known = _recall(seen or "")
    if not known.keys().isdisjoint(parts.hashes) and (document := _read_rest(parts, known, url, now)):
        return document
    tree = parse_as_received(body, url)
    if tree is None:
        return strict.read_utf8(to_utf8(body, content_type), url, now)
    document = strict.read_tree(tree, now)
    if not _are_elements(tree, body, parts.opening, len(parts.items)) or not _are_apart(document, len(parts.items)):
        return document
    return replace(document, seen=_remember(parts, {}, document))


# --- Cutting -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Parts:
    """A document in pieces."""

    head: bytes  # before the first item
    opening: bytes  # "<item" or "<entry"
    items: Sequence[bytes]  # without the opening and the white space behind them
    tail: bytes
    hashes: Sequence[bytes]  # of each item


_FIRST = re.compile(rb"<(?:item|entry)(?=[\s>])")
_END_TAGS = re.compile(rb"(?:\s*+</[^\s<>]++\s*+>)++\s*+")
_XML_SPACE = b" \t\r\n"
_NEXT_TO_NAME = frozenset(b" \t\r\n>")


def _cut(body: bytes, url: str) -> _Parts | None:
    """The pieces, where the document looks as if it could be cut."""
    first = _FIRST.search(body)
    if not first or not body.startswith(b"<"):
        return None
    head, opening = body[: first.start()], first[0]
    if b"<!DOCTYPE" in head:
        return None
    end = b"</" + opening[1:] + b">"
    last = body.rfind(end) + len(end)
    items = [piece.rstrip(_XML_SPACE) for piece in body[first.end() : last].split(opening)]
    if len(items) > MOST_REMEMBERED or not all(piece.endswith(end) and piece[0] in _NEXT_TO_NAME for piece in items):
        return None
    tail = body[last:]
    ends = _END_TAGS.match(tail)
    if not ends or b"</" in tail[ends.end() :]:  # behind the root there may be comments
        return None
    hashes = _hashes(head, items, url)
    return _Parts(head, opening, items, tail, hashes) if len(set(hashes)) == len(hashes) else None


_RENEWED = re.compile(rb"(?<=>)(\s*+<(lastBuildDate|pubDate|updated|dc:date)>)[\w ,:+.-]*+</\2>")


def _hashes(head: bytes, items: Iterable[bytes], url: str) -> list[bytes]:
    context = sha256(b"%s\n%s" % (url.encode(), _RENEWED.sub(b"", head).rstrip(_XML_SPACE)))
    hashes = []
    for item in items:
        state = context.copy()
        state.update(item)
        hashes.append(state.digest()[:8])
    return hashes


def _are_elements(tree: Tree, data: bytes, opening: bytes, count: int) -> bool:
    """Whether a tag begins wherever ``data`` was cut, in a channel if it is RSS, whose names depend on that."""
    items = channels = 0
    tags = tuple(opening + bytes((after,)) for after in _NEXT_TO_NAME)
    for at in tree.starts:
        items += data.startswith(tags, at)
        channels += data.startswith(b"<channel", at)
    return items == count and (channels == 1 or opening == b"<entry")


# --- Leaving out ---------------------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """An item that was read before.

    ``key`` and ``link`` are the first bytes of the post's: enough to suspect that another item has the same.
    """

    key: bytes
    link: bytes
    seconds: int  # Unix time of its publication; 0: none


_MARK = 2  # bytes of a key
_RECORD = Struct(f"<8s{_MARK}s{_MARK}sI")  # hash of the item, then as in _Known


def _read_rest(parts: _Parts, known: Mapping[bytes, _Known], url: str, now: datetime) -> Document | None:
    """The document without the items that are known; None: that cannot be told apart from what it says with them."""
    fresh = [item for item, hash in zip(parts.items, parts.hashes, strict=True) if hash not in known]
    left_out = [known[hash] for hash in parts.hashes if hash in known]
    data = b"".join([parts.head, *[parts.opening + item for item in fresh], parts.tail])
    with suppress(FeedFailed):
        tree = parse_as_received(data, url)
        if tree and _are_elements(tree, data, parts.opening, len(fresh)):
            document = strict.read_tree(tree, now)
            if _are_apart(document, len(fresh)) and _change_nothing(document.posts, left_out):
                dates = tuple([_date(one.seconds) for one in left_out])
                return replace(document, left_out=dates, seen=_remember(parts, known, document))
    return None


def _are_apart(document: Document, count: int) -> bool:
    """Whether each item is a post, and none shares its identifier, its link or the link but for the fragment."""
    posts = document.posts
    ids = [post.raw_id for post in posts if post.has_id]
    return (
        len(posts) == count
        and len(set(ids)) == len(ids)
        and all(post.link_key and "#" not in post.url for post in posts)
        and all(post.published is None or 0 < post.published.timestamp() < 2**32 for post in posts)
    )


def _change_nothing(posts: Sequence[Post], left_out: Sequence[_Known]) -> bool:
    """Whether keys and order of ``posts`` are the same beside what was left out."""
    keys, links = {one.key for one in left_out}, {one.link for one in left_out}
    if any(post.key[:_MARK] in keys or (post.link_key or b"")[:_MARK] in links for post in posts):
        return False
    # They are ordered by date if every item of the document has one.
    return len(posts) < 2 or all(one.seconds for one in left_out) or not all(post.published for post in posts)


# --- Remembering ---------------------------------------------------------------------------------------------------


def _remember(parts: _Parts, known: Mapping[bytes, _Known], document: Document) -> str:
    """What ``seen`` is next time: the items that stand in the document now."""
    ordered = iter(sorted(zip(document.places, document.posts, strict=True), key=lambda placed: placed[0]))
    return b64encode(
        b"".join([
            _RECORD.pack(hash, *(known.get(hash) or _known(next(ordered)[1]))) for hash in parts.hashes
        ])
    ).decode()  # fmt: skip


def _known(post: Post) -> _Known:
    assert post.link_key  # by _are_apart
    return _Known(post.key[:_MARK], post.link_key[:_MARK], int(post.published.timestamp()) if post.published else 0)


def _recall(seen: str) -> dict[bytes, _Known]:
    return {hash: _Known(*rest) for hash, *rest in _RECORD.iter_unpack(b64decode(seen))}


def _date(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
