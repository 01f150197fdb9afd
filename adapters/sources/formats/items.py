"""Turns what a reader found in a document into posts: keys, order, limits.  All formats meet here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

from msgspec import Struct

from adapters.base import Enclosure, FeedInfo, Post

from . import identity
from .text import LINK_LENGTH, cut, one_line, safe

MOST_POSTS = 500
LONGEST_HINT = timedelta(minutes=60)  # feeds.md 8: a wish, believed up to here


class NotStrict(Exception):
    """The document is not well formed, or of a kind only feedparser might know: ``read_tolerant`` it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A feed document, read."""

    info: FeedInfo
    posts: tuple[Post, ...]  # oldest first, the newest 500
    places: tuple[int, ...]  # of each post the place of its item among those that say something
    complete: bool = True  # False: nothing may be concluded from what is absent
    not_before: timedelta = timedelta(0)  # the publisher's wish, at most an hour; zero: none
    ended: bool = False  # the publisher says that nothing will ever be added
    left_out: tuple[datetime | None, ...] = ()  # when the items were published that were known and not read again
    seen: str = ""  # by which the items are known next time; empty: the document is always read whole


class Item(Struct, gc=False):
    """An item as found in its document: texts are unchecked, links absolute or empty."""

    raw_id: str = ""
    link: str = ""  # the item's own
    other_link: str = ""  # shown when it has none of its own: an enclosure, the channel's page
    video_id: str = ""
    title: str = ""  # plain, one line
    content: str = ""
    summary: str = ""
    is_html: bool = True
    base: str = ""
    author: str = ""  # one line
    published_text: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    image: str = ""
    enclosures: list[Enclosure] = []  # a Struct gives each its own
    tags: list[str] = []

    def is_empty(self) -> bool:
        return not (self.raw_id or self.link or self.title or self.content or self.enclosures)


def posts(items: Iterable[Item], *, pristine: bool) -> tuple[tuple[Post, ...], tuple[int, ...]]:
    """The newest 500 posts, oldest first, and their places; ``items`` come in the document's order.

    ``pristine``: the document has no character in it that ``safe`` would remove.
    """
    listed = [item for item in items if not item.is_empty()]
    links = identity.links(listed)
    keys = identity.keys(listed, links)
    places: Sequence[int] = range(len(listed))
    if len(set(keys)) < len(keys):  # of an item listed twice the first counts
        first = {key: at for at, key in reversed(list(enumerate(keys)))}
        places = sorted(first.values())
        keys, listed, links = [keys[n] for n in places], [listed[n] for n in places], [links[n] for n in places]
    rows = list(zip(keys, identity.link_keys(links), listed, places, strict=True))
    newest = _oldest_first(rows)[-MOST_POSTS:]
    return tuple([_post(*row[:3], pristine) for row in newest]), tuple([row[3] for row in newest])


def author_name(written: str) -> str:
    """The name in "mail (name)", "name <mail>" and the like; what is written if there is none."""
    author = one_line(written, 300)
    if "@" not in author:
        return author
    if author.endswith(")"):
        mail, _, name = author[:-1].partition(" (")
    elif author.endswith(">"):
        name, _, mail = author[:-1].partition(" <")
    else:
        return author
    if "@" in name:
        name = mail
    return name.strip() or author


_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def publishers_wish(ttl: str, period: str, frequency: str) -> timedelta:
    """How long the publisher wants to be left alone: <ttl> in minutes, <sy:updatePeriod>, <sy:updateFrequency>."""
    minutes = int(ttl) if ttl.isdecimal() and len(ttl) < 8 else 0
    times = int(frequency) if frequency.isdecimal() and len(frequency) < 8 else 1
    between = _PERIODS.get(period.lower(), timedelta(0)) / max(times, 1)
    return min(max(timedelta(minutes=minutes), between), LONGEST_HINT)


_Row = tuple[bytes, bytes | None, Item, int]


def _oldest_first(rows: Sequence[_Row]) -> Sequence[_Row]:
    """By date when every item has one, else the reverse of the document (feeds.md 7)."""
    reverse = rows[::-1]
    dates = [item.published for _, _, item, _ in reverse]
    if not all(dates):
        return reverse
    return [row for _, row in sorted(zip(dates, reverse, strict=True), key=_DATE)]  # stable: of one moment as reversed


_DATE = itemgetter(0)


def _post(key: bytes, link_key: bytes | None, item: Item, pristine: bool) -> Post:
    content, summary = item.content.strip(), item.summary.strip()
    if not pristine:
        content, summary = safe(content), safe(summary)
    return Post(
        key=key,
        link_key=link_key,
        has_id=bool(item.raw_id),
        raw_id=(item.raw_id if pristine else safe(item.raw_id))[:LINK_LENGTH],
        title=item.title,
        url=item.link or item.other_link,
        author=item.author,
        content=cut(content),
        is_html=item.is_html,
        summary=cut(summary) if summary != content else "",
        base=item.base,
        published=item.published,
        updated=item.updated,
        image=item.image,
        enclosures=tuple(item.enclosures),
        tags=_tags(item.tags) if item.tags else (),
    )


_MOST_TAGS = 50


def _tags(found: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the document's order."""
    tags = dict.fromkeys([one_line(tag, 200) for tag in found])
    tags.pop("", None)
    return tuple(tags)[:_MOST_TAGS]
