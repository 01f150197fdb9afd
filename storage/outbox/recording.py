"""What enters the outbox: the posts of a feed for its subscribers, notices, and deliveries that are sent once more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Insert, Select, and_, bindparam, case, insert, literal, or_, select, text, update
from sqlmodel import Session

from storage import leases
from storage.columns import UtcTime
from storage.models import DeliveryState, Destination, Post, Subscription
from storage.outbox import DELIVERIES

DESTINATIONS = Destination.__table__
SUBSCRIPTIONS = Subscription.__table__
POSTS = Post.__table__

IS_ACTIVE = text("subscriptions.active")


def fan_out(
    session: Session,
    keys: Sequence[bytes],
    expires: Mapping[str, datetime],
    now: datetime,
    bits: Mapping[str, int] | None = None,
) -> int:
    """One delivery per active subscription that wants it for each post with one of these keys; returns how many.

    ``expires``: the end of a message's time, by lane.  ``bits``: of each kind of post that only some want; None: all
    of these posts are for everybody.
    """
    made, statement = 0, _fan_out(tuple(expires), tuple(bits.items()) if bits else ())
    for some in leases.slices(keys):
        made += leases.affected(session, statement, {"keys": some, "now": now, **_ends(expires)})
    return made


def queue_post(
    session: Session, subscription_id: int, post_id: int, expires: Mapping[str, datetime], now: datetime
) -> int:
    """A delivery of one post for one subscription, unless there is one; returns how many."""
    wanted = _subscribed(tuple(expires)).where(POSTS.c.id == post_id, SUBSCRIPTIONS.c.id == subscription_id)
    statement = leases.insert_new(session, DELIVERIES).from_select(_FAN_OUT, wanted).on_conflict_do_nothing()
    return leases.affected(session, statement, {"now": now, **_ends(expires)})


@cache
def _fan_out(lanes: tuple[str, ...], bits: tuple[tuple[str, int], ...]) -> Insert:
    some = POSTS.c.key.in_(bindparam("keys", expanding=True))
    paused = SUBSCRIPTIONS.c.paused_until
    now_wanted = or_(paused.is_(None), paused <= bindparam("now", type_=UtcTime()))
    wanted = _subscribed(lanes).where(some, now_wanted)
    if bits:
        bit = case(dict(bits), value=POSTS.c.kind, else_=0)
        wanted = wanted.where(or_(POSTS.c.kind == "", SUBSCRIPTIONS.c.wants.bitwise_and(bit) != 0))
    return insert(DELIVERIES).from_select(_FAN_OUT, wanted.order_by(POSTS.c.id))


def _ends(expires: Mapping[str, datetime]) -> dict[str, datetime]:
    return {f"end_of_{lane}": at for lane, at in expires.items()}


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Queue messages that are no posts: all rows name the same columns."""
    if rows:
        session.connection().execute(insert(DELIVERIES), rows)


_FAN_OUT = [
    "account_id",
    "subscription_id",
    "destination_id",
    "lane",
    "post_id",
    "post_version",
    "state",
    "due_at",
    "expires_at",
    "created_at",
]


def _subscribed(lanes: tuple[str, ...]) -> Select[Any]:
    at: BindParameter[datetime] = bindparam("now", type_=UtcTime())
    ends = {lane: bindparam(f"end_of_{lane}", type_=UtcTime()) for lane in lanes}
    end = case(ends, value=DESTINATIONS.c.lane)
    subscription = (SUBSCRIPTIONS.c.account_id, SUBSCRIPTIONS.c.id, DESTINATIONS.c.id, DESTINATIONS.c.lane)
    return (
        select(*subscription, POSTS.c.id, POSTS.c.version, literal(DeliveryState.READY.value), at, end, at)
        .select_from(POSTS)
        # "+ 0": posts come by their keys; SQLite would else begin with all subscriptions and look their posts up.
        .join(SUBSCRIPTIONS, and_(SUBSCRIPTIONS.c.feed_id == POSTS.c.feed_id + 0, IS_ACTIVE))
        .join(DESTINATIONS, DESTINATIONS.c.id == SUBSCRIPTIONS.c.destination_id)
        .where(DESTINATIONS.c.disabled_at.is_(None))
    )


def send_all_again(session: Session, ids: Sequence[int], expires_at: datetime, now: datetime) -> int:
    """As ``send_again``, for those where it makes sense: no codes, and nothing for a disabled destination.  Returns
    how many; a message's time ends at ``expires_at`` at the earliest."""
    disabled = select(DESTINATIONS.c.id).where(DESTINATIONS.c.disabled_at.is_not(None))
    ends = case((DELIVERIES.c.expires_at < expires_at, literal(expires_at, UtcTime())), else_=DELIVERIES.c.expires_at)
    done = 0
    for some in leases.slices(ids):
        statement = (
            update(DELIVERIES)
            .where(
                DELIVERIES.c.id.in_(some),
                DELIVERIES.c.state != DeliveryState.LEASED,
                DELIVERIES.c.lane != "code",
                DELIVERIES.c.destination_id.not_in(disabled.where(DESTINATIONS.c.id == DELIVERIES.c.destination_id)),
            )
            .values(state=DeliveryState.READY, due_at=now, expires_at=ends, failed_at=None, error_code="", error="")
        )
        done += leases.affected(session, statement)
    return done


def send_again(session: Session, delivery_id: int, expires_at: datetime, now: datetime) -> bool:
    """Ready at once, whatever became of it; False while it is being sent.  Numbering and budget go on."""
    statement = (
        update(DELIVERIES)
        .where(DELIVERIES.c.id == delivery_id, DELIVERIES.c.state != DeliveryState.LEASED)
        .values(state=DeliveryState.READY, due_at=now, expires_at=expires_at, failed_at=None, error_code="", error="")
    )
    return bool(leases.affected(session, statement))
