"""Reads RSS: 0.9x and 2.0 with their items inside the channel, 0.90 and 1.0 (RDF) with them beside it."""

from dataclasses import dataclass, field
from datetime import datetime

from adapters.base import FeedFailed, FeedFault, FeedInfo

from . import dates, media
from .items import Document, Item, author_name, posts, publishers_wish
from .names import RSS, Names, local_name, names
from .text import absolute, one_line, rss_title
from .xmltree import Element, Tree, inner_html


def read(tree: Tree, now: datetime) -> Document:
    """Raises FeedFailed if there is neither a channel nor an item."""
    parts = [part for part in tree.root.children if local_name(part.tag) in ("channel", "item")]
    if not parts:
        raise FeedFailed(FeedFault.NOT_A_FEED, "the document has neither a channel nor items")
    known = names(RSS, parts[0].tag)
    channel = _Channel(known)
    elements: list[Element] = []
    for part in parts:
        elements += channel.read(part) if local_name(part.tag) == "channel" else [part]
    reader = _Items(known, now, channel.home, channel.language.lower().startswith("zh"))
    found = channel.found
    return Document(
        channel.info(),
        *posts(map(reader.read, elements), pristine=tree.pristine),
        not_before=publishers_wish(
            found.get("ttl", ""), found.get("sy:updateperiod", ""), found.get("sy:updatefrequency", "")
        ),
    )


@dataclass(slots=True)
class _Channel:
    """What a channel says of itself."""

    known: Names
    found: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, str, str]] = field(default_factory=list)  # name, rel, address

    def read(self, channel: Element) -> list[Element]:
        """Take in the channel's own elements; returns its items."""
        items = []
        for child in channel.children:
            name = self.known[child.tag]
            if name == "item":
                if child.children:
                    items.append(child)
            elif name in ("link", "atom:link"):
                get = child.attributes.get
                address = child.link(get("href") or child.text)
                self.links.append((name, (get("rel") or "alternate").lower(), address))
            elif name and (text := child.text.strip()):
                self.found.setdefault(name, text)
        return items

    @property
    def language(self) -> str:
        return self.found.get("language") or self.found.get("dc:language", "")

    @property
    def home(self) -> str:
        """RSS's own link before an atom:link, which may stand before it (feeds.md 1.2)."""
        pages = [(name != "link", address) for name, rel, address in self.links if address and rel == "alternate"]
        return min(pages, key=lambda page: page[0])[1] if pages else ""

    def info(self) -> FeedInfo:
        hubs = [address for _, rel, address in self.links if address and rel == "hub"]
        return FeedInfo(
            title=rss_title(self.found.get("title", "")),
            home=self.home,
            language=one_line(self.language, 35),
            hubs=tuple(dict.fromkeys(hubs))[:5],
            topic=next((address for _, rel, address in self.links if rel == "self"), ""),
        )


@dataclass(frozen=True, slots=True)
class _Items:
    """Reads the items of one document."""

    known: Names
    now: datetime
    home: str
    chinese: bool

    def read(self, element: Element) -> Item:
        """Of elements that occur twice the first that says something counts."""
        item = Item(base=element.base)
        found: dict[str, str] = {}
        known = self.known
        for child in element.children:
            name = known[child.tag]
            if take := _TAKE.get(name):
                take(self, name, child, item, found)
            elif name and name not in found:
                text = inner_html(child) if child.children else child.text
                if text and not text.isspace():
                    found[name] = text
        self._identify(item, found, element)
        self._date(item, found)
        self._fill(item, found)
        return item

    def _guid(self, name: str, element: Element, _item: Item, found: dict[str, str]) -> None:
        text = element.text
        if text and name not in found and not text.isspace():
            found[name] = text

    def _tag(self, _name: str, element: Element, item: Item, _found: dict[str, str]) -> None:
        item.tags.append(element.text)

    def _address(self, name: str, element: Element, _item: Item, found: dict[str, str]) -> None:
        get = element.attributes.get
        if name not in found and (name == "link" or (get("rel") or "alternate").lower() == "alternate"):
            address = element.link(element.text or get("href", ""))
            if address:
                found[name] = address

    def _author(self, _name: str, element: Element, _item: Item, found: dict[str, str]) -> None:
        """Perhaps in Atom's manner."""
        name_part = next((child for child in element.children if local_name(child.tag) == "name"), element)
        found.setdefault("author", name_part.text)

    def _media(self, name: str, element: Element, item: Item, found: dict[str, str]) -> None:
        media.take(name, element, item, found, self.known)

    def _identify(self, item: Item, found: dict[str, str], element: Element) -> None:
        guid = found.get("guid", "").strip()
        item.raw_id = guid or element.attributes.get(_ABOUT, "").strip() or found.get("id", "").strip()
        item.link = found.get("link") or found.get("atom:link") or ""
        if guid and not item.link and self._is_permalink(element):
            item.link = absolute(guid, "")
        item.other_link = item.enclosures[0].url if item.enclosures else self.home
        item.video_id = found.get("yt:videoid", "").strip()

    def _is_permalink(self, item: Element) -> bool:
        """Whether the first guid that says something does not deny it."""
        guids = (child for child in item.children if self.known[child.tag] == "guid")
        get = next(guid.attributes.get for guid in guids if guid.text and not guid.text.isspace())
        said = get("isPermaLink") or get("ispermalink") or "true"
        return said.strip().lower() != "false"

    def _date(self, item: Item, found: dict[str, str]) -> None:
        get = found.get
        published = get("pubdate") or get("dc:date") or get("dcterms:issued") or get("dcterms:created")
        item.published_text = (published or get("atom:published") or get("published") or "").strip()
        item.published = dates.parse(item.published_text, self.now, chinese=self.chinese)
        if updated := get("atom:updated") or get("dcterms:modified") or get("updated"):
            item.updated = dates.parse(updated, self.now, chinese=self.chinese)

    def _fill(self, item: Item, found: dict[str, str]) -> None:
        get = found.get
        item.title = rss_title(get("title") or get("media:title") or get("itunes:title") or "")
        item.author = author_name(get("dc:creator") or get("author") or get("itunes:author") or "")
        description = get("description") or ""
        if full := get("content:encoded") or get("xhtml:body"):
            item.content, item.summary = full, description
        elif description:
            item.content = description
        else:
            item.content = get("itunes:summary") or get("media:description") or ""
            item.is_html = not item.content  # both are plain text


# Elements that say something by their attributes or children.
_TAKE = {
    "author": _Items._author,
    "atom:author": _Items._author,
    "atom:link": _Items._address,
    "category": _Items._tag,
    "dc:subject": _Items._tag,
    "guid": _Items._guid,
    "link": _Items._address,
    **dict.fromkeys(media.NAMES, _Items._media),
}
_ABOUT = "http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
