"""Destinations: where messages go, and how each has fared lately."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage import leases
from storage.columns import moved_back
from storage.models import HEALTH, Destination

DESTINATIONS = Destination.__table__


def add(session: Session, destination: Destination) -> Destination:
    """Store a new destination; the same object comes back with its id."""
    session.add(destination)
    session.flush()
    return destination


def get(session: Session, destination_id: int) -> Destination | None:
    return session.get(Destination, destination_id)


def find(session: Session, account_id: int, channel: str, address: str) -> Destination | None:
    """The account's destination under its normal address."""
    return session.exec(
        select_rows(Destination).where(
            col(Destination.account_id) == account_id,
            col(Destination.channel) == channel,
            col(Destination.address) == address,
        )
    ).one_or_none()


def of_account(session: Session, account_id: int | None, limit: int) -> Sequence[Destination]:
    """Destinations, the oldest first, without those that were removed; of everybody when None."""
    wanted = select_rows(Destination).where(col(Destination.removed_at).is_(None))
    wanted = wanted.order_by(col(Destination.id)).limit(limit)
    if account_id is not None:
        wanted = wanted.where(col(Destination.account_id) == account_id)
    return session.exec(wanted).all()


def disabled(session: Session, limit: int) -> Sequence[Destination]:
    """Disabled destinations, the latest first."""
    wanted = select_rows(Destination).where(col(Destination.disabled_at).is_not(None))
    return session.exec(wanted.order_by(col(Destination.disabled_at).desc()).limit(limit)).all()


def set_secrets(session: Session, destination_id: int, sealed: bytes) -> None:
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(secrets=sealed))


def health(session: Session, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """``id``, ``account_id``, ``lane``, ``name``, ``address`` and HEALTH, locked in the order of ids."""
    columns = [DESTINATIONS.c[name] for name in ("id", "account_id", "lane", "name", "address", *HEALTH)]
    rows: list[Row[Any]] = []
    for some in leases.slices(sorted(ids)):
        wanted = select(*columns).where(DESTINATIONS.c.id.in_(some)).order_by(DESTINATIONS.c.id)
        rows += session.execute(wanted.with_for_update(key_share=True))
    return rows


def set_health(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store HEALTH columns; each row names ``_id`` and all of them."""
    if rows:
        changes: dict[str, Any] = {name: bindparam(name) for name in HEALTH}
        statement = update(DESTINATIONS).where(DESTINATIONS.c.id == bindparam("_id")).values(**changes)
        session.connection().execute(statement, rows)


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: pauses and open breakers end as soon as they would have ended without that."""
    for name in ("open_until", "paused_until", "ramp_from"):
        column = DESTINATIONS.c[name]
        session.execute(update(DESTINATIONS).where(column > now).values({name: moved_back(column, by, now)}))


def another(session: Session, account_id: int, but: int) -> int | None:
    """Some destination of the account that works, other than ``but``; another channel before the same."""
    unlike = select(DESTINATIONS.c.channel).where(DESTINATIONS.c.id == but).scalar_subquery()
    wanted = (
        select(DESTINATIONS.c.id)
        .where(
            DESTINATIONS.c.account_id == account_id,
            DESTINATIONS.c.id != but,
            DESTINATIONS.c.disabled_at.is_(None),
            DESTINATIONS.c.verified_at.is_not(None),
        )
        .order_by(DESTINATIONS.c.channel == unlike, DESTINATIONS.c.id)
        .limit(1)
    )
    return session.execute(wanted).scalar()


def sealed(session: Session, after: int, limit: int) -> Sequence[tuple[int, UUID, bytes]]:
    """Secrets as they are stored, in the order of ids; locked, so that no rotation is lost meanwhile."""
    wanted = (
        select(DESTINATIONS.c.id, DESTINATIONS.c.uid, DESTINATIONS.c.secrets)
        .where(DESTINATIONS.c.id > after, DESTINATIONS.c.secrets.is_not(None))
        .order_by(DESTINATIONS.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [(row.id, row.uid, row.secrets) for row in session.execute(wanted)]


def disable(session: Session, destination_id: int, now: datetime, reason: str) -> None:
    session.execute(
        update(DESTINATIONS)
        .where(DESTINATIONS.c.id == destination_id, DESTINATIONS.c.disabled_at.is_(None))
        .values(disabled_at=now, disabled_reason=reason)
    )


def disable_all(session: Session, account_id: int, now: datetime, reason: str) -> None:
    """The account's; those that are disabled already keep their reason."""
    mine = (DESTINATIONS.c.account_id == account_id) & DESTINATIONS.c.disabled_at.is_(None)
    session.execute(update(DESTINATIONS).where(mine).values(disabled_at=now, disabled_reason=reason))


def enable_all(session: Session, account_id: int, now: datetime, reason: str) -> None:
    """Those of the account that were disabled for this reason; they begin slowly."""
    mine = (DESTINATIONS.c.account_id == account_id) & (DESTINATIONS.c.disabled_reason == reason)
    session.execute(update(DESTINATIONS).where(mine).values(disabled_at=None, disabled_reason="", ramp_from=now))


def lanes(session: Session, ids: Sequence[int]) -> Sequence[tuple[int, int, str]]:
    """(id, account_id, lane) of those that are not disabled."""
    rows: list[tuple[int, int, str]] = []
    for some in leases.slices(ids):
        wanted = select(DESTINATIONS.c.id, DESTINATIONS.c.account_id, DESTINATIONS.c.lane)
        found = session.execute(wanted.where(DESTINATIONS.c.id.in_(some), DESTINATIONS.c.disabled_at.is_(None)))
        rows += [(row.id, row.account_id, row.lane) for row in found]
    return rows
