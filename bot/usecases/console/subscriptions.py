"""An account's subscriptions on pages: lists, following at several destinations at once, moving, taking an end back,
and lists of other readers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.base import Found
from bot.errors import Conflict, LimitReached, NoCredits
from bot.rules import plans
from bot.rules.opml import Outline
from bot.rules.options import Options
from bot.usecases import opml, posts, subscriptions, views
from bot.usecases.chat.undoing import LASTS
from bot.usecases.chat.who import Terms
from bot.usecases.native import destinations, feeds
from bot.usecases.native import subscriptions as native
from storage import accounts, owned, subscription_lists
from storage import subscriptions as stored
from storage.database import Work
from storage.models import Destination, Feed
from storage.subscription_lists import COUNTED, SORTED, Health, Listed, Order, Sought

MOST_DESTINATIONS = 100  # that a page offers, the newest

__all__ = ["COUNTED", "SORTED", "Health", "Listed", "Order"]


# Lists


@dataclass(frozen=True, slots=True)
class Search:
    """What of a list is wanted; empty: whatever."""

    words: str = ""
    health: Health = ""
    destination: UUID | None = None
    order: Order = "newest"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of a list.  ``total``: of all subscriptions, up to ``COUNTED``.  ``exact``: those whose address is what
    was searched for.  ``looked``: how many a search looks through at once."""

    listed: Listed
    total: int
    looked: int
    destinations: Sequence[Destination]
    exact: Sequence[Any] = ()


def shelf(work: Work, account_id: int, search: Search, after: int | None, limit: int, sources: Sequence[str]) -> Shelf:
    """``sources``: kinds that are installed."""
    session = work.session
    total = subscription_lists.count(session, account_id)
    offered = choices(work, account_id)
    to = owned.destination(session, account_id, search.destination) if search.destination else None
    sought = Sought(search.words, search.health, to.id if to else None)
    order: Order = search.order if total <= SORTED or search.order == "oldest" else "newest"
    listed = subscription_lists.page(session, account_id, sought, order, after, limit, work.now)
    exact: Sequence[Any] = ()
    if search.words and listed.looked and after is None:
        keys = [search.words, f"https://{search.words}"]
        exact = subscription_lists.with_key(session, account_id, sources, keys, limit)
    return Shelf(listed, total, subscription_lists.LOOKED, offered, exact)


def choices(work: Work, account_id: int) -> Sequence[Destination]:
    """Where posts may go, the newest first."""
    return owned.destinations(work.session, account_id, 1 << 62, MOST_DESTINATIONS)


# Following


@dataclass(frozen=True, slots=True)
class Standing:
    """A feed as an account stands to it before it follows.  ``there``: destinations that it goes to already."""

    feed: Feed | None
    there: frozenset[UUID]
    destinations: Sequence[Destination]
    first: bool  # it follows nothing yet


def standing(work: Work, account_id: int, source: str, key: str) -> Standing:
    feed = feeds.followed(work, account_id, source, key)
    offered = choices(work, account_id)
    there = set(subscription_lists.destinations_of(work.session, account_id, feed.id)) if feed else set()
    first = not subscription_lists.count(work.session, account_id)
    return Standing(feed, frozenset(one.uid for one in offered if one.id in there), offered, first)


@dataclass(frozen=True, slots=True)
class Followed:
    new: Sequence[Any]  # (subscription, feed, destination)
    known: int  # were there before


def follow(
    work: Work,
    terms: Terms,
    known: plans.Plans,
    account_id: int,
    to: Sequence[UUID],
    source: str,
    found: Found,
    host: str,
    *,
    latest: bool,
    options: Options | None,
) -> Followed:
    """At all of these destinations or, where one cannot be, at none.

    Raises NotFound, Conflict, LimitReached, NoCredits.
    """
    made, before = [], 0
    for uid in to:
        was = _is_active(work, account_id, source, found.key, uid)
        wish = native.Wish(account_id, uid, latest, options)
        row = native.subscribe(work, terms, known, wish, source, found, host)
        found = replace(found, page=replace(found.page, reads=0))  # it was read once, whatever it is followed for
        if was:
            before += 1
        else:
            made.append(row)
    return Followed(made, before)


def _is_active(work: Work, account_id: int, source: str, key: str, uid: UUID) -> bool:
    feed = feeds.followed(work, account_id, source, key)
    if feed is None:
        return False
    to = destinations.get(work, account_id, uid)
    wish = stored.find(work.session, account_id, feed.id, to.id)
    return wish is not None and wish.active


# One subscription


@dataclass(frozen=True, slots=True)
class One:
    """``row``: (subscription, feed, destination); ``posts``: the newest that it is sent; ``choices``: where to else."""

    row: Any
    posts: Sequence[views.Stored]
    choices: Sequence[Destination]


