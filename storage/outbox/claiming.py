"""Claims take turns over destinations, a few rows each, so that no backlog of one delays another.

Each statement goes through the indexes in steps: as many as there are rows to take, however long the queues are.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlmodel import Session

from storage import leases
from storage.columns import from_micros, to_micros
from storage.outbox import DELIVERIES
from storage.statements import Query, Statement, packed


class DueDelivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message that this process is to send now, under its lease.

    The fields are the columns that a claim reads, each of the same name in ``deliveries`` unless _SPELT says more.
    """

    id: int
    token: str
    lane: str
    channel: str
    destination_id: int
    destination_uid: str  # in hexadecimal, as ``uid``
    address: str
    sealed: str  # the destination's secrets in hexadecimal; empty: it has none
    troubled: bool  # the destination did not fare well lately; else a success changes nothing of it
    attempts: int  # this one included
    throttled: int
    expires_micros: int
    created_micros: int
    first_ambiguous_micros: int | None
    subscription_id: int | None
    post_id: int | None
    post_version: int
    uid: str | None  # a notice's own
    event: str
    text: str
    extras: str  # JSON, of messages that are no posts
    language: str  # of the conversation, where there is one and it is known
    window_micros: int | None  # free text is allowed until then; None: it is not, where the platform has such a rule

    def __repr__(self) -> str:
        return f"DueDelivery(id={self.id})"  # a code's text is the code, an address may be a secret

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id)]

    @property
    def expires_at(self) -> datetime:
        return from_micros(self.expires_micros)

    @property
    def created_at(self) -> datetime:
        return from_micros(self.created_micros)

    @property
    def first_ambiguous_at(self) -> datetime | None:
        return None if self.first_ambiguous_micros is None else from_micros(self.first_ambiguous_micros)

    def window_open(self, now: datetime) -> bool:
        """Whether the person has written lately enough for free text; says nothing where no platform asks for it."""
        return self.window_micros is not None and self.window_micros > to_micros(now)

    @property
    def post(self) -> tuple[int, int] | None:
        """(post id, version); None for a notice."""
        return None if self.post_id is None else (self.post_id, self.post_version)


_TROUBLED = """(
    destinations.first_failure_at IS NOT NULL OR destinations.window_started_at IS NOT NULL
    OR destinations.paused_until IS NOT NULL OR destinations.open_until IS NOT NULL
    OR destinations.ramp_from IS NOT NULL OR destinations.disabled_at IS NOT NULL)"""
_SPELT = {
    "token": "CAST(:token AS text)",
    "channel": "destinations.channel",
    "destination_uid": "replace(CAST(destinations.uid AS text), '-', '')",
    "address": "destinations.address",
    "sealed": "{hex} destinations.secrets {/hex}",
    "troubled": _TROUBLED,
    "attempts": "deliveries.attempts + 1",
    "expires_micros": "deliveries.expires_at",
    "created_micros": "deliveries.created_at",
    "first_ambiguous_micros": "deliveries.first_ambiguous_at",
    "uid": "replace(CAST(deliveries.uid AS text), '-', '')",
    "language": "coalesce(conversations.language, '')",
    "window_micros": "conversations.window_until",
}
_COLUMNS = ", ".join(_SPELT.get(name, f"deliveries.{name}") for name in DueDelivery.__struct_fields__)


