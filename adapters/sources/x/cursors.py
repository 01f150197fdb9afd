"""How far an account was read, as it is kept between two polls (sources-x.md 5.1 and 6)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.base import Cursor
from adapters.sources.x.snowflakes import floor_id, made_at

OVERLAP: Final = timedelta(seconds=60)  # searches find posts late and not in their order
QUIET_LAG: Final = timedelta(minutes=5)  # how far behind now an empty search moves the cursor
LOOK_AFTER: Final = timedelta(hours=6)  # searches are silent about who was suspended: the timeline tells
SEARCH_WITHIN: Final = timedelta(hours=2)  # an older place would drag everybody in the same search back
WORTH_STORING: Final = timedelta(minutes=10)  # of progress without posts
NAMES_AGE: Final = timedelta(days=7)
MOST_SEEN: Final = 60
BRIDGES_MISS: Final = timedelta(hours=1)  # how late they may be with a post


@dataclass(frozen=True, slots=True)
class Place:
    """``since``: all up to this id was read from the timeline; ``searched``: and up to this one by search.

    An unfinished walk through the timeline goes on at ``token``, and will end with ``top``.
    """

    since: int = 0
    searched: int = 0
    seen: tuple[int, ...] = ()  # handed on, though above ``searched``
    looked: int = 0  # at the timeline, Unix seconds
    token: str = ""
    top: int = 0
    username: str = ""
    name: str = ""
    image: str = ""
    named: int = 0  # when X told these three, Unix seconds

    def is_first(self) -> bool:
        return not self.looked

    def may_search(self, now: datetime) -> bool:
        at = made_at(self.searched)
        recent = at is not None and now - at < SEARCH_WITHIN
        return recent and not self.token and now.timestamp() - self.looked < LOOK_AFTER.total_seconds()

    def wants_names(self, now: datetime) -> bool:
        return now.timestamp() - self.named > NAMES_AGE.total_seconds()

    def after_timeline(self, top: int, handed_on: list[int], now: datetime) -> "Place":
        """A walk has come to its end; ``top``: the highest id of its first page, 0 when that was empty."""
        searched = floor_id(now - OVERLAP)
        since = max(self.since, top) or floor_id(now)  # an account without posts has no id to go on from
        return replace(
            self, since=since, searched=searched, seen=_above(searched, handed_on), looked=int(now.timestamp()),
            token="", top=0,
        )  # fmt: skip

    def after_search(self, newest: int, handed_on: list[int], now: datetime) -> "Place":
        """``newest``: the highest id that the search found for anybody, 0 when there was none."""
        searched = max(self.searched, floor_id(now - QUIET_LAG), min(newest, floor_id(now - OVERLAP)))
        return replace(self, searched=searched, seen=_above(searched, [*self.seen, *handed_on]))

    def differs(self, before: "Place") -> bool:
        """Whether it is worth storing when there were no posts."""
        gained = timedelta(milliseconds=(self.searched >> 22) - (before.searched >> 22))
        return gained > WORTH_STORING or replace(self, searched=0, seen=(), looked=0) != replace(
            before, searched=0, seen=(), looked=0
        )


def _above(floor: int, identifiers: list[int]) -> tuple[int, ...]:
    return tuple(sorted({one for one in identifiers if one > floor})[-MOST_SEEN:])


_NAMES: Final = {
    "since": "s", "searched": "q", "seen": "k", "looked": "w", "token": "t", "top": "p",
    "username": "u", "name": "n", "image": "i", "named": "d",
}  # fmt: skip
_IDS: Final = frozenset(("since", "searched", "top"))


def stored(place: Place) -> Cursor:
    """Ids as text: some readers of JSON take long numbers for fractions."""
    cursor: dict[str, Any] = {}
    for field, short in _NAMES.items():
        if value := getattr(place, field):
            cursor[short] = str(value) if field in _IDS else [str(one) for one in value] if field == "seen" else value
    return cursor


def read(cursor: Cursor) -> Place:
    """What came by a bridge (``m``: the newest of it) is not read, and paid, again, but for what it may have missed."""
    given: dict[str, Any] = {}
    for field, short in _NAMES.items():
        if short in cursor:
            value = cursor[short]
            given[field] = int(value) if field in _IDS else tuple(map(int, value)) if field == "seen" else value
    place = Place(**given)
    if at := made_at(int(cursor.get("m", "0"))):
        place = replace(place, since=max(place.since, floor_id(at - BRIDGES_MISS)), searched=0, looked=1)
    return place