def one(work: Work, account_id: int, id_: str, limit: int) -> One:
    """With ``limit`` posts.  Raises NotFound."""
    row = native.get(work, account_id, id_)
    wanted = [(post.id, post.version) for post in posts.newest(work, row[1].id, limit, row[0].wants)]
    loaded = views.load(work, wanted)
    return One(row, [loaded[post] for post in wanted if post in loaded], choices(work, account_id))


def move(work: Work, account_id: int, id_: str, uid: UUID | None) -> Any:
    """To another destination.  Returns (subscription, feed, destination).  Raises NotFound, Conflict."""
    accounts.lock(work.session, account_id)
    row = native.get(work, account_id, id_)
    if not row[0].active:
        raise Conflict("this subscription has ended", code="ended")
    to = _verified(work, account_id, uid)
    moved = subscriptions.move(work, row[0].id, to.id)
    return owned.subscription(work.session, account_id, moved.id)


def restore(work: Work, known: plans.Plans, account_id: int, id_: str) -> Any:
    """Take an end back, with what was queued, for as long as nothing was missed.

    Returns (subscription, feed, destination).  Raises NotFound, Conflict, LimitReached.
    """
    account = accounts.lock(work.session, account_id)
    row = native.get(work, account_id, id_)
    wish, _, to = row
    if wish.active:
        return row
    if wish.ended_at is None or wish.ended_at + LASTS < work.now:
        raise Conflict("that was too long ago to be taken back; follow it again", code="too_late")
    _verified(work, account_id, to.uid)
    room = _room(work, known, account)
    if room is not None and room < 1:
        raise LimitReached("the plan allows no more subscriptions", code="plan_full")
    subscriptions.restore(work, wish.id, to.id)
    return native.get(work, account_id, id_)


def _verified(work: Work, account_id: int, uid: UUID | None) -> Destination:
    to = destinations.get(work, account_id, uid)
    if to.verified_at is None:
        raise Conflict("the destination is not verified yet", code="unverified")
    return to


def _room(work: Work, known: plans.Plans, account: Any) -> int | None:
    """How many more the plan allows; None: as many as anybody likes."""
    limit = plans.limits(known, account.plan, account.overrides).subscriptions
    return None if limit is None else max(limit - stored.count_of_account(work.session, account.id), 0)


# Lists of other readers


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of a part of a list."""

    made: int = 0
    known: int = 0  # were there before
    refused: Sequence[Outline] = ()  # their address cannot be followed
    without_room: Sequence[Outline] = ()  # more than the plan allows


def may_take_over(work: Work, account_id: int, uid: UUID | None) -> Destination:
    """Raises NotFound, Conflict, NoCredits."""
    account = accounts.get(work.session, account_id)
    assert account is not None
    if account.credits is not None and account.credits < 1:
        raise NoCredits("no credits are left", code="no_credits")
    return _verified(work, account_id, uid)


def take_over(
    work: Work,
    known: plans.Plans,
    account_id: int,
    uid: UUID,
    outlines: Sequence[Outline],
    naming: opml.Naming,
) -> TakenOver:
    """Follow what a part of a list names, at most ``opml.AT_ONCE``, as far as the plan allows.

    Raises NotFound, Conflict.
    """
    account = accounts.lock(work.session, account_id)
    to = _verified(work, account_id, uid)
    room = _room(work, known, account)
    if room is None or room >= len(outlines):
        done = opml.import_opml(work, account_id=account_id, destination_id=to.id, outlines=outlines, naming=naming)
        return TakenOver(len(done.made), done.known, done.refused)
    return _take_over_some(work, account_id, to.id, outlines, naming, room)


def _take_over_some(
    work: Work, account_id: int, destination_id: int, outlines: Sequence[Outline], naming: opml.Naming, room: int
) -> TakenOver:
    """One by one, for only what is new takes room."""
    made = before = 0
    refused: list[Outline] = []
    left: list[Outline] = []
    for one in outlines:
        if made >= room:
            if _goes_there(work, account_id, destination_id, one, naming):
                before += 1
            else:
                left.append(one)
            continue
        done = opml.import_opml(
            work, account_id=account_id, destination_id=destination_id, outlines=[one], naming=naming
        )
        made, before = made + len(done.made), before + done.known
        refused += done.refused
    return TakenOver(made, before, refused, left)


def _goes_there(work: Work, account_id: int, destination_id: int, one: Outline, naming: opml.Naming) -> bool:
    try:
        key, _ = naming(one.url)
    except ValueError:
        return False
    feed = feeds.followed(work, account_id, opml.SOURCE, key)
    wish = stored.find(work.session, account_id, feed.id, destination_id) if feed else None
    return wish is not None and wish.active


def hand_on(work: Work, account_id: int) -> list[Outline]:
    """The web feeds that the account follows, each once."""
    return opml.export_opml(work, account_id=account_id)


def paused_until(row: Any, now: datetime) -> datetime | None:
    """None: it is not paused."""
    until: datetime | None = row[0].paused_until
    return until if until is not None and until > now else None
