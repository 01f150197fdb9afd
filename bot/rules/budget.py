"""What a source may cost in a month: its pace, what the month will come to, and how much slower it is to be read.

Providers bill what they return (sources-x.md, 11).  A month is one of UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SAFETY = timedelta(minutes=10)  # between two polls of what a stream tells at once (sources-x.md, 7.5)
LONGEST = timedelta(hours=6)  # between two polls, however little is left
LOOK_AGAIN = timedelta(hours=1)  # at a budget that is used up: a person may have raised it
WORDS = (80, 100)  # percent at which the operator is told
_TOLD_BY = timedelta(days=1)  # of a month: less of it tells nothing of the rest


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source is read that is not read like any web server."""

    interval: timedelta | None = None  # its own usual one; None: as all
    budget: int = 0  # reads a month; 0: none
    price: float = 0.0  # US dollars of one read by the provider's list
    streams: bool = False


def month(now: datetime) -> str:
    """As "2026-11"."""
    return f"{now:%Y-%m}"


def next_month(now: datetime) -> datetime:
    year, following = (now.year, now.month + 1) if now.month < 12 else (now.year + 1, 1)
    return datetime(year, following, 1, tzinfo=UTC)


def forecast(reads: int, now: datetime) -> int:
    """What the month comes to when it goes on like this."""
    elapsed, left = _elapsed(now), next_month(now) - now
    return reads + round(reads * (left / elapsed))


def stretch(reads: int, budget: int, now: datetime) -> float:
    """How many times as long intervals must be for the rest to last: 1 while it lasts anyway."""
    if not budget or reads >= budget or forecast(reads, now) <= budget:
        return 1.0
    so_far, allowed = reads / _elapsed(now).total_seconds(), (budget - reads) / (next_month(now) - now).total_seconds()
    return so_far / allowed


def used_up(reads: int, budget: int) -> bool:
    return bool(budget) and reads >= budget


def word(reads: int, budget: int) -> int:
    """The percentage that the operator is to have heard of; 0: nothing yet."""
    return max((percent for percent in WORDS if budget and reads * 100 >= budget * percent), default=0)


def _elapsed(now: datetime) -> timedelta:
    return max(now - datetime(now.year, now.month, 1, tzinfo=UTC), _TOLD_BY)


def interval(usual: timedelta, factor: float, *, listened: bool) -> timedelta:
    """Between two polls; ``factor``: of ``stretch``; ``listened``: a stream tells what is new at once."""
    stretched = max(usual, min(usual * factor, LONGEST))
    return max(stretched, SAFETY) if listened else stretched
