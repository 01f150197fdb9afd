"""The flow at a glance: what was found and delivered lately, how soon, and what needs a person.

The figures are of the last day, while that is no more than ``MOST`` deliveries; else of the latest ``MOST``, and they
say since when.  So they cost the same however much there is, and nothing has to be counted while messages are sent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.usecases import deliveries
from storage import flow, providers
from storage.columns import from_micros
from storage.database import Work
from storage.flow import Found

MOST = 2_000  # deliveries that figures are made of
FEW = 1_000  # subscriptions, up to which an account's deliveries are found through them
DAY = timedelta(days=1)
BARS = 24
NEEDS = 200  # things of a kind that are counted
KEY_ENDS = timedelta(days=14)

GROUPS: Mapping[str, str] = {
    "ready": "queued", "waiting": "queued", "leased": "queued", "held": "held", "sent": "sent", "delivered": "sent",
    "read": "sent", "failed": "failed",
}  # fmt: skip
"""What people are shown of a delivery's state."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What was queued in a part of the time that figures are of, by group."""

    begins: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """``whole``: of everything since then; else of the latest that there were.  Latencies in seconds, from a post's
    being found to its being sent; None: nothing was sent."""

    since: datetime
    whole: bool
    deliveries: int
    posts: int
    counts: Mapping[str, int]
    bars: Sequence[Bar]
    p50: float | None = None
    p95: float | None = None


def figures(work: Work, account_id: int | None) -> Figures:
    """None: of the whole installation."""
    found, whole = _lately(work, account_id)
    since = _hour(work.now) - DAY + timedelta(hours=1)
    if not whole and found:
        since = from_micros(min(one.created_at for one in found))
    posts = len({one.post_id for one in found})
    if account_id is None and whole:
        posts = max(posts, flow.posts_found(work.session, since, MOST))
    took = sorted((one.sent_at - one.created_at) / 1e6 for one in found if one.sent_at is not None)
    counts = Counter(GROUPS[one.state] for one in found)
    bars = _bars(found, since, work.now)
    return Figures(since, whole, len(found), posts, counts, bars, _percentile(took, 50), _percentile(took, 95))


def _lately(work: Work, account_id: int | None) -> tuple[list[Found], bool]:
    """The deliveries that figures are made of, and whether these are all of the last day's."""
    session, since = work.session, _hour(work.now) - DAY + timedelta(hours=1)
    if account_id is not None:
        mine = flow.subscriptions(session, account_id, FEW + 1)
        if len(mine) <= FEW:
            found = flow.since(session, mine, flow.first_post(session, since), MOST + 1)
            if len(found) <= MOST:
                return found, True
    found = flow.latest(session, account_id, since, MOST)
    return found, len(found) < MOST and account_id is None


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _bars(found: Sequence[Found], since: datetime, now: datetime) -> list[Bar]:
    width = max((now - since) / BARS, timedelta(seconds=1))
    if since == _hour(since) and now - since > DAY - timedelta(hours=1):
        width = timedelta(hours=1)
    counts: list[Counter[str]] = [Counter() for _ in range(BARS)]
    for one in found:
        n = int((from_micros(one.created_at) - since) / width)
        counts[min(max(n, 0), BARS - 1)][GROUPS[one.state]] += 1
    return [Bar(since + n * width, count) for n, count in enumerate(counts)]


def _percentile(values: Sequence[float], percent: int) -> float | None:
    """By nearest rank."""
    return max(values[max(-(-len(values) * percent // 100) - 1, 0)], 0.0) if values else None


# What needs a person


@dataclass(frozen=True, slots=True)
class Need:
    """``kind`` names what is to be done; ``some``: the first of the things concerned; ``more``: than ``count``."""

    kind: str
    count: int = 1
    some: Sequence[Any] = field(default_factory=tuple)
    more: bool = False


def needs(work: Work, account_id: int | None) -> list[Need]:
    """The most urgent first.  None: of the whole installation."""
    found = [*_of_destinations(work, account_id), *_of_feeds(work, account_id), *_held(work, account_id)]
    if account_id is None:
        return [*_of_installation(work), *found]
    return [*_first_steps(work, account_id), *_of_account(work, account_id), *found]


def _first_steps(work: Work, account_id: int) -> list[Need]:
    if flow.subscriptions(work.session, account_id, 1):
        return []
    if flow.destinations(work.session, account_id, 1):
        return [Need("follow")]
    return [Need("destination"), Need("follow")]


def _of_account(work: Work, account_id: int) -> list[Need]:
    ending = flow.expiring_keys(work.session, account_id, work.now, work.now + KEY_ENDS)
    found = [Need("keys", len(ending), ending)] if ending else []
    left = flow.credits(work.session, account_id)
    return [Need("credits"), *found] if left is not None and left <= 0 else found


def _of_destinations(work: Work, account_id: int | None) -> list[Need]:
    rows = flow.destinations_amiss(work.session, account_id, NEEDS + 1)
    disabled = [row for row in rows if row.disabled_at]
    unverified = [row for row in rows if not row.disabled_at and not row.verified_at]
    open_ = [row for row in rows if row not in disabled and row not in unverified and row.open_until > work.now]
    kinds = (("disabled", disabled), ("unreachable", open_), ("unverified", unverified))
    return [Need(kind, len(some), some, len(rows) > NEEDS) for kind, some in kinds if some]


def _of_feeds(work: Work, account_id: int | None) -> list[Need]:
    few = account_id is not None and len(flow.subscriptions(work.session, account_id, FEW + 1)) <= FEW
    rows = flow.feeds_amiss(work.session, account_id, NEEDS + 1, few=few)
    return [Need("feeds", len(rows), rows, len(rows) > NEEDS)] if rows else []


def _held(work: Work, account_id: int | None) -> list[Need]:
    session = work.session
    some = flow.destinations(session, account_id, FEW + 1) if account_id is not None else ()
    few = account_id is not None and len(some) <= FEW
    n = flow.held(session, some, NEEDS + 1) if few else flow.held_among(session, account_id)
    return [Need("held", n, more=n > NEEDS if few else n >= flow.HELD_LOOKED)] if n else []


def _of_installation(work: Work) -> list[Need]:
    found = [Need("sending_held")] if deliveries.is_held(work) else []
    names = providers.resting(work.session, work.now)
    return [*found, Need("channels", len(names), names)] if names else found
