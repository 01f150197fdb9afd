"""Destinations of all accounts, as an operator sees and changes them."""

from typing import Any

from bot.errors import Conflict, NotFound
from bot.usecases import audit
from bot.usecases import destinations as everyday
from bot.usecases.audit import Actor
from storage import accounts, destinations, lists
from storage.database import Work
from storage.lists import Listed
from storage.outbox import sweeping

QUEUE = 1000  # of what is queued fails at once; the rest as claims meet it


def page(work: Work, account_id: int | None, channel: str, disabled: bool | None, before: int, limit: int) -> Listed:
    return lists.destinations(work.session, account_id, channel, disabled, before, limit)


def disable(work: Work, actor: Actor, destination_id: int, reason: str) -> Any:
    """Nothing goes there until it is enabled; what is queued for it fails.  Raises NotFound, Conflict."""
    row = _present(work, destination_id)
    if row.disabled_at:
        raise Conflict("the destination is disabled already")
    reason = reason[:500] or "by an operator"
    destinations.disable(work.session, destination_id, work.now, reason)
    sweeping.fail_queue(work.session, destination_id, row.lane, f"destination disabled: {reason}", work.now, QUEUE)
    audit.note(work, actor, "disable destination", f"destination {destination_id}", after={"reason": reason})
    return _fresh(work, destination_id)


def enable(work: Work, actor: Actor, destination_id: int) -> Any:
    """Try it again, slowly at first.  Raises NotFound, Conflict."""
    row = _present(work, destination_id)
    if not row.disabled_at:
        raise Conflict("the destination is not disabled")
    account = accounts.get(work.session, row.account_id)
    if account is not None and account.disabled_at:
        raise Conflict("its account is disabled; enable that first")
    before = {"reason": row.disabled_reason}
    everyday.enable(work, destination_id)
    audit.note(work, actor, "enable destination", f"destination {destination_id}", before)
    return _fresh(work, destination_id)


def _present(work: Work, destination_id: int) -> Any:
    row = destinations.get(work.session, destination_id)
    if row is None or row.removed_at:
        raise NotFound(f"there is no destination {destination_id}")
    return row


def _fresh(work: Work, destination_id: int) -> Any:
    work.session.expire_all()
    return destinations.get(work.session, destination_id)
