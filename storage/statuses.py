"""Statuses: what platforms say became of deliveries, and what came before its message was known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, literal_column, select, update
from sqlmodel import Session

from storage import leases
from storage.chat_models import ParkedStatus
from storage.columns import UtcTime
from storage.models import Delivery, DeliveryState, Destination, Post

DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
POSTS = Post.__table__
PARKED = ParkedStatus.__table__

FATE = ("state", "sent_at", "delivered_at", "read_at", "failed_at", "error_code", "error")
UNDERWAY: list[ColumnElement[Any]] = [
    literal_column(f"'{state}'") for state in (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED)
]


def _deliveries() -> Select[Any]:
    columns = [DELIVERIES.c[name] for name in ("id", "uid", "subscription_id", "message_id", "attempts", *FATE)]
    return (
        select(*columns)
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .where(DESTINATIONS.c.channel == bindparam("channel"))
        .with_for_update(of=DELIVERIES)
    )


_BY_MESSAGE = _deliveries().where(
    DELIVERIES.c.message_id.in_(bindparam("ids", expanding=True)), DELIVERIES.c.message_id != literal_column("''")
)
_BY_ID = _deliveries().where(DELIVERIES.c.id.in_(bindparam("ids", expanding=True)))
_UNKNOWN_YET = (DELIVERIES.c.state.in_(UNDERWAY), DELIVERIES.c.attempts > 0)
_BY_UID = _deliveries().where(DELIVERIES.c.uid.in_(bindparam("uids", expanding=True)), *_UNKNOWN_YET)
_BY_POST = (
    _deliveries()
    .join(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
    .where(
        DELIVERIES.c.subscription_id == bindparam("subscription_id"),
        POSTS.c.uid == bindparam("post_uid"),
        *_UNKNOWN_YET,
    )
)


def by_message(session: Session, channel: str, message_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Deliveries of a channel by the platform's ids; locked."""
    return _by(session, _BY_MESSAGE, channel, message_ids)


def by_id(session: Session, channel: str, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Deliveries of a channel by their own numbers; locked."""
    return _by(session, _BY_ID, channel, ids)


def _by(session: Session, wanted: Select[Any], channel: str, ids: Sequence[Any]) -> Sequence[Row[Any]]:
    rows: list[Row[Any]] = []
    for some in leases.slices(ids):
        rows += session.connection().execute(wanted, {"channel": channel, "ids": some})
    return rows


def underway_by_uid(session: Session, channel: str, uids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Notices and replies of which an attempt was begun and no end is known; locked."""
    rows: list[Row[Any]] = []
    for some in leases.slices(uids):
        rows += session.connection().execute(_BY_UID, {"channel": channel, "uids": some})
    return rows


def underway_by_post(session: Session, channel: str, post_uid: UUID, subscription_id: int) -> Row[Any] | None:
    """The delivery of a post for a subscription, if an attempt was begun and no end is known; locked."""
    mine = {"channel": channel, "subscription_id": subscription_id, "post_uid": post_uid}
    return session.connection().execute(_BY_POST, mine).first()


_SAVE = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("_id"))
    .values(**{name: bindparam(name) for name in (*FATE, "message_id")}, lease_token=None)
)


def save(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """What became of deliveries: each row names ``_id``, FATE and ``message_id``.  A send that still runs for one of
    them finds its lease gone and reports nothing."""
    if rows:
        session.connection().execute(_SAVE, sorted(rows, key=lambda row: int(row["_id"])))


_AGAIN = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=DeliveryState.READY, lease_token=None, message_id="", sent_at=None,
        error_code=bindparam("code"), error=bindparam("error"), due_at=bindparam("now", type_=UtcTime()),
    )
)  # fmt: skip


def send_again(session: Session, ids: Sequence[int], code: str, error: str, now: datetime) -> None:
    """What the platform took and then refused for how it was sent may be tried once more."""
    for some in leases.slices(ids):
        session.connection().execute(_AGAIN, {"ids": some, "code": code, "error": error, "now": now})


_ANSWERED = (
    update(DELIVERIES)
    .where(
        DELIVERIES.c.uid.in_(bindparam("uids", expanding=True)),
        DELIVERIES.c.state == literal_column(f"'{DeliveryState.WAITING}'"),
        DELIVERIES.c.attempts == 0,
    )
    .values(state=DeliveryState.SENT, sent_at=bindparam("now", type_=UtcTime()))
)


def answered(session: Session, uids: Sequence[UUID], now: datetime) -> None:
    """Replies that were given another way before their time to be sent came."""
    for some in leases.slices(uids):
        session.connection().execute(_ANSWERED, {"uids": some, "now": now})


# What nobody knows yet


def park(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep statuses of unknown messages for a while; each row names all columns."""
    if rows:
        session.connection().execute(leases.insert_new(session, PARKED).on_conflict_do_nothing(), rows)


def unpark(session: Session, channel: str, message_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Take what was kept for these messages."""
    rows: list[Row[Any]] = []
    for some in leases.slices(message_ids):
        mine = (PARKED.c.channel == channel) & PARKED.c.message_id.in_(some)
        rows += session.connection().execute(delete(PARKED).where(mine).returning(PARKED))
    return rows


def forget(session: Session, before: datetime, limit: int) -> int:
    """Drop what was kept since before that time; returns how many, up to ``limit``."""
    key = (PARKED.c.channel, PARKED.c.message_id, PARKED.c.status)
    old = select(*key).where(PARKED.c.received_at < before).order_by(PARKED.c.received_at).limit(limit)
    rows = [{"_channel": row.channel, "_id": row.message_id, "_status": row.status} for row in session.execute(old)]
    if rows:
        one = delete(PARKED).where(
            PARKED.c.channel == bindparam("_channel"),
            PARKED.c.message_id == bindparam("_id"),
            PARKED.c.status == bindparam("_status"),
        )
        session.connection().execute(one, rows)
    return len(rows)
