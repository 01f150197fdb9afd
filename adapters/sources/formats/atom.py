"""Reads Atom 1.0 (RFC 4287) and its forerunner 0.3."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from html import escape

from adapters.base import FeedInfo

from . import dates, media
from .items import Document, Item, author_name, posts, publishers_wish
from .names import ATOM, Names, local_name, names
from .text import html_title, one_line, plain_text, safe
from .xmltree import Element, Tree, inner_html

_LANGUAGE = "http://www.w3.org/XML/1998/namespace}lang"


def read(tree: Tree, now: datetime) -> Document:
    known = names(ATOM, tree.root.tag)
    found: dict[str, Element] = {}
    links: list[_Link] = []
    entries: list[Element] = []
    for child in tree.root.children:
        name = known[child.tag]
        if name == "entry":
            entries.append(child)
        elif name == "link":
            links.append(_Link.of(child))
        elif name:
            found.setdefault(name, child)
    info = _info(tree, found, links)
    chinese = info.language.lower().startswith("zh")
    reader = _Entries(known, now, info.home, _authors(tree.root, known), chinese)
    return Document(
        info,
        *posts(map(reader.read, entries), pristine=tree.pristine),
        not_before=publishers_wish("", _text(found, "sy:updateperiod"), _text(found, "sy:updatefrequency")),
    )


def _info(tree: Tree, found: dict[str, Element], links: list["_Link"]) -> FeedInfo:
    return FeedInfo(
        title=_title(found["title"]) if "title" in found else "",
        home=_page(links),
        language=one_line(tree.root.attributes.get(_LANGUAGE, ""), 35),
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
    def of(cls, element: Element) -> "_Link":
        get = element.attributes.get
        return cls(
            (get("rel") or "alternate").strip().lower().removeprefix(_RELATIONS),
            get("type", "").strip().lower(),
            element.link(get("href") or element.text),
            get("length", ""),
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

    known: Names
    now: datetime
    home: str
    author: str
    chinese: bool

    def read(self, element: Element) -> Item:
        """Of elements that occur twice the first counts."""
        item = Item()
        found: dict[str, Element] = {}
        texts: dict[str, str] = {}
        links: list[_Link] = []
        for child in element.children:
            name = self.known[child.tag]
            if name == "link":
                links.append(_Link.of(child))
            elif name == "category":
                item.tags.append(child.attributes.get("term") or child.attributes.get("label") or child.text)
            elif name in media.NAMES:
                media.take(name, child, item, texts, self.known)
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

    def _date(self, item: Item, found: dict[str, Element]) -> None:
        published = _text(found, "published") or _text(found, "issued") or _text(found, "created")
        updated = _text(found, "updated") or _text(found, "modified")
        item.published_text = published.strip()
        item.published = dates.parse(published, self.now, chinese=self.chinese)
        item.updated = dates.parse(updated, self.now, chinese=self.chinese)

    def _content(self, item: Item, found: dict[str, Element], entry: Element, otherwise: str) -> None:
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
        item.base = (entry if element is None else _holder(element)).base


def text_construct(element: Element | None) -> tuple[str, bool]:
    """The text of a title, summary or content, and whether it is HTML (RFC 4287, 3.1 and 4.1.3)."""
    if element is None:
        return "", False
    media_type = (element.attributes.get("type") or "text").strip().lower()
    if element.children:  # xhtml, or HTML that should have been escaped
        return inner_html(_holder(element)), True
    text = element.text
    if element.attributes.get("mode") == "base64":  # Atom 0.3
        text = _decoded(text)
    elif "/" in media_type and not media_type.startswith("text/") and not media_type.endswith(("+xml", "/xml")):
        return "", False  # RFC 4287, 4.1.3.3: base64 of something that is no text
    return text, "html" in media_type


def _holder(element: Element) -> Element:
    """The element whose inside is the markup: xhtml's obligatory <div>, else the element itself."""
    children = element.children
    alone = len(children) == 1 and not element.text.strip() and not children[0].tail.strip()
    return children[0] if alone and local_name(children[0].tag) == "div" else element


def _decoded(text: str) -> str:
    try:
        return safe(b64decode(text).decode("utf-8", "replace"))
    except ValueError:
        return ""


def _title(element: Element) -> str:
    text, is_html = text_construct(element)
    return html_title(text) if is_html else one_line(text)


def _text(found: dict[str, Element], name: str) -> str:
    return found[name].text if name in found else ""


def _authors(element: Element, known: Names) -> str:
    """The names of all authors of a feed or an entry."""
    people = [child for child in element.children if known[child.tag] == "author"]
    parts = [next((part for part in one.children if local_name(part.tag) == "name"), one) for one in people[:10]]
    return ", ".join([name for part in parts if (name := author_name(part.text))])
