"""The audit log: every change by an operator, and who signed in, written in the transaction that makes the change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import msgspec

from storage import audit, lists
from storage.database import Work
from storage.lists import Listed

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and from where."""

    kind: Literal["admin token", "operator", "command line", "console"]
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


@dataclass(frozen=True, slots=True)
class Change:
    """What ``note`` is told of a change."""

    target: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def noted(
    work: Work,
    actor: Actor,
    action: str,
    told: Callable[[T], Change | None],
    use_case: Callable[Concatenate[Work, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run a use case that others run, too, and note what this operator has changed by it.

    ``told``: makes that of its result; None: nothing was changed.
    """
    result = use_case(work, *args, **kwargs)
    if change := told(result):
        note(work, actor, action, change.target, change.before, change.after)
    return result


@dataclass(frozen=True, slots=True)
class Sought:
    """Entries that fit all of these; empty: whatever."""

    actor: str = ""  # "console", or the id of an operator's account
    action: str = ""  # part of it
    target: str = ""  # "account 5", which includes "account 5, key …"


def page(work: Work, sought: Sought, before: int, limit: int) -> Listed:
    """Entries with ids below ``before``, the latest first."""
    return lists.audit(work.session, sought.actor, sought.action, sought.target, before, limit)
