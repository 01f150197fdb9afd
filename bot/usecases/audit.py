"""The audit log: every change by an operator, written in the transaction that makes the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from storage import audit
from storage.database import Work


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and from where."""

    kind: Literal["admin token", "operator", "command line"]
    account_id: int | None = None  # of an operator's key
    key_prefix: str = ""
    address: str = ""  # in the network


COMMAND_LINE = Actor("command line")

_encode = msgspec.json.Encoder(order="sorted").encode


def note(
    work: Work,
    actor: Actor,
    action: str,
    target: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """``action``: "change plan"; ``target``: "account 5"; what was changed, before and after, without secrets."""
    audit.add(
        work.session,
        work.now,
        actor=actor.kind,
        account_id=actor.account_id,
        key_prefix=actor.key_prefix,
        address=actor.address,
        action=action,
        target=target,
        before=_encode(before or {}).decode(),
        after=_encode(after or {}).decode(),
    )


def page(work: Work, before: int, limit: int) -> Sequence[Any]:
    """Entries with ids below ``before``, the latest first."""
    return audit.page(work.session, before, limit)
