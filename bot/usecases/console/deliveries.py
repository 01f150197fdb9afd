"""An account's deliveries as its pages list, explain and repeat them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isqrt
from typing import Any, Literal
from uuid import UUID

from adapters.base import PostView
from bot.errors import Conflict, NotFound
from bot.rules import ids, retry
from bot.usecases import deliveries, views
from bot.usecases.console.flow import FEW, GROUPS
from storage import flow, lists, owned, providers
from storage.columns import from_micros
from storage.database import Work
from storage.models import DeliveryState
from storage.outbox import looking, recording

ROWS = 20_000  # that are read for a page at the most
LOOKED_AT = 400  # deliveries that a page looks through where an account has few subscriptions
ALSO_LOOKED_AT = 1_000  # for many to be sent again, where they are very few
AGAIN_AT_ONCE = 400  # are sent again, or counted, by one request
OUT_OF_STEP = timedelta(hours=1)  # by which rows may be older than their neighbours, at the most
CHOICES = 50  # destinations and feeds to choose among
STATES: Mapping[str, frozenset[str]] = {
    group: frozenset(state for state, of in GROUPS.items() if of == group)
    for group in ("queued", "held", "sent", "failed")
}
FINISHED = ("failed", "sent")  # groups of which many may be sent again


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None and empty: whichever.  ``feed``, ``destination``: numbers of the account's own."""

    group: str = ""
    feed: int | None = None
    destination: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: before a post's delivery through a subscription, or (``post`` None) below an id."""

    below: int
    post: int | None = None

    def __str__(self) -> str:
        return f"d{self.below}" if self.post is None else f"p{self.post}.{self.below}"


def place(text: str) -> Place | None:
    """None: from the start."""
    if match := re.fullmatch(r"d([0-9]{1,18})", text, re.ASCII):
        return Place(int(match[1]))
    if match := re.fullmatch(r"p([0-9]{1,18})\.([0-9]{1,18})", text, re.ASCII):
        return Place(int(match[2]), int(match[1]))
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """``more``: where the next page begins; None: there is none."""

    rows: Sequence[Any]
    more: Place | None = None


def page(work: Work, account_id: int, wanted: Wanted, at: Place | None, limit: int) -> Page:
    """The newest first.  There may be fewer on a page than fit, though more follow: it looks at so many only."""
    found, more = _found(work, account_id, wanted, at, limit, LOOKED_AT)
    rows = flow.shown(work.session, account_id, found)
    return Page([rows[id_] for id_ in found if id_ in rows], more)


def _found(
    work: Work, account_id: int, wanted: Wanted, at: Place | None, limit: int, looked: int
) -> tuple[list[int], Place | None]:
    if at is None or at.post is not None:
        most = FEW if at is None else 2 * FEW  # some may have been added since the page before
        mine = flow.subscriptions(work.session, account_id, most + 1, feed=wanted.feed, destination=wanted.destination)
        if len(mine) <= most:
            return _through(work, mine, wanted, at, limit, looked)
        if at is not None:
            return [], None
    return _below(work, account_id, wanted, at, limit)


