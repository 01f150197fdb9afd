"""API keys as their own account makes, replaces and ends them on pages; who did it stands in the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.errors import LimitReached, NotFound
from bot.rules import plans
from bot.usecases import audit, keys
from bot.usecases.audit import Actor
from bot.usecases.keys import NewKey
from bot.usecases.native import account
from storage import api_keys
from storage.database import Work

GRACES: Mapping[str, timedelta] = {
    "now": timedelta(0),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
"""How long a key goes on working beside the one that takes its place."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of keys, how many valid ones there are in all, and how many there may be."""

    rows: Sequence[Any]
    more: int  # the place after which the list goes on; 0: it does not
    used: int
    limit: int | None

    @property
    def full(self) -> bool:
        return plans.is_reached(self.limit, self.used)


def listed(work: Work, known: plans.Plans, account_id: int, before: int, size: int) -> Listed:
    """The newest first."""
    rows = keys.page(work, account_id, before, size + 1)
    row = account.row(work, account_id)
    return Listed(
        rows[:size],
        rows[size - 1].id if len(rows) > size else 0,
        api_keys.count(work.session, account_id, work.now),
        plans.limits(known, row.plan, row.overrides).api_keys,
    )


def create(work: Work, actor: Actor, known: plans.Plans, account_id: int, name: str) -> NewKey:
    """Raises LimitReached."""
    made = keys.create(work, known, account_id=account_id, name=name)
    audit.note(work, actor, "create key", _named(account_id, made.prefix), after={"name": name})
    return made


@dataclass(frozen=True, slots=True)
class Replaced:
    """A new key, and what has become of the one before: its row, None when it has ended already."""

    made: NewKey
    old: Any
    old_id: int


def replace(
    work: Work, actor: Actor, known: plans.Plans, *, account_id: int, prefix: str, grace: timedelta
) -> Replaced:
    """A new key under the same name; the one before ends after ``grace``.

    Beyond the plan's limit there is room for one key that ends, not for two.  Raises NotFound, LimitReached.
    """
    old = _mine(work, account_id, prefix)
    works = old.expires_at > work.now
    try:
        made = keys.create(work, known, account_id=account_id, name=old.name, instead_of_one=works)
    except LimitReached as error:
        if not works:
            raise
        raise LimitReached(f"{error}: a replaced key still works", code="api_key_replaced") from None
    told = {"name": old.name, "instead of": prefix, "grace seconds": int(grace.total_seconds())}
    audit.note(work, actor, "replace key", _named(account_id, made.prefix), after=told)
    if not (grace and works):
        return Replaced(made, None, keys.remove(work, account_id, prefix))
    api_keys.end_at(work.session, old.id, min(old.expires_at, work.now + grace))
    return Replaced(made, api_keys.get(work.session, account_id, prefix), old.id)


def remove(work: Work, actor: Actor, account_id: int, prefix: str) -> int:
    """Returns its id.  Raises NotFound."""
    key_id = keys.remove(work, account_id, prefix)
    audit.note(work, actor, "delete key", _named(account_id, prefix))
    return key_id


def _mine(work: Work, account_id: int, prefix: str) -> Any:
    """Raises NotFound."""
    if (row := api_keys.get(work.session, account_id, prefix)) is None:
        raise NotFound("api key not found")
    return row


def _named(account_id: int, prefix: str) -> str:
    return f"account {account_id}, key {prefix}"
