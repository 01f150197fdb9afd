"""Spending: what sources cost in a month is counted, bounded by their budgets, and told before it is used up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.rules import budget
from bot.rules.budget import Pace
from bot.usecases import notices
from storage import listeners, usage
from storage.database import Work

Paces = Mapping[str, Pace]
"""By source; one that is read like any web server has none."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one answer of a provider counts for."""

    feed_id: int
    source: str
    via: str
    reads: int


@dataclass(frozen=True, slots=True)
class Tempo:
    """How a source is read at present, beside its usual interval."""

    stretch: float = 1.0
    listened: bool = False


def tempos(work: Work, paces: Paces, sources: Collection[str]) -> Mapping[str, Tempo]:
    """For those of these sources that have a pace: what is left of the month, and whether a stream tells the news."""
    spent = _spent(work, paces, sources)
    streamed = [one for one in sources if one in paces and paces[one].streams]
    listened = listeners.well(work.session, streamed, work.now) if streamed else set()
    return {
        one: Tempo(budget.stretch(spent.get(one, 0), paces[one].budget, work.now), one in listened)
        for one in sources
        if one in paces
    }


def used_up(work: Work, paces: Paces, sources: Collection[str]) -> set[str]:
    """Those of these sources that nothing is read from any more this month."""
    spent = _spent(work, paces, sources)
    return {one for one, reads in spent.items() if budget.used_up(reads, paces[one].budget)}


def _spent(work: Work, paces: Paces, sources: Collection[str]) -> Mapping[str, int]:
    bounded = [one for one in sources if one in paces and paces[one].budget]
    return usage.spent(work.session, bounded, budget.month(work.now)) if bounded else {}


def count(work: Work, reads: Sequence[Read], paces: Paces, tell_operator: notices.Tell) -> None:
    """Add what was read; the operator is told once at each of ``budget.WORDS``."""
    month = budget.month(work.now)
    each: dict[tuple[int, str], int] = {}
    together: dict[str, int] = {}
    for one in reads:
        each[one.feed_id, one.via] = each.get((one.feed_id, one.via), 0) + one.reads
        together[one.source] = together.get(one.source, 0) + one.reads
    rows = [{"feed_id": feed, "month": month, "via": via, "reads": n} for (feed, via), n in sorted(each.items())]
    usage.add(work.session, rows)
    for source, more in sorted(together.items()):
        now = usage.spend(work.session, source, month, more)
        limit = paces[source].budget if source in paces else 0
        percent = budget.word(now.reads, limit)
        if percent > now.told:
            usage.set_told(work.session, source, month, percent)
            tell_operator(_words(source, now.reads, limit, work.now))


def _words(source: str, reads: int, limit: int, now: datetime) -> str:
    used = f"{reads:,} of the {limit:,} reads that {source} may cost this month are used"
    if budget.used_up(reads, limit):
        return f"{used}: it is not read again before {budget.next_month(now):%Y-%m-%d}, or until the budget is raised."
    return f"{used}; it is read less often so that the rest lasts."


# What people are shown


@dataclass(frozen=True, slots=True)
class Bill:
    """One source in the present month."""

    source: str
    reads: int
    forecast: int
    budget: int  # 0: none
    price: float  # US dollars of one read by the provider's list; 0: not known


def bills(work: Work, paces: Paces) -> Sequence[Bill]:
    """Of every source that has a budget or a price, or was counted, by name."""
    month = budget.month(work.now)
    reads = {row.source: row.reads for row in usage.months(work.session, 100) if row.month == month}
    billed = {name for name, pace in paces.items() if pace.budget or pace.price}
    return [
        Bill(name, n := reads.get(name, 0), budget.forecast(n, work.now), pace.budget, pace.price)
        for name in sorted(billed | reads.keys())
        for pace in [paces.get(name, Pace())]
    ]


def largest(work: Work, limit: int) -> Sequence[Any]:
    """The feeds that were read most this month, by provider."""
    return usage.largest(work.session, budget.month(work.now), limit)


def of_feeds(work: Work, feeds: Sequence[int]) -> Mapping[int, int]:
    """What was read of these feeds this month."""
    return usage.of_feeds(work.session, feeds, budget.month(work.now))


def share(work: Work, account_id: int, most: int) -> Mapping[str, int]:
    """By source: what was read this month of the feeds that an account follows, perhaps together with others.

    Looks at ``most`` of its subscriptions.
    """
    return usage.of_subscriber(work.session, account_id, budget.month(work.now), most)