def _through(
    work: Work, subscriptions: Sequence[int], wanted: Wanted, at: Place | None, limit: int, looked: int
) -> tuple[list[int], Place | None]:
    before = (at.post, at.below) if at and at.post is not None else (1 << 61, 1 << 61)
    if wanted.until:
        before = min(before, (flow.first_post(work.session, wanted.until + OUT_OF_STEP), 0))
    last = flow.first_post(work.session, wanted.since - OUT_OF_STEP) if wanted.since else 0
    narrowed = wanted.group or wanted.until or wanted.since
    many = min(looked, max(ROWS // max(len(subscriptions), 1), isqrt(ROWS))) if narrowed else limit + 1
    found = flow.newest(work.session, subscriptions, before, last, many)
    fitting = [one for one in found if _fits(one, wanted)]
    if len(fitting) > limit:
        return [one.id for one in fitting[:limit]], _after(fitting[limit - 1])
    return [one.id for one in fitting], _after(found[-1]) if len(found) == many else None


def _after(one: flow.Found) -> Place:
    return Place(one.place[1], one.place[0])


def _fits(one: flow.Found, wanted: Wanted) -> bool:
    created_at = from_micros(one.created_at)
    return (
        (not wanted.group or one.state in STATES[wanted.group])
        and (wanted.since is None or created_at >= wanted.since)
        and (wanted.until is None or created_at < wanted.until)
    )


def _below(work: Work, account_id: int, wanted: Wanted, at: Place | None, limit: int) -> tuple[list[int], Place | None]:
    sought = lists.Sought(
        account=account_id,
        destination=wanted.destination,
        feed=wanted.feed,
        states=sorted(STATES[wanted.group]) if wanted.group else (),
        since=wanted.since,
        until=wanted.until,
    )
    found = lists.deliveries(work.session, sought, at.below if at else 1 << 61, limit)
    return [row.id for row in found.rows], Place(found.before) if found.before else None


# What lists are narrowed by


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of the account's destinations and feeds; what was chosen is among them."""

    destinations: Sequence[Any]
    feeds: Sequence[Any]


def choices(work: Work, account_id: int, destination: str, feed: str) -> tuple[Choices, int | None, int | None]:
    """``destination``, ``feed``: public ids, or empty.  Also answers their numbers.  Raises NotFound."""
    session = work.session
    to = owned.destination(session, account_id, _id(destination)) if destination else None
    of = flow.feed_followed(session, account_id, _id(feed)) if feed else None
    if (destination and to is None) or (feed and of is None):
        raise NotFound("there is nothing here", code="nothing_here")
    destinations = list(owned.destinations(session, account_id, 1 << 61, CHOICES))
    feeds = list(flow.feeds_followed(session, account_id, CHOICES))
    if to and to.id not in {one.id for one in destinations}:
        destinations.append(to)
    if of and of.id not in {one.id for one in feeds}:
        feeds.append(of)
    return Choices(destinations, feeds), to.id if to else None, of.id if of else None


def _id(text: str) -> UUID:
    return ids.read(text) or UUID(int=0)


# One delivery

Why = Literal[
    "now", "sending_held", "disabled", "unreachable", "asked_to_wait", "channel_rests", "no_channel", "retry", "next",
    "held", "failed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trail:
    """``why``: it is not sent; None: it is.  ``until``: what is in the way ends then."""

    row: Any
    attempts: Sequence[Any]
    post: PostView | None
    why: Why | None
    until: datetime | None


def trail(work: Work, account_id: int, id_: int, channels: Mapping[str, int]) -> Trail:
    """``channels``: those that are set up, with how much text their messages hold.  Raises NotFound."""
    row = _get(work, account_id, id_)
    why, until = _why(work, row, channels)
    return Trail(row, looking.attempts(work.session, [id_]), _post(work, row, channels), why, until)


def _get(work: Work, account_id: int, id_: int) -> Any:
    row = flow.delivery(work.session, account_id, id_)
    if row is None:
        raise NotFound("there is nothing here", code="nothing_here")
    return row


def _post(work: Work, row: Any, channels: Mapping[str, int]) -> PostView | None:
    """As messages of its channel show it; None: there is none, or it was withdrawn."""
    if row.post_id is None or row.withdrawn_at:
        return None
    stored = views.load(work, [(row.post_id, row.post_version)]).get((row.post_id, row.post_version))
    return views.shown(stored, channels.get(row.channel, 4000)) if stored else None


def _why(work: Work, row: Any, channels: Mapping[str, int]) -> tuple[Why | None, datetime | None]:
    match row.state:
        case DeliveryState.FAILED:
            return "failed", None
        case DeliveryState.HELD:
            return "held", row.expires_at
        case DeliveryState.LEASED:
            return "now", None
        case DeliveryState.READY | DeliveryState.WAITING:
            return _in_the_way(work, row, channels)
    return None, None


def _in_the_way(work: Work, row: Any, channels: Mapping[str, int]) -> tuple[Why, datetime | None]:
    now = work.now
    if deliveries.is_held(work):
        return "sending_held", None
    if row.disabled_at:
        return "disabled", None
    if row.channel not in channels:
        return "no_channel", None
    if row.channel in providers.resting(work.session, now):
        return "channel_rests", None
    if row.open_until and row.open_until > now:
        return "unreachable", row.open_until
    if row.paused_until and row.paused_until > now:
        return "asked_to_wait", row.paused_until
    if row.state == DeliveryState.WAITING:
        return "retry", row.due_at
    return "next", None


def send_again(work: Work, account_id: int, id_: int) -> None:
    """Whatever became of it.  Raises NotFound, Conflict."""
    row = _get(work, account_id, id_)
    if row.removed_at or row.verified_at is None:
        raise Conflict("its destination was removed, or is not verified", code="destination_gone")
    if row.disabled_at:
        raise Conflict("its destination is disabled", code="destination_disabled")
    if row.withdrawn_at:
        raise Conflict("its publisher has withdrawn the post", code="post_withdrawn")
    if row.state == DeliveryState.LEASED:
        raise Conflict("it is being sent right now", code="being_sent")
    deliveries.send_again(work, id_)


# Many


@dataclass(frozen=True, slots=True)
class Slice:
    """``n`` deliveries of so many looked at can be sent again, or are.  ``more``: where the next slice begins."""

    n: int
    more: Place | None


def count(work: Work, account_id: int, wanted: Wanted, at: Place | None) -> Slice:
    """How many of a slice could be sent again.  ``wanted`` names a group of FINISHED and an ``until``."""
    ids_, more = _sendable(work, account_id, wanted, at)
    return Slice(len(ids_), more)


def send_many_again(work: Work, account_id: int, wanted: Wanted, at: Place | None) -> Slice:
    """Queue a slice of these once more; what is sent again is behind the next slice, so nothing is sent twice."""
    ids_, more = _sendable(work, account_id, wanted, at)
    n = recording.send_all_again(work.session, ids_, work.now + retry.MANUAL_TTL, work.now)
    if n:
        work.wakes.add("deliveries")
    return Slice(n, more)


def _sendable(work: Work, account_id: int, wanted: Wanted, at: Place | None) -> tuple[Sequence[int], Place | None]:
    assert wanted.group in FINISHED
    found, more = _found(work, account_id, wanted, at, AGAIN_AT_ONCE, ALSO_LOOKED_AT)
    return flow.sendable(work.session, account_id, found), more


def within(wanted: Wanted, now: datetime) -> Wanted:
    """As ``wanted``, without what is queued from now on: so a range that is sent again comes to an end."""
    until = min(wanted.until or now, now)
    return replace(wanted, group=wanted.group if wanted.group in FINISHED else "failed", until=until)
