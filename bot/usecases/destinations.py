"""Destinations: adding, rotating secrets, enabling again."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from bot.clock import uuid7
from bot.errors import Conflict, Invalid, NotFound
from bot.rules import breaker
from bot.rules.secrets import Ring
from bot.rules.vault import Vault
from storage import conversations, destinations
from storage.database import Work
from storage.models import Destination


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
    """``address`` in its channel's normal form; ``secret``: "whsec_…" where the channel signs.  Raises Conflict."""
    if destinations.find(work.session, account_id, channel, address):
        raise Conflict("this account has that destination already")
    uid = uuid7(work.now)
    ring = Ring().rotated(secret, work.now) if secret else None
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
            verified_at=work.now if verified else None,
            secrets=vault.seal(ring.pack(), place(uid)) if ring else None,
            created_at=work.now,
        ),
    )


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
