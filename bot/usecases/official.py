"""Official accounts: feeds that callers of the history API see as such, and pages of their messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.clock import uuid7
from bot.errors import Conflict, Invalid, NotFound
from bot.rules import buckets
from bot.rules import official as rules
from bot.rules.official import Element, Finished, Place
from bot.usecases import feeds, views
from bot.usecases.retention import EMPTIED
from storage import accounts, official
from storage import buckets as stored_buckets
from storage.database import Work
from storage.models import Feed

LOOKED_AT = 1_000  # posts in one go, where many were taken back
END = 1 << 62  # beyond any number of a post

# Which feeds


def add(work: Work, feed: Feed, name: str = "") -> str:
    """Show a feed as an official account; returns its id, made of what the feed is where ``name`` is empty.

    Raises Invalid, Conflict.
    """
    name = name or rules.name_of(feed.source, feed.key, feed.uid)
    if not rules.is_name(name):
        raise Invalid(f"{name} cannot be an official account's id: {rules.PREFIX} and 1 to 100 visible characters")
    if there := official.name_of(work.session, feed.id):
        raise Conflict(f"feed {feed.id} is shown already, as {there}")
    if (other := official.feed_of(work.session, name)) is not None:
        raise Conflict(f"{name} is feed {other}; choose another id")
    official.add(work.session, feed.id, name, work.now)
    return name


def follow(work: Work, *, source: str, key: str, host: str, name: str) -> tuple[Feed, str]:
    """As ``add``, of a feed that need not be followed yet.  Raises Invalid, Conflict."""
    feed = feeds.follow(work, source, key, host, uuid7(work.now))
    return feed, add(work, feed, name)


def remove(work: Work, which: str) -> str:
    """Show it no more; ``which``: its id, or its feed's.  Returns its id.  Raises NotFound."""
    feed_id = int(which) if which.isdecimal() else official.feed_of(work.session, which)
    name = None if feed_id is None else official.name_of(work.session, feed_id)
    if feed_id is None or name is None:
        raise NotFound(f"there is no official account {which}; `postbell official list` lists them")
    official.remove(work.session, feed_id)
    feeds.forget_if_unwanted(work, feed_id)
    return name


def list_all(work: Work, limit: int) -> Sequence[Any]:
    """As ``storage.official.list_all``."""
    return official.list_all(work.session, limit)


# What they are


@dataclass(frozen=True, slots=True)
class Described:
    """An official account, as its feed is called."""

    name: str
    title: str
    image: str  # an address, or empty
    created_at: datetime
    last_new_at: datetime | None


def described(work: Work, names: Sequence[str]) -> Sequence[Described]:
    """In the order of ``names``.  Raises NoAccount."""
    found = {row.name: row for row in official.described(work.session, names)}
    if missing := next((name for name in names if name not in found), None):
        raise NoAccount(f"the official account {missing} does not exist, or does no more")
    rows = [found[name] for name in names]
    return [Described(row.name, row.title or row.key, row.image, row.created_at, row.last_new_at) for row in rows]


# Their history


class NoAccount(NotFound):
    """There is no official account of that name, or no more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Up to ``number`` messages before ``last``; the newest, where that is empty."""

    name: str
    last: str  # a message's key
    number: int
    recalled: bool  # also those that were taken back


@dataclass(frozen=True, slots=True)
class Message:
    """A message's place in the history."""

    id: int
    version: int
    seq: int
    at: datetime
    place: Place

    @property
    def key(self) -> str:
        return rules.key_of(self.seq, self.at)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of history."""

    messages: Sequence[Message]  # the earliest first
    finished: Finished
    last: str  # the key before which the next page begins


def page(work: Work, wanted: Wanted) -> Listed:
    """Costs the same at any depth.  Raises NoAccount."""
    feed_id = official.feed_of(work.session, wanted.name)
    if feed_id is None:
        raise NoAccount("the official account does not exist, or does no more")
    return _History(work, feed_id, wanted).page()


class _History:
    """One look into the history of a feed.

    Posts up to ``expired`` have lost their text by retention.  They are the first of every feed, as ids grow with time.
    """

    def __init__(self, work: Work, feed_id: int, wanted: Wanted) -> None:
        self._session, self._feed_id, self._wanted = work.session, feed_id, wanted
        self._limit = min(wanted.number, rules.MOST)
        self._expired = int(accounts.fact(work.session, EMPTIED) or 0)

    def page(self) -> Listed:
        found, beyond = self._find()
        kept = [self._message(row) for row in found[: self._limit]]
        older = found[self._limit] if len(found) > self._limit else None
        if older is not None:
            finished = self._finished(older)
        elif beyond is not None:
            return Listed(kept[::-1], Finished.NOT_ALL, self._message(beyond).key)
        else:
            finished = self._at_the_end(kept)
        return Listed(kept[::-1], finished, kept[-1].key if kept else self._wanted.last)

    def _find(self) -> tuple[list[Any], Any | None]:
        """One more than wanted, the latest first; and the last that was looked at, where more may be behind it."""
        found: list[Any] = []
        before = rules.seq_of(self._wanted.last) if self._wanted.last else END
        rows: Sequence[Any] = ()
        for some in (self._limit + 1, LOOKED_AT):
            rows = official.places(self._session, self._feed_id, before or 0, some)
            found += [row for row in rows if self._wanted.recalled or row.withdrawn_at is None]
            if len(rows) < some:
                return found, None
            if len(found) > self._limit:
                break
            before = rows[-1].seq
        return found, rows[-1]

    def _finished(self, older: Any) -> Finished:
        """There is more, and ``older`` is the next of it."""
        if older.id <= self._expired:
            return Finished.NOTHING_LEFT
        return Finished.NOT_ALL if self._wanted.number > rules.MOST else Finished.ALL

    def _at_the_end(self, kept: Sequence[Message]) -> Finished:
        """There is no more; where it has expired as far as the first, it may have been more."""
        earliest = kept[-1].id if kept else official.first(self._session, self._feed_id)
        return Finished.NOTHING_LEFT if earliest is not None and earliest <= self._expired else Finished.ALL

    def _message(self, row: Any) -> Message:
        place = Place.HOLLOW if row.id <= self._expired else Place.WHOLE
        return Message(row.id, row.version, row.seq, row.found_at, Place.RECALLED if row.withdrawn_at else place)


def bodies(work: Work, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Sequence[Element]]:
    """What posts, as (id, version), say as messages; one that was taken back meanwhile is left out."""
    stored = views.load(work, wanted)
    return {version: rules.body_of(views.shown(one, rules.LONGEST_TEXT)) for version, one in stored.items()}


def take_turn(work: Work, sdkappid: int) -> buckets.Rate:
    """One request more, counted for all processes."""
    now, one, whole = work.now, rules.ONE, rules.WHOLE
    full_at = stored_buckets.take(work.session, sdkappid, now, one, whole, table=official.OFFICIAL_BUCKETS)
    if full_at is None:
        return buckets.over(now + whole, now, one, whole)
    return buckets.found(full_at, now, one, whole)
