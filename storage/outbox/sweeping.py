"""What becomes of deliveries without a send: their worker died, their time is over, nobody wants them any more."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, literal, or_, select, tuple_, update
from sqlmodel import Session

from storage import leases
from storage.columns import UtcTime, moved_back
from storage.models import Attempt, DeliveryState
from storage.outbox import DELIVERIES, QUEUED, is_one_of

ATTEMPTS = Attempt.__table__

IS_READY = is_one_of(DeliveryState.READY)
IS_WAITING = is_one_of(DeliveryState.WAITING)
IS_LEASED = is_one_of(DeliveryState.LEASED)
IS_QUEUED = is_one_of(*QUEUED)
IS_PUT_OFF = is_one_of(DeliveryState.WAITING, DeliveryState.HELD)


def lease_over(session: Session, now: datetime, longest: timedelta, limit: int) -> int:
    """Leases whose worker died: the send may have happened, so they become ready marked as ambiguous.

    So do those that end further off than any lease: the clock has jumped back.
    """
    over = and_(IS_LEASED, or_(DELIVERIES.c.due_at <= now, DELIVERIES.c.due_at > now + longest))
    return _release(session, over, now, limit)


def release_all(session: Session, now: datetime, limit: int) -> int:
    """At the start of the only process: every lease is a dead worker's.  Returns how many, up to ``limit``."""
    return _release(session, IS_LEASED, now, limit)


def _release(session: Session, which: Any, now: datetime, limit: int) -> int:
    return _change(
        session,
        which,
        limit,
        state=DeliveryState.READY,
        lease_token=None,
        due_at=now,
        ambiguous_at=now,
        first_ambiguous_at=func.coalesce(DELIVERIES.c.first_ambiguous_at, literal(now, UtcTime())),
    )


def fail_expired(session: Session, now: datetime, limit: int) -> int:
    """Queued deliveries whose time is over; returns how many."""
    over = and_(IS_QUEUED, DELIVERIES.c.expires_at <= now)
    return _fail(session, over, "expired", "its time was over before it could be sent", now, limit)


def fail_queue(session: Session, destination_id: int, lane: str, reason: str, now: datetime, limit: int) -> None:
    """What is queued for one destination, up to ``limit`` of each kind; the rest fails as claims meet it."""
    mine = DELIVERIES.c.destination_id == destination_id
    ready = and_(mine, DELIVERIES.c.lane == lane, IS_READY)
    put_off = and_(mine, IS_PUT_OFF)
    for which in (ready, put_off):
        _fail(session, which, "destination_disabled", reason, now, limit)


def fail_subscription(session: Session, subscription_id: int, now: datetime, limit: int) -> None:
    """What is queued for an ended subscription."""
    mine = and_(DELIVERIES.c.subscription_id == subscription_id, IS_QUEUED)
    _fail(session, mine, "unsubscribed", "the subscription has ended", now, limit)


def fail_created_before(session: Session, before: datetime, now: datetime, limit: int) -> int:
    """What was queued before that time; returns how many, up to ``limit``."""
    old = and_(DELIVERIES.c.created_at < before, IS_QUEUED)
    return _fail(session, old, "expired", "expired by its operator", now, limit)


def _fail(session: Session, which: Any, code: str, reason: str, now: datetime, limit: int) -> int:
    return _change(session, which, limit, state=DeliveryState.FAILED, failed_at=now, error_code=code, error=reason)


def pull_forward(session: Session, later_than: datetime, now: datetime, limit: int) -> int:
    """Due times that no schedule can have given: the clock jumped back.  They are due now."""
    return _change(session, and_(IS_WAITING, DELIVERIES.c.due_at > later_than), limit, due_at=now)


def _change(session: Session, which: Any, limit: int, **values: Any) -> int:
    """Up to ``limit`` of these rows, without those that somebody else is changing; returns how many."""
    wanted = select(DELIVERIES.c.id).where(which).limit(limit).with_for_update(skip_locked=True)
    ids = session.execute(wanted).scalars().all()
    for some in leases.slices(ids):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(some)).values(**values))
    return len(ids)


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: what waits, and the end of leases, come as soon as they would have come without that."""
    for which in (IS_WAITING, IS_LEASED):
        ahead = update(DELIVERIES).where(which, DELIVERIES.c.due_at > now)
        session.execute(ahead.values(due_at=moved_back(DELIVERIES.c.due_at, by, now)))


# Retention


def forget_attempts(session: Session, before: datetime, limit: int) -> int:
    """Attempts that ended before, of the oldest deliveries; returns how many, up to ``limit``."""
    oldest = select(ATTEMPTS.c.delivery_id, ATTEMPTS.c.n, ATTEMPTS.c.ended_at)
    found = session.execute(oldest.order_by(ATTEMPTS.c.delivery_id, ATTEMPTS.c.n).limit(limit)).all()
    rows = [(row.delivery_id, row.n) for row in found if row.ended_at < before]
    for some in leases.slices(rows, 100):
        session.execute(delete(ATTEMPTS).where(tuple_(ATTEMPTS.c.delivery_id, ATTEMPTS.c.n).in_(some)))
    return len(rows)


def forget(session: Session, before: datetime, limit: int) -> int:
    """Finished deliveries that were queued before; returns how many, up to ``limit``.

    Ids grow with time, so the oldest are found without an index of their own.
    """
    oldest = select(DELIVERIES.c.id, DELIVERIES.c.created_at, DELIVERIES.c.state).order_by(DELIVERIES.c.id)
    rows = session.execute(oldest.limit(limit)).all()
    unfinished = {*QUEUED, DeliveryState.LEASED}
    ids = [row.id for row in rows if row.created_at < before and row.state not in unfinished]
    for some in leases.slices(ids):
        session.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(some)))
    return len(ids)
