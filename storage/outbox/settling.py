"""How claims end: sent, in some other way, or handed back unused.

Only what is ``still_leased`` may be settled: a late worker changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session

from storage import leases
from storage.columns import to_micros
from storage.models import DeliveryState
from storage.outbox import DELIVERIES
from storage.statements import Statement, packed

Attempted = tuple[int, int, int, int, str, str, int | None, str]
"""A row of ``attempts``: delivery_id, n, started_at and ended_at in microseconds, outcome, code, status, response."""


def still_leased(session: Session, tokens: Mapping[int, str]) -> set[int]:
    """Those of the deliveries that still stand under the given token, locked until the transaction ends."""
    return leases.still_leased(session, DELIVERIES, tokens)


_SENT = Statement("""
    UPDATE deliveries SET state = 'sent', lease_token = NULL, error_code = '', error = '', sent_at = :now, due_at = :now
    WHERE id {in} {ids} {/in}
    """)


def settle_sent(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Deliveries that the platform took."""
    if ids:
        _SENT.run(session, ids=packed(ids), now=to_micros(now))


_NAME = Statement("""
    UPDATE deliveries SET message_id = given.value->>1
    FROM {rows} AS given WHERE deliveries.id = CAST(given.value->>0 AS bigint)
    """)


def set_message_ids(session: Session, ids: Mapping[int, str]) -> None:
    """What the platform calls these deliveries."""
    if ids:
        _NAME.run(session, rows=packed(list(ids.items())))


def settle(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """End leases in any other way: each row names ``_id``, ``_token`` and what changes."""
    leases.settle(session, DELIVERIES, rows)


_ATTEMPTED = Statement("""
    INSERT INTO attempts (delivery_id, n, started_at, ended_at, outcome, code, status, response)
    SELECT CAST(value->>0 AS bigint), CAST(value->>1 AS integer), CAST(value->>2 AS bigint), CAST(value->>3 AS bigint),
        value->>4, value->>5, CAST(value->>6 AS integer), value->>7
    FROM {rows} AS attempted
    """)


def add_attempts(session: Session, rows: Sequence[Attempted]) -> None:
    """Record attempts."""
    if rows:
        _ATTEMPTED.run(session, rows=packed(rows))


def hand_back(session: Session, tokens: Mapping[int, str], now: datetime) -> None:
    """Claimed but not begun: ready again, and no attempt was used up."""
    for ids in leases.slices(sorted(still_leased(session, tokens))):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(ids))
            .values(state=DeliveryState.READY, lease_token=None, due_at=now, attempts=DELIVERIES.c.attempts - 1)
        )
