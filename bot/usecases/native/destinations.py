"""An account's destinations: adding and verifying them, their secrets, a test, and the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from bot.errors import Conflict, LimitReached, NotFound
from bot.rules import plans
from bot.rules.secrets import OVERLAP
from bot.rules.vault import Vault
from bot.usecases import codes, destinations, notices
from bot.usecases.chat.who import Terms
from bot.usecases.native.pages import Page, cut
from storage import accounts, alerts, owned
from storage import destinations as stored
from storage.database import Work
from storage.models import Destination

TEST = "This is a test message from Postbell: posts will arrive here."


@dataclass(frozen=True, slots=True)
class Wish:
    """A destination that is to be; ``address`` in its channel's form."""

    account_id: int
    channel: str
    lane: str
    address: str
    name: str
    secret: str | None  # "whsec_…", where the channel signs
    verified: bool  # nothing has to be proved
    phones: Sequence[str] = ()  # where it counts as a phone in the account's plan: all channels of phones


def add(work: Work, vault: Vault, terms: Terms, known: plans.Plans, wish: Wish, caller: str) -> Destination:
    """Make it; what has to be verified is sent a code.  ``caller``: a network address.

    Raises Conflict, LimitReached, TooManyCodes.
    """
    account = accounts.lock(work.session, wish.account_id)
    there = stored.find(work.session, wish.account_id, wish.channel, wish.address)
    if there and not there.removed_at:
        raise Conflict(
            f"there is a destination with that address already: {there.uid}",
            code="exists",
            field="address",
            hint=f"GET /api/v1/destinations/{there.uid} shows it",
        )
    if wish.phones:
        limit = plans.limits(known, account.plan, account.overrides).phones
        present = sum(alerts.count_phones(work.session, wish.account_id, channel) for channel in wish.phones)
        if plans.is_reached(limit, present):
            raise LimitReached(
                f"the plan allows {limit} phone numbers, and they are taken",
                hint="remove one that is not needed any more, or ask for another plan",
            )
    made = _make(work, vault, wish)
    if not wish.verified:
        ask(work, terms, wish.account_id, made.uid, caller)
    return made


def _make(work: Work, vault: Vault, wish: Wish) -> Destination:
    return destinations.add(
        work,
        vault,
        account_id=wish.account_id,
        channel=wish.channel,
        lane=wish.lane,
        address=wish.address,
        name=wish.name,
        secret=wish.secret,
        verified=wish.verified,
    )


def get(work: Work, account_id: int, uid: UUID | None) -> Destination:
    """Raises NotFound."""
    found = owned.destination(work.session, account_id, uid) if uid else None
    if found is None:
        raise NotFound("there is no such destination", hint="GET /api/v1/destinations lists yours")
    return found


def page(work: Work, account_id: int, before: int, limit: int) -> Page[Destination]:
    """The newest first, with ids below ``before``."""
    found = owned.destinations(work.session, account_id, before, limit + 1)
    return cut(found, limit, lambda one: (0, one.id))


# Verifying


def ask(work: Work, terms: Terms, account_id: int, uid: UUID | None, caller: str) -> codes.Asked:
    """Send it a code, unless one went there just now.  Raises NotFound, Conflict, TooManyCodes."""
    one = _unverified(work, account_id, uid)
    return codes.ask(
        work,
        terms,
        account_id=account_id,
        channel=one.channel,
        address=one.address,
        caller=caller,
        lane=one.lane,
    )


def prove(work: Work, terms: Terms, account_id: int, uid: UUID | None, number: str) -> codes.Shown:
    """Show a code that verifies it when it is sent to us from there; ``number``: ours, for a link.

    Raises NotFound, Conflict, TooManyCodes.
    """
    one = _unverified(work, account_id, uid)
    where = {"channel": one.channel, "address": one.address, "number": number, "lane": one.lane}
    return codes.prove(work, terms, account_id=account_id, **where)


def _unverified(work: Work, account_id: int, uid: UUID | None) -> Destination:
    one = get(work, account_id, uid)
    if one.verified_at:
        raise Conflict("this destination is verified already", code="verified", hint="nothing is left to do")
    return one


Outcome = Literal["ok", "verified_already", "expired", "invalid"]


def verify(work: Work, terms: Terms, account_id: int, uid: UUID | None, digits: str) -> tuple[Outcome, Destination]:
    """As ``codes.enter_for``: what counts a wrong try is returned.  Raises NotFound."""
    one = get(work, account_id, uid)
    outcome = codes.enter_for(
        work, terms, account_id=account_id, channel=one.channel, address=one.address, digits=digits
    )
    assert outcome != "not_found"
    work.session.refresh(one)
    return outcome, one


# What else is done with it


def rotate(work: Work, vault: Vault, account_id: int, uid: UUID | None, secret: str) -> Any:
    """Sign with a new secret; returns until when the former signs beside it.  Raises NotFound, Conflict."""
    one = get(work, account_id, uid)
    if one.secrets is None:
        raise Conflict(
            f"a {one.channel} destination has no signing secret",
            hint="only webhooks are signed: there is nothing to do",
        )
    destinations.rotate(work, vault, one.id, secret)
    return work.now + OVERLAP


def enable(work: Work, account_id: int, uid: UUID | None) -> Destination:
    """Try a disabled destination again, slowly at first.  Raises NotFound."""
    one = get(work, account_id, uid)
    destinations.enable(work, one.id)
    work.session.refresh(one)
    return one


def test(work: Work, terms: Terms, account_id: int, uid: UUID | None) -> Any:
    """Queue a message that says that it is a test; returns its delivery.  Raises NotFound, Conflict."""
    one = get(work, account_id, uid)
    if one.verified_at is None:
        raise Conflict("this destination is not verified yet", code="unverified", hint="verify it first")
    if one.disabled_at:
        raise Conflict(
            f"this destination is disabled: {one.disabled_reason}",
            code="disabled",
            hint=f"POST /api/v1/destinations/{one.uid}/enable tries it again",
        )
    made = notices.tell(work, one.id, "destination.test", TEST, terms.policy.schedules)
    return owned.delivery(work.session, account_id, owned.delivery_with(work.session, account_id, made))


def remove(work: Work, account_id: int, uid: UUID | None) -> UUID:
    """Nothing more goes there: its subscriptions end, what is queued fails, its secrets are forgotten.

    Raises NotFound.
    """
    accounts.lock(work.session, account_id)
    one = get(work, account_id, uid)
    known = one.uid
    destinations.remove(work, one, "the destination was removed")
    return known
