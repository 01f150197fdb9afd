"""Reads Atom 1.0 (RFC 4287) and its forerunner 0.3."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from html import escape

from lxml import etree

from adapters.base import FeedInfo

from . import dates, media
from .items import Document, Item, author_name, posts, publishers_wish
from .names import ATOM, Names, local_name, names
from .text import html_title, one_line, plain_text, safe
from .xmltree import Tree, inner_html

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read(tree: Tree, now: datetime) -> Document:
    known = names(ATOM, tree.root.tag)
    found: dict[str, etree._Element] = {}
    links: list[_Link] = []
    entries: list[etree._Element] = []
    for child in tree.root:
        name = known[child.tag]
        if name == "entry":
            entries.append(child)
        elif name == "link":
            links.append(_Link.of(child, tree))
        elif name:
            found.setdefault(name, child)
    info = _info(tree, found, links)
    chinese = info.language.lower().startswith("zh")
    reader = _Entries(tree, known, now, info.home, _authors(tree.root, known), chinese)
    return Document(
        info,
        posts(map(reader.read, entries), pristine=tree.pristine),
        not_before=publishers_wish("", _text(found, "sy:updateperiod"), _text(found, "sy:updatefrequency")),
    )


def _info(tree: Tree, found: dict[str, etree._Element], links: list["_Link"]) -> FeedInfo:
    return FeedInfo(
        title=_title(found["title"]) if "title" in found else "",
        home=_page(links),
        language=one_line(tree.root.get(_LANGUAGE) or "", 35),
        hubs=tuple(dict.fromkeys(link.address for link in links if link.rel == "hub" and link.address))[:5],
        topic=next((link.address for link in links if link.rel == "self"), ""),
    )


@dataclass(frozen=True, slots=True)
class _Link:
    rel: str
    media_type: str
    address: str
    length: str

    @classmethod
    def of(cls, element: etree._Element, tree: Tree) -> "_Link":
        return cls(
            (element.get("rel") or "alternate").strip().lower().removeprefix(_RELATIONS),
            (element.get("type") or "").strip().lower(),
            tree.link(element, element.get("href") or element.text),
            element.get("length") or "",
        )


_RELATIONS = "http://www.iana.org/assignments/relation/"
_NEVER_THE_PAGE = frozenset(("self", "edit", "edit-media", "enclosure", "replies", "hub", "license", "next", "first"))
_WEB_PAGE = frozenset(("", "text/html", "application/xhtml+xml"))


def _page(links: list[_Link]) -> str:
    """The link to the web page among several (feeds.md 1.4)."""
    pages = [link for link in links if link.address and link.rel not in _NEVER_THE_PAGE]
    best = next((link for link in pages if link.rel == "alternate" and link.media_type in _WEB_PAGE), None)
    return best.address if best else pages[0].address if pages else ""


@dataclass(frozen=True, slots=True)
class _Entries:
    """Reads the entries of one document."""

    tree: Tree
    known: Names
    now: datetime
    home: str
    author: str
    chinese: bool

    def read(self, element: etree._Element) -> Item:
        """Of elements that occur twice the first counts."""
        item = Item()
        found: dict[str, etree._Element] = {}
        texts: dict[str, str] = {}
        links: list[_Link] = []
        for child in element:
            name = self.known[child.tag]
            if name == "link":
                links.append(_Link.of(child, self.tree))
            elif name == "category":
                item.tags.append(child.get("term") or child.get("label") or child.text or "")
            elif name in media.NAMES:
                media.take(name, child, item, texts, self.tree, self.known)
            elif name:
                found.setdefault(name, child)
        item.raw_id = _text(found, "id").strip()
        item.video_id = _text(found, "yt:videoid").strip()
        item.title = _title(found["title"]) if "title" in found else one_line(texts.get("media:title", ""))
        item.author = _authors(element, self.known) or self.author
        self._link(item, links)
        self._date(item, found)
        self._content(item, found, element, texts.get("media:description", ""))
        return item

    def _link(self, item: Item, links: list[_Link]) -> None:
        item.link = _page(links)
        for link in links:
            if link.rel == "enclosure":
                media.add_file(item, link.address, link.media_type, link.length)
        item.other_link = item.enclosures[0].url if item.enclosures else self.home

    def _date(self, item: Item, found: dict[str, etree._Element]) -> None:
        published = _text(found, "published") or _text(found, "issued") or _text(found, "created")
        updated = _text(found, "updated") or _text(found, "modified")
        item.published_text = published.strip()
        item.published = dates.parse(published, self.now, chinese=self.chinese)
        item.updated = dates.parse(updated, self.now, chinese=self.chinese)

    def _content(self, item: Item, found: dict[str, etree._Element], entry: etree._Element, otherwise: str) -> None:
        element = found.get("content")
        item.content, item.is_html = text_construct(element)
        summary, summary_is_html = text_construct(found.get("summary"))
        if not item.content.strip():
            element, item.content, item.is_html = found.get("summary"), summary, summary_is_html
        elif summary_is_html == item.is_html:
            item.summary = summary
        else:
            item.summary = escape(summary, quote=False) if item.is_html else plain_text(summary)
        if not item.content.strip():
            item.content, item.is_html = otherwise, False
        item.base = self.tree.base(entry if element is None else _holder(element))


def text_construct(element: etree._Element | None) -> tuple[str, bool]:
    """The text of a title, summary or content, and whether it is HTML (RFC 4287, 3.1 and 4.1.3)."""
    if element is None:
        return "", False
    media_type = (element.get("type") or "text").strip().lower()
    if len(element):  # xhtml, or HTML that should have been escaped
        return inner_html(_holder(element)), True
    text = element.text or ""
    if element.get("mode") == "base64":  # Atom 0.3
        text = _decoded(text)
    elif "/" in media_type and not media_type.startswith("text/") and not media_type.endswith(("+xml", "/xml")):
        return "", False  # RFC 4287, 4.1.3.3: base64 of something that is no text
    return text, "html" in media_type


def _holder(element: etree._Element) -> etree._Element:
    """The element whose inside is the markup: xhtml's obligatory <div>, else the element itself."""
    alone = len(element) == 1 and not (element.text or "").strip() and not (element[0].tail or "").strip()
    return element[0] if alone and local_name(element[0]) == "div" else element


def _decoded(text: str) -> str:
    try:
        return safe(b64decode(text).decode("utf-8", "replace"))
    except ValueError:
        return ""


def _title(element: etree._Element) -> str:
    text, is_html = text_construct(element)
    return html_title(text) if is_html else one_line(text)


def _text(found: dict[str, etree._Element], name: str) -> str:
    return (found[name].text or "") if name in found else ""


def _authors(element: etree._Element, known: Names) -> str:
    """The names of all authors of a feed or an entry."""
    people = [child for child in element if known[child.tag] == "author"]
    found = [next((part.text for part in person if local_name(part) == "name"), person.text) for person in people]
    return ", ".join(name for name in (author_name(name or "") for name in found[:10]) if name)
