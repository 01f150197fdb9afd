"""Reads what the strict reader cannot: cut-off documents by their complete items, the rest through feedparser.

feedparser is slow, and hostile documents make it very slow: run this only in a child that can be killed.
"""

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any

from adapters.base import FeedFailed, FeedFault, FeedInfo

from . import dates, jsonfeed
from .decoding import to_utf8
from .hazards import tags_are_short
from .items import Document, Item, NotStrict, author_name, posts, publishers_wish
from .media import add_file
from .repairs import is_truncated, salvage
from .strict import read_utf8
from .text import absolute, html_title, one_line, rss_title
from .xmltree import read_prolog, repaired


def read_tolerant(body: bytes, *, content_type: str, url: str, now: datetime) -> Document:
    """Read a document for which ``read`` raised NotStrict; same arguments.  Raises FeedFailed.

    Of a truncated document the complete items are given, as an incomplete document.
    """
    data = to_utf8(body, content_type)
    if data[:4096].lstrip()[:1] in (b"{", b"["):
        return jsonfeed.read(data, url, now)
    text = _mended(data)
    truncated = is_truncated(text)
    if truncated and (whole := salvage(text)):
        try:
            return replace(read_utf8(whole.encode(), url, now), complete=False)
        except NotStrict:
            pass  # damaged elsewhere too
    return _from_feedparser(text.encode(), url, now, truncated=truncated)


_MOST_MARKUP = 200_000  # tags, comments and the like: feedparser takes some 20 µs for each
_MOST_COMMENTS = 10_000  # it is quadratic in those that do not end


def _mended(data: bytes) -> str:
    """The repaired document.  Raises FeedFailed for what feedparser had better not see."""
    prolog = read_prolog(data)
    markup = data[prolog.end :]
    if markup.count(b"<") > _MOST_MARKUP or markup.count(b"<!--") > _MOST_COMMENTS or not tags_are_short(markup):
        raise FeedFailed(FeedFault.HOSTILE, "the document is built to be slow to read")
    return repaired(markup, prolog.doctype)


def _from_feedparser(data: bytes, url: str, now: datetime, *, truncated: bool) -> Document:
    import feedparser  # takes 0.1 s and memory that the strict reader does without

    feedparser.api.PREFERRED_XML_PARSERS = []  # libxml2's would open what a document type names
    try:
        found = feedparser.parse(
            BytesIO(data),  # never bytes or text alone, which it would try to open as a file
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception as e:  # it promises none, and raises many
        raise FeedFailed(FeedFault.PARSE, "the document is not well-formed XML") from e
    if not found.get("version"):
        raise FeedFailed(FeedFault.NOT_A_FEED, "the document is not a feed")
    entries = found.entries[:-1] if truncated else found.entries
    if not entries and (truncated or found.bozo):
        raise FeedFailed(FeedFault.PARSE, "the document is not well-formed XML, and no item in it can be read")
    reader = _Entries(found.version, found.feed, url, now)
    feed = found.feed
    return Document(
        reader.info(),
        *posts(map(reader.item, entries), pristine=False),
        complete=not truncated,
        not_before=publishers_wish(*(_text(feed, name) for name in ("ttl", "sy_updateperiod", "sy_updatefrequency"))),
    )


class _Entries:
    """Turns feedparser's values into ours, such that an item has the key that the strict reader gives it."""

    def __init__(self, version: str, feed: dict[str, Any], url: str, now: datetime) -> None:
        self.is_atom = version.startswith("atom")
        self.feed, self.url, self.now = feed, url, now
        self.home = absolute(_text(feed, "link"), url)
        self.language = one_line(_text(feed, "language"), 35)

    def info(self) -> FeedInfo:
        hubs = (absolute(address, self.url) for address in _addresses(self.feed, "hub"))
        return FeedInfo(
            title=self._title(self.feed),
            home=self.home,
            language=self.language,
            hubs=tuple(dict.fromkeys(hub for hub in hubs if hub))[:5],
            topic=next((absolute(address, self.url) for address in _addresses(self.feed, "self")), ""),
        )

    def item(self, entry: dict[str, Any]) -> Item:
        item = Item(raw_id=_text(entry, "id").strip())
        is_guid = dict.get(entry, "guidislink") is True and _text(entry, "link").strip() == item.raw_id
        item.link = absolute(_text(entry, "link"), "" if is_guid else self.url)
        item.video_id = _text(entry, "yt_videoid").strip()
        item.title = self._title(entry)
        item.author = _author(entry) or (_author(self.feed) if self.is_atom else "")
        item.tags = [_text(tag, "term") for tag in entry.get("tags", ())]
        self._date(item, entry)
        self._content(item, entry)
        self._files(item, entry)
        item.other_link = item.enclosures[0].url if item.enclosures else self.home
        return item

    def _title(self, found: dict[str, Any]) -> str:
        title = _text(found, "title")
        if not self.is_atom:
            return rss_title(title)
        return html_title(title) if _is_html(found.get("title_detail", {})) else one_line(title)

    def _date(self, item: Item, entry: dict[str, Any]) -> None:
        published, updated = _text(entry, "published") or _text(entry, "created"), _text(entry, "updated")
        if not published and not self.is_atom:
            published, updated = updated, ""  # dc:date
        chinese = self.language.lower().startswith("zh")
        item.published_text = published.strip()
        item.published = dates.parse(published, self.now, chinese=chinese)
        item.updated = dates.parse(updated, self.now, chinese=chinese)

    def _content(self, item: Item, entry: dict[str, Any]) -> None:
        summary = _text(entry, "summary")
        parts = [part for part in entry.get("content", ()) if _text(part, "value").strip()]
        if not self.is_atom and summary:  # what is plain text there describes a picture
            parts = [part for part in parts if _is_html(part)]
        found = parts[0] if parts else None
        if found is None:
            found = {**entry.get("summary_detail", {}), "value": summary}
            summary = ""
        item.content, item.summary = _text(found, "value"), summary
        item.is_html = not self.is_atom or _is_html(found)
        item.base = absolute(_text(found, "base"), self.url) or self.url

    def _files(self, item: Item, entry: dict[str, Any]) -> None:
        media = [part for part in entry.get("media_content", ()) if _text(part, "medium") == "image"]
        pictures = [*entry.get("media_thumbnail", ()), entry.get("image", {}), *media]
        addresses = (_text(picture, "url") or _text(picture, "href") for picture in pictures)
        item.image = next((found for each in addresses if (found := absolute(each, self.url))), "")
        for link in entry.get("links", ()):
            if _text(link, "rel") == "enclosure":
                add_file(item, absolute(_text(link, "href"), self.url), _text(link, "type"), _text(link, "length"))


def _author(found: dict[str, Any]) -> str:
    names = [author_name(_text(person, "name")) for person in found.get("authors", ())]
    return ", ".join(name for name in names if name) or author_name(_text(found, "author"))


def _is_html(detail: dict[str, Any]) -> bool:
    return _text(detail, "type") in ("text/html", "application/xhtml+xml")


def _addresses(found: dict[str, Any], rel: str) -> list[str]:
    return [_text(link, "href") for link in found.get("links", ()) if _text(link, "rel") == rel]


def _text(found: dict[str, Any], name: str) -> str:
    value = dict.get(found, name)  # feedparser's own get() answers with other fields for absent ones
    return value if isinstance(value, str) else ""
