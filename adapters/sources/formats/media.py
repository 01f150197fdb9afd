"""Reads the files and pictures that extensions hang on an item: enclosures, Media RSS, iTunes."""

from lxml import etree

from adapters.base import Enclosure

from .items import Item
from .names import Names
from .xmltree import Tree


def take(name: str, element: etree._Element, item: Item, texts: dict[str, str], tree: Tree, known: Names) -> None:
    """Put what ``element`` says into ``item``, and its titles and descriptions into ``texts``."""
    if name in ("media:thumbnail", "itunes:image"):
        item.image = item.image or _address(element, tree)
    elif name == "enclosure":
        _take_file(element, item, tree)
    elif name in ("media:content", "media:group"):
        if name == "media:content":
            _take_media(element, item, tree)
        for child in element:
            take(known[child.tag], child, item, texts, tree, known)
    elif name in ("media:title", "media:description") and element.text and not element.text.isspace():
        texts.setdefault(name, element.text)


NAMES = frozenset(
    (
        "enclosure",
        "itunes:image",
        "media:content",
        "media:description",
        "media:group",
        "media:thumbnail",
        "media:title",
    )
)


def _take_media(element: etree._Element, item: Item, tree: Tree) -> None:
    """A picture illustrates the post; anything else belongs to it as a file."""
    kind = (element.get("medium") or element.get("type") or "").lower()
    if kind.startswith("image"):
        item.image = item.image or _address(element, tree)
    elif kind:
        _take_file(element, item, tree)


def _take_file(element: etree._Element, item: Item, tree: Tree) -> None:
    add_file(item, _address(element, tree), element.get("type") or "", element.get("length") or "")


def _address(element: etree._Element, tree: Tree) -> str:
    return tree.link(element, element.get("url") or element.get("href"))


MOST_FILES = 20


def add_file(item: Item, address: str, media_type: str, size: str) -> None:
    """A picture among the files also becomes the post's image if it has none."""
    media_type = media_type.strip().lower()[:100]
    if address and len(item.enclosures) < MOST_FILES and all(address != file.url for file in item.enclosures):
        size = size.strip()
        is_size = size.isdecimal() and len(size) < 16
        item.enclosures.append(Enclosure(address, media_type, int(size) or None if is_size else None))
        if media_type.startswith("image/"):
            item.image = item.image or address
