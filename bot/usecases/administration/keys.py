"""API keys of any account, as an operator makes and ends them."""

from collections.abc import Sequence
from typing import Any

from bot.errors import Conflict
from bot.usecases import audit, keys
from bot.usecases.administration import accounts
from bot.usecases.audit import Actor
from storage.database import Work


def of_account(work: Work, account_id: int) -> Sequence[Any]:
    """The oldest first.  Raises NotFound."""
    accounts.get(work, account_id)
    return keys.of_account(work, account_id)


def create(work: Work, actor: Actor, account_id: int, name: str) -> keys.NewKey:
    """Whatever the plan says.  Raises NotFound, Conflict."""
    row, _ = accounts.get(work, account_id)
    if row.disabled_at:
        raise Conflict("the account is disabled; enable it first")
    made = keys.create(work, None, account_id=account_id, name=name)
    audit.note(work, actor, "create key", _named(account_id, made.prefix), after={"name": name})
    return made


def remove(work: Work, actor: Actor, account_id: int, prefix: str) -> int:
    """Returns its id.  Raises NotFound."""
    accounts.get(work, account_id)
    key_id = keys.remove(work, account_id, prefix)
    audit.note(work, actor, "delete key", _named(account_id, prefix))
    return key_id


def _named(account_id: int, prefix: str) -> str:
    return f"account {account_id}, key {prefix}"
