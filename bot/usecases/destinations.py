"""Destinations: adding, rotating secrets, enabling again, removing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from bot.clock import uuid7
from bot.errors import Conflict, Invalid, NotFound
from bot.rules import breaker
from bot.rules.secrets import Ring
from bot.rules.vault import Vault
from bot.usecases import feeds
from storage import alerts, codes, conversations, destinations, owned
from storage.database import Work
from storage.models import Destination
from storage.outbox import sweeping

MANY = 10_000  # messages that may wait for one destination


def add(
    work: Work,
    vault: Vault,
    *,
    account_id: int,
    channel: str,
    lane: str,
    address: str,
    name: str = "",
    secret: str | None,
    verified: bool,
) -> Destination:
    """``address`` in its channel's normal form; ``secret``: "whsec_…" where the channel signs.

    One that was removed comes back, as if for the first time.  Raises Conflict.
    """
    there = destinations.find(work.session, account_id, channel, address)
    if there and not there.removed_at:
        raise Conflict("this account has that destination already")
    verified_at = work.now if verified else None
    ring = Ring().rotated(secret, work.now) if secret else None
    if there:
        sealed = vault.seal(ring.pack(), place(there.uid)) if ring else None
        return _bring_back(work, there.id, name=name, verified_at=verified_at, secrets=sealed)
    uid = uuid7(work.now)
    return destinations.add(
        work.session,
        Destination(
            uid=uid,
            account_id=account_id,
            channel=channel,
            lane=lane,
            address=address,
            name=name,
            conversation_id=conversations.at(work.session, channel, address),
            verified_at=verified_at,
            secrets=vault.seal(ring.pack(), place(uid)) if ring else None,
            created_at=work.now,
        ),
    )


def _bring_back(work: Work, destination_id: int, **values: Any) -> Destination:
    """Nothing that was known of it holds any more."""
    alerts.bring_back(work.session, destination_id, work.now)
    there = enable(work, destination_id)
    work.session.refresh(there)
    for name, value in values.items():
        setattr(there, name, value)
    work.session.add(there)
    work.session.flush()
    return there


def remove(work: Work, one: Destination, why: str) -> None:
    """Nothing more goes there: its subscriptions end, what is queued fails for that reason, codes that are on their way
    verify nothing, its secrets are forgotten."""
    session, wanted = work.session, owned.feeds_of_destination(work.session, one.id)
    codes.replace(session, one.account_id, one.channel, one.address, work.now)
    codes.recall(session, [one.id], work.now)
    alerts.remove_phone(session, one.id, work.now)
    owned.forget_secrets(session, one.id)
    sweeping.fail_queue(session, one.id, one.lane, why, work.now, MANY)
    session.expire_all()
    for feed_id in wanted:
        feeds.forget_if_unwanted(work, feed_id)


def rotate(work: Work, vault: Vault, destination_id: int, secret: str) -> Ring:
    """Sign with a new secret; the former goes on signing beside it for a day.  Raises NotFound, Invalid."""
    destination = get(work, destination_id)
    if destination.secrets is None:
        raise Invalid(f"a {destination.channel} destination has no secret")
    ring = open_ring(vault, destination.uid.hex, destination.secrets).rotated(secret, work.now)
    destinations.set_secrets(work.session, destination_id, vault.seal(ring.pack(), place(destination.uid)))
    return ring


def enable(work: Work, destination_id: int) -> Destination:
    """Try a disabled destination again, slowly at first.  Raises NotFound."""
    destination = get(work, destination_id)
    destinations.set_health(work.session, [{"_id": destination_id, **asdict(breaker.enabled(work.now))}])
    work.wakes.add("deliveries")
    return destination


def get(work: Work, destination_id: int) -> Destination:
    """Raises NotFound."""
    if (destination := destinations.get(work.session, destination_id)) is None:
        raise NotFound(f"there is no destination {destination_id}; `postbell destination list` shows them")
    return destination


def of_account(work: Work, account_id: int | None, limit: int) -> Sequence[Destination]:
    """Destinations, the oldest first; of everybody when None."""
    return destinations.of_account(work.session, account_id, limit)


def disabled(work: Work, limit: int) -> Sequence[Destination]:
    """Destinations to which nothing is sent any more, the latest disabled first."""
    return destinations.disabled(work.session, limit)


def state(row: Destination, now: datetime) -> str:
    """How it fares, in a word: "disabled", "unverified", "resting", "failing" (in a row) or "ok"."""
    if row.disabled_at:
        return "disabled"
    if row.verified_at is None:
        return "unverified"
    if rests_until(row, now):
        return "resting"
    return "failing" if row.failures else "ok"


def rests_until(row: Destination, now: datetime) -> datetime | None:
    """None: something may be sent to it."""
    return max((at for at in (row.open_until, row.paused_until) if at and at > now), default=None)


def place(uid: UUID) -> str:
    """Where a destination's secrets are stored, to which they are bound."""
    return _place(uid.hex)


def open_ring(vault: Vault, uid: str, sealed: bytes) -> Ring:
    """``uid``: the destination's, in hexadecimal.  Raises WrongKey."""
    return Ring.unpack(vault.open(sealed, _place(uid)))


def _place(uid: str) -> str:
    return f"destinations|{uid}|secrets"


def reseal(work: Work, vault: Vault, after: int, limit: int) -> tuple[int, int]:
    """Seal secrets anew under the present master key, in the order of ids.

    Returns how many, and the last id.  Raises WrongKey.
    """
    found = destinations.sealed(work.session, after, limit)
    for id_, uid, sealed in found:
        destinations.set_secrets(work.session, id_, vault.seal(vault.open(sealed, place(uid)), place(uid)))
        after = id_
    return len(found), after
