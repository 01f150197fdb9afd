"""API keys: making them, knowing them again, and what each may ask for in a second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from bot.clock import to_millis
from bot.errors import LimitReached, NotFound
from bot.rules import buckets, ids, plans
from bot.rules import keys as rules
from storage import accounts, api_keys
from storage import buckets as stored_buckets
from storage.database import Work


@dataclass(frozen=True, slots=True)
class NewKey:
    """The one time that a key is shown."""

    key: str = field(repr=False)
    prefix: str
    name: str
    created_at: datetime
    expires_at: datetime


def create(
    work: Work, known: plans.Plans | None, *, account_id: int, name: str, instead_of_one: bool = False
) -> NewKey:
    """``known``: the plans whose limits hold; None: an operator makes it, who may.  Raises LimitReached.

    ``instead_of_one``: one of the valid keys is about to end, and does not count.
    """
    account = accounts.lock(work.session, account_id)
    if known is not None:
        limit = plans.limits(known, account.plan, account.overrides).api_keys
        present = api_keys.count(work.session, account_id, work.now) - instead_of_one
        if plans.is_reached(limit, present):
            raise LimitReached("api key limit reached", code="api_key_limit")
    taken = api_keys.prefixes(work.session, account_id)
    key = next(key for key in iter(rules.new_key, None) if rules.prefix(key) not in taken)
    made = NewKey(key, rules.prefix(key), name, work.now, work.now + rules.VALID)
    api_keys.add(
        work.session,
        account_id=account_id,
        prefix=made.prefix,
        digest=rules.digest(key),
        name=name,
        created_at=made.created_at,
        expires_at=made.expires_at,
    )
    return made


def of_account(work: Work, account_id: int) -> Sequence[Any]:
    """The oldest first."""
    return api_keys.of_account(work.session, account_id)


def page(work: Work, account_id: int, before: int, limit: int) -> Sequence[Any]:
    """The newest first, with ids below ``before``."""
    return api_keys.page(work.session, account_id, before, limit)


def remove(work: Work, account_id: int, prefix: str) -> int:
    """Ends a key of the account; returns its id.  Raises NotFound."""
    if (key_id := api_keys.remove(work.session, account_id, prefix)) is None:
        raise NotFound("api key not found")
    return key_id


# Knowing them again


class KeyGone(NotFound):
    """Another process has deleted the key a moment ago."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whose key it is, and until when it holds."""

    key_id: int
    account_id: int
    user_id: str  # of the account, as APIs show it
    expires_at: datetime
    prefix: str = ""
    operator: bool = False
    disabled: bool = False  # the account is


def holder(work: Work, digest: bytes) -> KeyHolder | None:
    """None: there is no such key, or it has expired."""
    row = api_keys.by_digest(work.session, digest)
    if row is None or row.expires_at <= work.now:
        return None
    return KeyHolder(
        row.id,
        row.account_id,
        public_id(row.account_id, row.account_made_at),
        row.expires_at,
        row.prefix,
        row.operator,
        row.disabled_at is not None,
    )


def public_id(account_id: int, made_at: datetime) -> str:
    """What APIs call an account."""
    return ids.numbered(to_millis(made_at), account_id)


def note_use(work: Work, times: Mapping[int, datetime]) -> None:
    """When keys were last used, by id."""
    api_keys.set_used(work.session, times)


def take_turn(work: Work, key_id: int) -> buckets.Rate:
    """One request more of a key, counted for all processes.  Raises KeyGone."""
    try:
        full_at = stored_buckets.take(work.session, key_id, work.now, buckets.ONE, buckets.WHOLE)
    except IntegrityError:
        raise KeyGone("the key was deleted meanwhile") from None
    return buckets.over(work.now + buckets.WHOLE, work.now) if full_at is None else buckets.found(full_at, work.now)
