"""What an account may have, what it has of that, and what reading for it costs this month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.rules import budget, plans
from bot.usecases import spending
from bot.usecases.native import account
from bot.usecases.native.account import Overview
from bot.usecases.spending import Bill, Paces
from storage.database import Work

MOST = 1_000  # subscriptions whose reads are added up while a page waits


@dataclass(frozen=True, slots=True)
class Read:
    """Of one source this month, for this account."""

    source: str
    reads: int
    forecast: int


@dataclass(frozen=True, slots=True)
class Standing:
    """``bills``: of the whole installation, which operators see."""

    overview: Overview
    begins_with: int | None  # credits of the plan
    reads: Sequence[Read]
    partly: bool  # ``reads`` leaves some subscriptions out
    bills: Sequence[Bill]


def standing(
    work: Work, known: plans.Plans, paces: Paces, *, account_id: int, phones: Sequence[str], operator: bool
) -> Standing:
    """``phones``: the channels whose destinations count as phones.  Raises NotFound."""
    overview = account.overview(work, known, account_id, phones)
    share: Mapping[str, int] = spending.share(work, account_id, MOST)
    return Standing(
        overview,
        overview.limits.credits,
        [Read(source, reads, budget.forecast(reads, work.now)) for source, reads in sorted(share.items())],
        overview.subscriptions > MOST,
        spending.bills(work, paces) if operator else (),
    )
