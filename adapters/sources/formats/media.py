"""Reads the files and pictures that extensions hang on an item: enclosures, Media RSS, iTunes."""

from adapters.base import Enclosure

from .items import Item
from .names import Names
from .xmltree import Element


def take(name: str, element: Element, item: Item, texts: dict[str, str], known: Names) -> None:
    """Put what ``element`` says into ``item``, and its titles and descriptions into ``texts``."""
    if name in ("media:thumbnail", "itunes:image"):
        item.image = item.image or _address(element)
    elif name == "enclosure":
        _take_file(element, item)
    elif name in ("media:content", "media:group"):
        if name == "media:content":
            _take_media(element, item)
        for child in element.children:
            take(known[child.tag], child, item, texts, known)
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


def _take_media(element: Element, item: Item) -> None:
    """A picture illustrates the post; anything else belongs to it as a file."""
    kind = (element.attributes.get("medium") or element.attributes.get("type", "")).lower()
    if kind.startswith("image"):
        item.image = item.image or _address(element)
    elif kind:
        _take_file(element, item)


def _take_file(element: Element, item: Item) -> None:
    get = element.attributes.get
    add_file(item, _address(element), get("type", ""), get("length", ""))


def _address(element: Element) -> str:
    return element.link(element.attributes.get("url") or element.attributes.get("href", ""))


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
