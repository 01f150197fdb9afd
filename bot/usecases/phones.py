"""Phones: numbers that an account has registered at the alerts API and verified by a code."""

from collections.abc import Sequence
from typing import Any, Literal

from bot.errors import Invalid, LimitReached, NotFound
from bot.rules import plans
from bot.usecases import codes
from bot.usecases import destinations as everyday
from bot.usecases.chat.who import Terms
from storage import accounts, alerts, destinations
from storage.database import Work
from storage.models import Destination


class AlreadyVerified(Invalid):
    """The number needs no code any more."""


def register(
    work: Work,
    terms: Terms,
    known: plans.Plans,
    *,
    account_id: int,
    channel: str,
    number: str,
    name: str | None,
    caller: str,
) -> None:
    """Send a code to a number, unless one went there just now.

    ``number``: "+34…", in the channel's form; ``name``: None leaves what it was called; ``caller``: a network address.
    What other accounts have makes no difference.  Raises AlreadyVerified, LimitReached, TooManyCodes.
    """
    account = accounts.lock(work.session, account_id)
    phone = destinations.find(work.session, account_id, channel, number)
    if phone is None or phone.removed_at:
        limit = plans.limits(known, account.plan, account.overrides).phones
        if plans.is_reached(limit, alerts.count_phones(work.session, account_id, channel)):
            raise LimitReached("phone limit reached")
        if phone:
            _bring_back(work, phone)
    elif phone.verified_at:
        raise AlreadyVerified("phone already verified")
    asked = codes.ask(work, terms, account_id=account_id, channel=channel, address=number, caller=caller)
    if name is not None:
        alerts.rename(work.session, asked.destination_id, name)


def _bring_back(work: Work, phone: Destination) -> None:
    alerts.bring_back(work.session, phone.id, work.now)
    work.session.expire(phone)


def verify(
    work: Work, terms: Terms, *, account_id: int, channel: str, number: str, code: str
) -> Literal["ok", "not_found", "verified_already", "expired", "invalid"]:
    """As ``codes.enter_for``: what counts a wrong try is returned, for an error would take the count back."""
    phone = destinations.find(work.session, account_id, channel, number)
    if phone is None or phone.removed_at:
        return "not_found"
    return codes.enter_for(work, terms, account_id=account_id, channel=channel, address=number, digits=code)


def of_account(work: Work, account_id: int, channel: str) -> Sequence[Any]:
    """The oldest first: ``address``, ``name``, ``verified_at``, ``created_at``."""
    return alerts.phones(work.session, account_id, channel)


def remove(work: Work, account_id: int, channel: str, number: str) -> None:
    """Nothing more goes there; its subscriptions stay listed, inactive.  Raises NotFound."""
    accounts.lock(work.session, account_id)
    phone = destinations.find(work.session, account_id, channel, number)
    if phone is None or phone.removed_at:
        raise NotFound("phone not found")
    everyday.remove(work, phone, "the phone was deleted")
