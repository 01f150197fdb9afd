"""Recognises a document and has it read by the reader of its format (feeds.md 1.1)."""

from datetime import datetime

from adapters.base import FeedFailed, FeedFault

from . import atom, jsonfeed, rss
from .decoding import to_utf8
from .items import Document, NotStrict
from .names import local_name
from .xmltree import Tree, parse, parse_as_received


def read(body: bytes, *, content_type: str, url: str, now: datetime) -> Document:
    """Read a document that keeps to its format, or does after small repairs.

    Args:
        body: decompressed, as received.
        content_type: the header, for its charset alone; the type it names is never believed.
        url: the document's final address, which relative links are relative to.

    Raises:
        NotStrict: it is not well formed, or of a kind that only feedparser might know.
        FeedFailed: it is surely no feed, or hostile.
    """
    if body.startswith(b"<") and (tree := parse_as_received(body, url)):
        return read_tree(tree, now)
    return read_utf8(to_utf8(body, content_type), url, now)


def read_utf8(data: bytes, url: str, now: datetime) -> Document:
    """``read`` for a document already decoded."""
    start = data[:_LOOK_AHEAD].lstrip()[:1]
    if not start and not data.strip():
        raise FeedFailed(FeedFault.NOT_A_FEED, "the document is empty")
    if start in (b"{", b"["):
        return jsonfeed.read(data, url, now)
    return read_tree(parse(data, url), now)


def read_tree(tree: Tree, now: datetime) -> Document:
    """``read`` for a document already parsed."""
    match local_name(tree.root.tag):
        case "rss" | "rdf":
            return rss.read(tree, now)
        case "feed":
            return atom.read(tree, now)
        case name if name in _NEVER_A_FEED:
            raise FeedFailed(FeedFault.NOT_A_FEED, f"the document is XML, but no feed: <{name}>")
        case _:
            raise NotStrict("the document is XML of an unknown kind")


_LOOK_AHEAD = 4096
_NEVER_A_FEED = frozenset(("opml", "urlset", "sitemapindex", "svg", "error", "opensearchdescription", "plist"))
