"""Providers: whether a platform takes anything from one of our accounts, and who must hear of it when it does not."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.rules.retry import Schedules
from bot.usecases import notices
from storage import providers
from storage.database import Work

FIRST_REST = timedelta(minutes=1)  # after a suspension, then doubling: a person has to act first
LONGEST_REST = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=1)  # whatever a platform asks for


def suspend(work: Work, name: str, reason: str, *, operator_destination: int | None, schedules: Schedules) -> timedelta:
    """Nothing goes through this account until a person acts: it rests, longer each time, and the operator is told
    once.  Answers how long it rests now.

    Several messages that were on their way together count as one: while it rests nothing is added.
    """
    now, known = work.now, providers.get(work.session, name)
    if known and known.suspensions and known.paused_until and known.paused_until > now:
        left: timedelta = known.paused_until - now
        return left
    suspensions = (known.suspensions if known else 0) + 1
    rest: timedelta = min(FIRST_REST * 2 ** min(suspensions - 1, 10), LONGEST_REST)
    told_at = known.told_at if known else None
    if told_at is None:
        text = f"Nothing goes out through {name}: {reason}. What is queued waits, and goes once this is mended."
        notices.tell_operator(work, operator_destination, text, schedules)
        told_at = now
    providers.save(
        work.session,
        name,
        {"paused_until": now + rest, "suspensions": suspensions, "reason": reason[:500], "told_at": told_at},
    )
    return rest


def pause(work: Work, name: str, until: datetime, reason: str) -> None:
    """The platform asks the whole account to wait; a pause that is longer already stays."""
    until = min(until, work.now + LONGEST_PAUSE)
    known = providers.get(work.session, name)
    if known and known.paused_until and known.paused_until >= until:
        return
    kept = {"reason": known.reason} if known and known.suspensions else {"reason": reason[:500]}
    providers.save(work.session, name, {"paused_until": until, **kept})


def resumed(work: Work, names: Collection[str]) -> Sequence[str]:
    """The platform took a message for each of these accounts; answers those that were not well until now.

    A pause that is still running stays: what succeeded was on its way already when it was asked for.
    """
    mended = [
        row.name
        for row in providers.troubled(work.session)
        if row.name in names
        and not row.held_at
        and (row.suspensions or row.paused_until is None or row.paused_until <= work.now)
    ]
    if mended:
        providers.forget(work.session, mended)
        work.wakes.add("deliveries")
    return mended


def hold(work: Work, name: str) -> bool:
    """Nothing is claimed for this account until ``let_go``; False: it is held already."""
    known = providers.get(work.session, name)
    if known and known.held_at:
        return False
    providers.save(work.session, name, {"held_at": work.now, "reason": "paused by an operator"})
    return True


def let_go(work: Work, name: str) -> bool:
    """An operator says that all is well: whatever it rested for is forgotten.  False: it did not rest."""
    if providers.get(work.session, name) is None:
        return False
    providers.forget(work.session, [name])
    work.wakes.add("deliveries")
    return True


# Sources


def source_suspended(work: Work, source: str, reason: str, after: timedelta, tell_operator: notices.Tell) -> None:
    """Nothing can be read from it until a person acts: the operator is told once."""
    known = providers.get(work.session, _of(source))
    told_at = known.told_at if known else None
    if told_at is None:
        tell_operator(f"Nothing can be read from {source}: {reason}. Its feeds wait, and go on once this is mended.")
        told_at = work.now
    suspensions = (known.suspensions if known else 0) + 1
    values = {"paused_until": work.now + after, "suspensions": suspensions, "reason": reason[:500], "told_at": told_at}
    providers.save(work.session, _of(source), values)


def sources_answered(work: Work, sources: Collection[str], tell_operator: notices.Tell) -> None:
    """Each of them was read.  What was on its way when it was suspended says nothing of what comes later."""
    for row in providers.named(work.session, [_of(source) for source in sources]):
        if row.paused_until is None or row.paused_until <= work.now:
            providers.forget(work.session, [row.name])
            tell_operator(f"{_source(row.name)} can be read again.")


def suspended_sources(work: Work) -> Mapping[str, Any]:
    """Those that wait for a person, by name: ``reason``, ``paused_until``, ``told_at``."""
    return {_source(row.name): row for row in providers.troubled(work.session) if row.name.startswith(_SOURCE)}


_SOURCE = "source "  # before the name, for a channel may be called alike


def _of(source: str) -> str:
    return f"{_SOURCE}{source}"


def _source(name: str) -> str:
    return name.removeprefix(_SOURCE)


def resting(work: Work) -> Collection[str]:
    """Names of the accounts that nothing may be claimed for at present."""
    return set(providers.resting(work.session, work.now))


def troubled(work: Work) -> Sequence[Any]:
    """Accounts that are not well, and why: for the operator."""
    return providers.troubled(work.session)
