"""The inbox: what platforms told us, from before it is acknowledged until it has had its effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from adapters.inbound import AddressMoved, AnyEvent, StatusChanged, Unknown, decode_event, encode_event
from storage import inbox, leases
from storage.database import Work

LEASE = timedelta(seconds=60)  # well above the longest look-up
REQUEST_LEASE = timedelta(seconds=10)  # of an event that the request itself works off
LATE = timedelta(minutes=10)  # on the way to us; time that it waited with us never counts
LOOSE = 100  # statuses worked off in one transaction
DELAYS = tuple(timedelta(seconds=n) for n in (1, 5, 20, 60))  # after a try that failed
TRIES = len(DELAYS) + 1


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as it is stored.  ``token``: whoever stores it works it off at once, under this lease."""

    channel: str
    key: str
    chat: str
    raw: bytes
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """How many were new, and those that are now leased, by their tokens; a repeat is neither."""

    new: int
    leased: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEvent:
    """An event that this process is to work off now, under its lease."""

    id: int
    token: str
    channel: str
    received_at: datetime
    tries: int  # this one included
    trace: str  # the same in every try
    event: AnyEvent

    @property
    def loose(self) -> bool:
        """Whether it belongs to no conversation, so that many may be worked off together."""
        return isinstance(self.event, StatusChanged | Unknown)

    @property
    def late(self) -> bool:
        """Whether it was old when it reached us: then nobody wants its effect any more."""
        return self.event.at is not None and self.received_at - self.event.at > LATE


@dataclass(frozen=True, slots=True)
class Claim:
    """``chats``: of a conversation each, never two of one.  ``loose``: without any order among them."""

    chats: Sequence[DueEvent] = ()
    loose: Sequence[DueEvent] = ()
    unreadable: Sequence[int] = ()  # events that no version of ours understands; they are done with
    more: bool = False


# Storing


def incoming(channel: str, event: AnyEvent, *, at_once: bool = False) -> Incoming:
    """``at_once``: who stores it works it off."""
    raw = _encoded(event)
    stored = decode_event(raw)
    return Incoming(channel, stored.key, _chat(stored), raw, leases.new_token() if at_once else None)


def _chat(event: AnyEvent) -> str:
    match event:
        case StatusChanged() | Unknown():
            return ""
        case AddressMoved():
            return event.old
        case _:
            return event.chat


def _encoded(event: AnyEvent) -> bytes:
    """As JSON without characters that a database refuses: whoever sends them must not stop what is beside them."""
    try:
        raw = encode_event(event)
    except UnicodeEncodeError:
        pass
    else:
        if b"\\u0000" not in raw:
            return raw
    return encode_event(msgspec.convert(_harmless(msgspec.to_builtins(event)), type(event), strict=False))


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {name: _harmless(one) for name, one in value.items()}
    return [_harmless(one) for one in value] if isinstance(value, list | tuple) else value


def store(work: Work, callbacks: Sequence[Sequence[Incoming]]) -> list[Stored]:
    """Keep the events of many callbacks, each event once, in one transaction; answers in their order."""
    rows = [_row(one, work.now) for events in callbacks for one in events]
    new = {(row.provider, row.event_key): row for row in inbox.store(work.session, rows)}
    if any(row.lease_token is None for row in new.values()):
        work.wakes.add("inbox")
    stored = []
    for events in callbacks:
        mine = [row for row in (new.pop((one.channel, one.key), None) for one in events) if row is not None]
        stored.append(Stored(len(mine), {row.lease_token: row.id for row in mine if row.lease_token}))
    return stored


def _row(one: Incoming, now: datetime) -> dict[str, Any]:
    return {
        "provider": one.channel,
        "event_key": one.key,
        "chat": one.chat,
        "raw": one.raw,
        "received_at": now,
        "due_at": now + REQUEST_LEASE if one.token else now,
        "lease_token": one.token,
    }


def leased(one: Incoming, event_id: int, now: datetime) -> DueEvent:
    """What was just stored under a lease, as if it had been taken."""
    assert one.token is not None
    return DueEvent(
        id=event_id, token=one.token, channel=one.channel, received_at=now, tries=1,
        trace=trace(one.channel, one.key), event=decode_event(one.raw),
    )  # fmt: skip


# Working off


def take_due(work: Work, room: int) -> Claim:
    """Lease up to ``room`` events of conversations, and a batch of those that belong to none."""
    session, now = work.session, work.now
    chats = inbox.take_chats(session, now, now + LEASE, room)
    loose = inbox.take_loose(session, now, now + LEASE, LOOSE)
    due: dict[int, DueEvent] = {}
    unreadable = []
    for row in (*chats, *loose):
        try:
            due[row.id] = _due(row)
        except msgspec.DecodeError:
            inbox.done(session, row.id, row.lease_token, now, "it cannot be read")
            unreadable.append(row.id)
    return Claim(
        [due[row.id] for row in chats if row.id in due],
        [due[row.id] for row in loose if row.id in due],
        unreadable,
        more=len(chats) == room or len(loose) == LOOSE,
    )


def _due(row: Any) -> DueEvent:
    return DueEvent(
        id=row.id,
        token=row.lease_token,
        channel=row.provider,
        received_at=row.received_at,
        tries=row.tries,
        trace=trace(row.provider, row.event_key),
        event=decode_event(row.raw),
    )


def trace(channel: str, key: str) -> str:
    """Eight characters by which people and the log speak of one event."""
    return blake2b(f"{channel} {key}".encode(), digest_size=4).hexdigest()


def done(work: Work, due: DueEvent, error: str = "") -> bool:
    """The event has its effect in this transaction; False: somebody else has it by now, so it must have none here.

    ``error``: why it was given up instead.
    """
    mine = inbox.done(work.session, due.id, due.token, work.now, error)
    if mine and (chat := _chat(due.event)) and inbox.more_of(work.session, due.channel, chat):
        work.wakes.add("inbox")
    return mine


def all_done(work: Work, due: Sequence[DueEvent]) -> list[DueEvent]:
    """As ``done`` for many; answers those that are still ours."""
    mine = inbox.all_done(work.session, {one.id: one.token for one in due}, work.now)
    return [one for one in due if one.id in mine]


def failed(work: Work, due: DueEvent, error: str) -> None:
    """Nothing of it was kept: try it again, later each time."""
    delay = DELAYS[min(due.tries, len(DELAYS)) - 1]
    inbox.again(work.session, due.id, due.token, work.now + delay, error[:500])


def hand_back(work: Work, due: Sequence[DueEvent]) -> None:
    """Claimed, and never begun: due again at once."""
    inbox.hand_back(work.session, {one.id: one.token for one in due}, work.now)


def release_all(work: Work) -> int:
    """At the start of the only process: what is leased was a dead one's.  Returns how many."""
    return inbox.release_all(work.session, work.now)
