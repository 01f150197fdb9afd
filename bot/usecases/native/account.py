"""The account itself: its plan, what that allows, and what of it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import NotFound
from bot.rules import plans
from storage import accounts, alerts, api_keys, owned, subscriptions
from storage.database import Work


@dataclass(frozen=True, slots=True)
class Overview:
    """``row``: the account's."""

    row: Any
    limits: plans.Limits
    api_keys: int
    phones: int
    subscriptions: int
    destinations: int


def overview(work: Work, known: plans.Plans, account_id: int, phones: Sequence[str]) -> Overview:
    """``phones``: the channels whose destinations count as phones.  Raises NotFound."""
    session, its = work.session, row(work, account_id)
    return Overview(
        its,
        plans.limits(known, its.plan, its.overrides),
        api_keys=api_keys.count(session, account_id, work.now),
        phones=sum(alerts.count_phones(session, account_id, channel) for channel in phones),
        subscriptions=subscriptions.count_of_account(session, account_id),
        destinations=owned.count_destinations(session, account_id),
    )


def row(work: Work, account_id: int) -> Any:
    """Raises NotFound."""
    if (found := accounts.get(work.session, account_id)) is None:
        raise NotFound("the account is there no more")
    return found