class WithWork(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A destination that something is ready for.  ``troubled``: its health decides how much may be sent."""

    id: int
    channel: str
    troubled: bool
    chats: bool  # people are there who may have said STOP


_WAKE = Statement("""
    UPDATE deliveries SET state = 'ready' WHERE id {in}
        SELECT id FROM deliveries WHERE state = 'waiting' AND due_at <= :now
        ORDER BY due_at LIMIT :limit {lock} FOR UPDATE SKIP LOCKED {/lock}
    {/in}
    """)


def wake_waiting(session: Session, now: datetime, limit: int) -> int:
    """``waiting`` deliveries whose time has come become ``ready``; returns how many."""
    return _WAKE.run(session, now=to_micros(now), limit=limit)


# A loose scan, one step for each destination, which the limit ends (reliability page, 4.3).
_WITH_WORK = Query(
    """
    WITH RECURSIVE found (id) AS (
        SELECT min(destination_id) FROM deliveries
        WHERE state = 'ready' AND lane = :lane AND destination_id > :after
        UNION ALL
        SELECT (SELECT min(destination_id) FROM deliveries
                WHERE state = 'ready' AND lane = :lane AND destination_id > found.id)
        FROM found WHERE found.id IS NOT NULL
    )
    SELECT {row} destinations.id, destinations.channel, {troubled}, destinations.lane <> 'webhook' {/row}
    FROM (SELECT id FROM found WHERE id IS NOT NULL LIMIT :limit) AS near
    JOIN destinations ON destinations.id = near.id
    {lock} FOR NO KEY UPDATE OF destinations SKIP LOCKED {/lock}
    """.replace("{troubled}", _TROUBLED),
    WithWork,
)


def destinations_with_work(session: Session, lane: str, after: int, limit: int) -> Sequence[WithWork]:
    """Destinations behind ``after`` that have ready work; locked, so that nobody else counts or claims their
    deliveries until the transaction ends.  Those that somebody else has locked are passed over."""
    return _WITH_WORK.rows(session, lane=lane, after=after, limit=limit)


# Everybody's oldest, then everybody's second: a cut is fair.  One index step for each row, one more to count.
_OLDEST = """
    WITH RECURSIVE room (destination_id, n) AS (
        SELECT CAST(value->>0 AS bigint), CAST(value->>1 AS bigint) FROM {rows} AS given
    ), oldest (destination_id, room, id, n) AS (
        SELECT room.destination_id,
            room.n - (SELECT count(*) FROM deliveries
                      WHERE state = 'leased' AND destination_id = room.destination_id),
            (SELECT min(id) FROM deliveries
             WHERE state = 'ready' AND lane = :lane AND destination_id = room.destination_id),
            1
        FROM room
        {further}
    )
    SELECT {row} {columns} {/row}
    FROM deliveries JOIN destinations ON destinations.id = deliveries.destination_id
    LEFT JOIN conversations ON conversations.id = destinations.conversation_id
    WHERE deliveries.expires_at > :now AND deliveries.id {in}
        SELECT id FROM oldest WHERE id IS NOT NULL AND n <= room ORDER BY n, destination_id LIMIT :limit
    {/in}
    """.replace("{columns}", _COLUMNS)
_FURTHER = """
        UNION ALL
        SELECT destination_id, room,
            (SELECT min(id) FROM deliveries
             WHERE state = 'ready' AND lane = :lane AND destination_id = oldest.destination_id AND id > oldest.id),
            n + 1
        FROM oldest WHERE id IS NOT NULL AND n < room AND n < :each
    """
_ONE_OF_EACH = Query(_OLDEST.replace("{further}", ""), DueDelivery)
_SOME_OF_EACH = Query(_OLDEST.replace("{further}", _FURTHER), DueDelivery)

# The state is spelt so that no index of ready rows fits: PostgreSQL would walk all of it when its statistics are old.
_LEASE = Statement("""
    UPDATE deliveries SET state = 'leased', lease_token = :token, due_at = :until, attempts = attempts + 1
    WHERE id {in} {ids} {/in} AND coalesce(state, '') = 'ready' AND expires_at > :now
    """)


def take(
    session: Session, lane: str, rooms: Mapping[int, int], limit: int, now: datetime, until: datetime
) -> Sequence[DueDelivery]:
    """Lease up to ``limit`` ready deliveries under one new token, the oldest of each destination, in order of ids.

    ``rooms``: how many sends each destination may have in flight, of all processes; it must be locked.  A delivery
    whose time is over stays for the sweeper.
    """
    if not rooms:
        return []
    token = leases.new_token()
    each = math.ceil(limit / len(rooms))
    wanted = _SOME_OF_EACH if each > 1 else _ONE_OF_EACH
    given = packed(list(rooms.items()))
    found = wanted.rows(session, lane=lane, rows=given, each=each, limit=limit, token=token, now=to_micros(now))
    found.sort(key=_id)
    ids = packed([due.id for due in found])
    if _LEASE.run(session, ids=ids, token=token, until=to_micros(until), now=to_micros(now)) < len(found):
        mine = leases.still_leased(session, DELIVERIES, {due.id: token for due in found})
        return [due for due in found if due.id in mine]  # the others have ended meanwhile
    return found


def _id(due: DueDelivery) -> int:
    return due.id
