"""What is held: deliveries that nobody may send until a person writes or says START; never claimed, never lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, literal_column, select, update
from sqlmodel import Session

from storage import leases
from storage.models import Delivery, DeliveryState, Post

DELIVERIES = Delivery.__table__
POSTS = Post.__table__

READY, WAITING, LEASED, HELD = (
    DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD,
)  # fmt: skip
IS_HELD = DELIVERIES.c.state == literal_column(f"'{HELD}'")  # written out, so that the index of such rows fits
IS_READY = DELIVERIES.c.state == literal_column(f"'{READY}'")
IS_PUT_OFF = DELIVERIES.c.state.in_([literal_column(f"'{state}'") for state in (WAITING, HELD)])


def hold(session: Session, ids: Sequence[int], code: str, reason: str, now: datetime, until: datetime) -> set[int]:
    """Put what has not ended, or what the platform took and then refused, aside; answers the destinations it
    was meant for.  The attempt that found it out is not counted, and news of that message concerns it no more."""
    begun = DELIVERIES.c.state.in_([LEASED, DeliveryState.SENT])
    where: set[int] = set()
    for some in leases.slices(ids):
        done = session.connection().execute(
            update(DELIVERIES)
            .where(
                DELIVERIES.c.id.in_(some),
                DELIVERIES.c.state.in_([READY, WAITING, LEASED, HELD, DeliveryState.SENT]),
            )
            .values(
                state=HELD, lease_token=None, due_at=now, expires_at=until, message_id="",
                error_code=code, error=reason,
                throttled=case((begun, DELIVERIES.c.throttled + 1), else_=DELIVERIES.c.throttled),
            )
            .returning(DELIVERIES.c.destination_id)
        )  # fmt: skip
        where |= set(done.scalars())
    return where


def fail(session: Session, ids: Sequence[int], code: str, reason: str, now: datetime) -> None:
    """End what has not ended yet."""
    unfinished = [READY, WAITING, LEASED, HELD, DeliveryState.SENT]
    for some in leases.slices(ids):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(some), DELIVERIES.c.state.in_(unfinished))
            .values(state=DeliveryState.FAILED, failed_at=now, lease_token=None, error_code=code, error=reason)
        )


def release(session: Session, ids: Sequence[int], now: datetime, due_at: datetime, expires_at: datetime) -> None:
    """May be sent again, from ``due_at`` on; its time begins anew."""
    state = READY if due_at <= now else WAITING
    for some in leases.slices(ids):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(some), IS_HELD)
            .values(state=state, due_at=due_at, expires_at=expires_at, error_code="", error="")
        )


def waiting(session: Session, destinations: Sequence[int]) -> Sequence[Row[Any]]:
    """What is held for these destinations, with what a summary shows, the oldest first; locked."""
    columns = [DELIVERIES.c[name] for name in ("id", "destination_id", "event", "text", "error_code")]
    rows: list[Row[Any]] = []
    for some in leases.slices(destinations):
        wanted = (
            select(*columns, POSTS.c.title, POSTS.c.url)
            .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
            .where(DELIVERIES.c.destination_id.in_(some), IS_HELD)
            .with_for_update(of=DELIVERIES)
        )
        rows += session.execute(wanted)
    return sorted(rows, key=lambda row: row.id)


def count(session: Session, destinations: Sequence[int]) -> int:
    """How much is held for these destinations."""
    wanted = select(func.count()).where(DELIVERIES.c.destination_id.in_(destinations), IS_HELD)
    return session.execute(wanted).scalar() or 0


def queued(session: Session, destinations: Sequence[int], lanes: Sequence[str], limit: int) -> Sequence[int]:
    """Ids of what is ready or waits for these destinations in these lanes, up to ``limit`` of each kind."""
    mine = DELIVERIES.c.destination_id.in_(destinations)
    ready = select(DELIVERIES.c.id).where(DELIVERIES.c.lane.in_(lanes), mine, IS_READY)
    put_off = select(DELIVERIES.c.id).where(
        mine, IS_PUT_OFF, DELIVERIES.c.lane.in_(lanes), DELIVERIES.c.state == WAITING
    )
    ids: list[int] = []
    for wanted in (ready, put_off):
        ids += session.execute(wanted.limit(limit).with_for_update(skip_locked=True)).scalars()
    return ids


def lanes_and_events(session: Session, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """(id, lane, event) of these deliveries."""
    rows: list[Row[Any]] = []
    for some in leases.slices(ids):
        wanted = select(DELIVERIES.c.id, DELIVERIES.c.lane, DELIVERIES.c.event)
        rows += session.execute(wanted.where(DELIVERIES.c.id.in_(some)))
    return rows


def overdue(session: Session, at: datetime, limit: int) -> Sequence[Row[Any]]:
    """(id, error_code) of what is held until then at the longest."""
    wanted = select(DELIVERIES.c.id, DELIVERIES.c.error_code).where(IS_HELD, DELIVERIES.c.expires_at <= at)
    return session.execute(wanted.limit(limit).with_for_update(skip_locked=True)).all()
