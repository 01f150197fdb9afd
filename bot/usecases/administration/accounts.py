"""Accounts, as their operator sees and changes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import Conflict, Invalid, NotFound
from bot.rules import plans
from bot.usecases import accounts as everyday
from bot.usecases import audit, subscriptions
from bot.usecases.audit import Actor
from storage import accounts, alerts, api_keys, destinations, erasing, lists, signing_in
from storage.database import Work
from storage.lists import Listed

CLOSED = "its account is disabled"  # why destinations of such an account are
MOST_CREDITS = 10**9
SLICE = 1000  # rows that go in one transaction
SUBSCRIPTIONS_A_SLICE = 50


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has of that which is limited."""

    api_keys: int
    phones: int
    subscriptions: int


def page(work: Work, search: str, before: int, limit: int) -> Listed:
    return lists.accounts(work.session, search, before, limit)


Shown = tuple[Any, Usage]
"""An account's row, and what it has."""


def get(work: Work, account_id: int) -> Shown:
    """Raises NotFound."""
    session, row = work.session, _present(accounts.get(work.session, account_id), account_id)
    return row, Usage(
        api_keys.count(session, account_id, work.now),
        alerts.count_phones(session, account_id, "whatsapp"),
        alerts.count_subscriptions(session, account_id),
    )


def by_email(work: Work, email: str) -> int | None:
    """Its id; None: nobody has this address."""
    row = accounts.by_email(work.session, email.strip().lower())
    return None if row is None or row.deleted_at else row.id


def create(work: Work, actor: Actor, known: plans.Plans, *, email: str, name: str, plan: str, operator: bool) -> Shown:
    """Raises Invalid, Conflict."""
    begins_with = _plan(known, plan).credits
    made = everyday.add(work, email, name=name, plan=plan, operator=operator, credits=begins_with)
    after = {"email": made.email, "name": name, "plan": plan, "operator": operator, "credits": begins_with}
    audit.note(work, actor, "create account", _named(made.id), after=after)
    return get(work, made.id)


def set_plan(work: Work, actor: Actor, known: plans.Plans, account_id: int, plan: str) -> Shown:
    """Credits follow the plan: one that counts them begins with its own, unless some are counted already.

    Raises NotFound, Invalid.
    """
    row, of_plan = _locked(work, account_id), _plan(known, plan)
    credits = None if of_plan.credits is None else of_plan.credits if row.credits is None else row.credits
    return _change(work, actor, "change plan", row, plan=plan, credits=credits)


def set_overrides(work: Work, actor: Actor, account_id: int, values: Mapping[str, Any]) -> Shown:
    """Limits of its own; empty: its plan's hold.  Raises NotFound, Invalid."""
    row = _locked(work, account_id)
    try:
        overrides = plans.read_overrides(values)
    except ValueError as error:
        raise Invalid(str(error)) from None
    return _change(work, actor, "change limits", row, overrides=overrides)


def set_credits(work: Work, actor: Actor, account_id: int, credits: int | None) -> Shown:
    """None: they are not counted.  Raises NotFound, Invalid."""
    row = _locked(work, account_id)
    return _change(work, actor, "change credits", row, credits=_within(credits))


def add_credits(work: Work, actor: Actor, account_id: int, more: int) -> Shown:
    """An account that counted none begins with these.  Raises NotFound, Invalid."""
    row = _locked(work, account_id)
    return _change(work, actor, "change credits", row, credits=_within((row.credits or 0) + more))


def set_operator(work: Work, actor: Actor, account_id: int, operator: bool) -> Shown:
    """It may do everything, or no more than others.  Its sessions end: none outlives what it was begun with.

    Raises NotFound, Conflict.
    """
    row = _locked(work, account_id)
    _check_another(actor, account_id)
    signing_in.end_sessions(work.session, account_id)
    return _change(work, actor, "change operator", row, operator=operator)


def disable(work: Work, actor: Actor, account_id: int, reason: str) -> Shown:
    """Its keys are refused, its chats are told so, nothing is delivered for it, and it can subscribe to nothing.

    Its destinations are disabled with it: sending knows how to deal with those at no further cost.
    Raises NotFound, Conflict.
    """
    row = _locked(work, account_id)
    _check_another(actor, account_id)
    if row.disabled_at:
        raise Conflict("the account is disabled already")
    destinations.disable_all(work.session, account_id, work.now, CLOSED)
    return _change(work, actor, "disable account", row, disabled_at=work.now, disabled_reason=reason[:500])


def enable(work: Work, actor: Actor, account_id: int) -> Shown:
    """What was not delivered meanwhile stays so.  Raises NotFound, Conflict."""
    row = _locked(work, account_id)
    if not row.disabled_at:
        raise Conflict("the account is not disabled")
    destinations.enable_all(work.session, account_id, work.now, CLOSED)
    return _change(work, actor, "enable account", row, disabled_at=None, disabled_reason="")


def _change(work: Work, actor: Actor, action: str, row: Any, **values: Any) -> Shown:
    accounts.change(work.session, row.id, **values)
    audit.note(work, actor, action, _named(row.id), {name: getattr(row, name) for name in values}, values)
    return get(work, row.id)


def _check_another(actor: Actor, account_id: int) -> None:
    """Who locks themselves out can undo it from the command line only.  Raises Conflict."""
    if actor.kind == "console" and actor.account_id == account_id:
        raise Conflict("this is the account that you use", code="own_account")


def _within(credits: int | None) -> int | None:
    if credits is not None and not 0 <= credits <= MOST_CREDITS:
        raise Invalid(f"credits must be between 0 and {MOST_CREDITS}")
    return credits


def _plan(known: plans.Plans, plan: str) -> plans.Limits:
    if plan not in known:
        raise Invalid(f"there is no plan {plan!r}, only {', '.join(sorted(known))} (PLANS_FILE adds more)")
    return known[plan]


def _locked(work: Work, account_id: int) -> Any:
    return _present(accounts.lock_if_there(work.session, account_id), account_id)


def _present(row: Any, account_id: int) -> Any:
    if row is None or row.deleted_at:
        raise NotFound(f"there is no account {account_id}")
    return row


def _named(account_id: int) -> str:
    return f"account {account_id}"


# Deleting


def delete(work: Work, actor: Actor, account_id: int) -> None:
    """It can do nothing from now on and is found no more; what it has goes in slices (``erase``).  Raises NotFound."""
    row = _locked(work, account_id)
    destinations.disable_all(work.session, account_id, work.now, CLOSED)
    signing_in.forget_account(work.session, account_id)
    accounts.change(
        work.session,
        account_id,
        email=None,
        name="",
        operator=False,
        deleted_at=work.now,
        disabled_at=row.disabled_at or work.now,
    )
    before = {"email": row.email, "name": row.name, "plan": row.plan, "credits": row.credits}
    audit.note(work, actor, "delete account", _named(account_id), before)


def erase(work: Work) -> bool:
    """One slice of what deleted accounts had.  True: there may be more to do."""
    account_id = erasing.begun(work.session)
    if account_id is None:
        return False
    left, found = SLICE, erasing.subscriptions(work.session, account_id, SUBSCRIPTIONS_A_SLICE)
    for one in found:
        if one.active:
            subscriptions.unsubscribe(work, one.id)
        left -= erasing.deliveries(work.session, one.id, left)
        if left <= 0:
            return True
        erasing.subscription(work.session, one.id)
    if found or erasing.notices(work.session, account_id, SLICE):
        return True
    if not erasing.pushed_posts(work.session, account_id, work.now, SLICE):
        erasing.rest(work.session, account_id, work.now)
    return True
