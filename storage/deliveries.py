"""Deliveries: the outbox.  Claims take turns over destinations, so that no backlog of one delays another."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Insert,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlmodel import Session

from storage import leases
from storage.columns import UtcTime, moved_back
from storage.models import (
    HEALTH,
    Attempt,
    Delivery,
    DeliveryState,
    Destination,
    Feed,
    Post,
    Subscription,
)

DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
SUBSCRIPTIONS = Subscription.__table__
POSTS = Post.__table__
FEEDS = Feed.__table__
ATTEMPTS = Attempt.__table__

READY, WAITING, LEASED = DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED
QUEUED = (READY, WAITING, DeliveryState.HELD)


# Written out in the statements: neither engine sees at once that a parameter fits an index of some states only.
def _is(state: DeliveryState) -> ColumnElement[bool]:
    return DELIVERIES.c.state == literal_column(f"'{state}'")


def _is_one_of(*states: DeliveryState) -> ColumnElement[bool]:
    return DELIVERIES.c.state.in_([literal_column(f"'{state}'") for state in states])


IS_READY, IS_WAITING, IS_LEASED = _is(READY), _is(WAITING), _is(LEASED)
IS_ACTIVE = text("subscriptions.active")
IS_QUEUED, IS_PUT_OFF = _is_one_of(*QUEUED), _is_one_of(WAITING, DeliveryState.HELD)


# Recording


def fan_out(session: Session, keys: Sequence[bytes], expires: Mapping[str, datetime], now: datetime) -> int:
    """One delivery per active subscription for each post with one of these keys; returns how many.

    ``expires``: the end of a message's time, by lane.
    """
    made = 0
    for some in leases.slices(keys):
        made += leases.affected(session, _fan_out(tuple(expires)), {"keys": some, "now": now, **_ends(expires)})
    return made


def queue_post(
    session: Session, subscription_id: int, post_id: int, expires: Mapping[str, datetime], now: datetime
) -> int:
    """A delivery of one post for one subscription, unless there is one; returns how many."""
    wanted = _subscribed(tuple(expires)).where(POSTS.c.id == post_id, SUBSCRIPTIONS.c.id == subscription_id)
    statement = leases.insert_new(session, DELIVERIES).from_select(_FAN_OUT, wanted).on_conflict_do_nothing()
    return leases.affected(session, statement, {"now": now, **_ends(expires)})


@cache
def _fan_out(lanes: tuple[str, ...]) -> Insert:
    some = POSTS.c.key.in_(bindparam("keys", expanding=True))
    return insert(DELIVERIES).from_select(_FAN_OUT, _subscribed(lanes).where(some).order_by(POSTS.c.id))


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
        select(*subscription, POSTS.c.id, POSTS.c.version, literal(READY.value), at, end, at)
        .select_from(POSTS)
        # "+ 0": posts come by their keys; SQLite would else begin with all subscriptions and look their posts up.
        .join(SUBSCRIPTIONS, and_(SUBSCRIPTIONS.c.feed_id == POSTS.c.feed_id + 0, IS_ACTIVE))
        .join(DESTINATIONS, DESTINATIONS.c.id == SUBSCRIPTIONS.c.destination_id)
        .where(DESTINATIONS.c.disabled_at.is_(None))
    )


# Claiming


def wake_waiting(session: Session, now: datetime, limit: int) -> int:
    """``waiting`` deliveries whose time has come become ``ready``; returns how many."""
    ids = session.execute(_WAITING, {"now": now, "limit": limit}).scalars().all()
    for some in leases.slices(ids):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(some)).values(state=READY))
    return len(ids)


_WAITING = (
    select(DELIVERIES.c.id)
    .where(IS_WAITING, DELIVERIES.c.due_at <= bindparam("now", type_=UtcTime()))
    .order_by(DELIVERIES.c.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)


_TO_SEND = ("id", "uid", "channel", "address", "secrets", *HEALTH)


def _loose_scan() -> Select[Any]:
    """Destinations with ready work in a lane, from ``:after`` on: a step of the index each (reliability page, 4.3)."""
    ready = and_(IS_READY, DELIVERIES.c.lane == bindparam("lane"))
    first = select(func.min(DELIVERIES.c.destination_id).label("id")).where(
        ready, DELIVERIES.c.destination_id > bindparam("after")
    )
    found = first.cte("found", recursive=True)
    following = (
        select(func.min(DELIVERIES.c.destination_id))
        .where(ready, DELIVERIES.c.destination_id > found.c.id)
        .scalar_subquery()
        .correlate(found)
    )
    found = found.union_all(select(following).where(found.c.id.is_not(None)))
    limited = select(found.c.id).where(found.c.id.is_not(None)).limit(bindparam("limit")).subquery("some")
    return (
        select(*(DESTINATIONS.c[name] for name in _TO_SEND))
        .join(limited, limited.c.id == DESTINATIONS.c.id)
        .order_by(DESTINATIONS.c.id)
        .with_for_update(of=DESTINATIONS, key_share=True, skip_locked=True)
    )


_WITH_WORK = _loose_scan()


def destinations_with_work(session: Session, lane: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """Destinations behind ``after`` that have ready work, in the order of ids; locked, so that nobody else
    counts or claims their deliveries until the transaction ends."""
    return session.execute(_WITH_WORK, {"lane": lane, "after": after, "limit": limit}).all()


def _oldest_ready() -> Select[Any]:
    """Up to ``:each`` oldest ready deliveries of each of ``:destinations``: a step of the index each."""
    first, later = DELIVERIES.alias("first"), DELIVERIES.alias("later")

    def ready(table: Any) -> ColumnElement[bool]:
        return and_(table.c.state == literal_column(f"'{READY}'"), table.c.lane == bindparam("lane"))

    first_id = (
        select(func.min(first.c.id))
        .where(ready(first), first.c.destination_id == DESTINATIONS.c.id)
        .scalar_subquery()
        .correlate(DESTINATIONS)
    )
    found = (
        select(DESTINATIONS.c.id.label("destination_id"), first_id.label("id"), literal(1).label("n"))
        .where(DESTINATIONS.c.id.in_(bindparam("destinations", expanding=True)))
        .cte("oldest", recursive=True)
    )
    next_id = (
        select(func.min(later.c.id))
        .where(ready(later), later.c.destination_id == found.c.destination_id, later.c.id > found.c.id)
        .scalar_subquery()
        .correlate(found)
    )
    found = found.union_all(
        select(found.c.destination_id, next_id, found.c.n + 1).where(
            found.c.id.is_not(None), found.c.n < bindparam("each")
        )
    )
    in_flight = (
        select(func.count())
        .where(IS_LEASED, DELIVERIES.c.destination_id == found.c.destination_id)
        .scalar_subquery()
        .correlate(found)
    )
    return (
        select(found.c.id, found.c.destination_id, in_flight.label("in_flight"))
        .where(found.c.id.is_not(None))
        .order_by(found.c.destination_id, found.c.n)
    )


_OLDEST = _oldest_ready()


def oldest_ready(session: Session, lane: str, destinations: Sequence[int], each: int) -> Sequence[Row[Any]]:
    """The oldest ready deliveries, up to ``each`` per destination, in their order: id, destination_id, in_flight.

    ``in_flight``: sends to that destination under lease, of all processes; right when the destination is locked.
    """
    if not destinations:
        return []
    return session.connection().execute(_OLDEST, {"lane": lane, "destinations": list(destinations), "each": each}).all()


_TAKE = (
    update(DELIVERIES)
    # Spelt so that no index of ready rows fits: PostgreSQL would walk all of it when its statistics are old.
    .where(
        DELIVERIES.c.id.in_(bindparam("ids", expanding=True)),
        func.coalesce(DELIVERIES.c.state, "") == READY,
        DELIVERIES.c.expires_at > bindparam("now", type_=UtcTime()),
    )
    .values(
        state=LEASED,
        lease_token=bindparam("token"),
        due_at=bindparam("until", type_=UtcTime()),
        attempts=DELIVERIES.c.attempts + 1,
    )
    .returning(
        *(DELIVERIES.c[name] for name in (
            "id", "subscription_id", "destination_id", "post_id", "post_version", "uid", "event", "text",
            "attempts", "throttled", "expires_at", "created_at", "first_ambiguous_at", "lease_token",
        ))
    )
)  # fmt: skip


def take(session: Session, ids: Sequence[int], now: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Lease ready deliveries under one new token; returns what a send needs of them, in the order of ids.

    One whose time is over stays for the sweeper.
    """
    token = leases.new_token()
    rows: list[Row[Any]] = []
    for some in leases.slices(ids):
        rows += session.connection().execute(_TAKE, {"ids": some, "token": token, "now": now, "until": until})
    return sorted(rows, key=lambda row: row.id)


# Settling


_SENT = (
    update(DELIVERIES)
    .where(
        DELIVERIES.c.id.in_(bindparam("ids", expanding=True)),
        DELIVERIES.c.lease_token == bindparam("token"),
    )
    .values(
        state=DeliveryState.SENT,
        lease_token=None,
        error_code="",
        error="",
        sent_at=bindparam("now", type_=UtcTime()),
        due_at=bindparam("now", type_=UtcTime()),
    )
    .returning(DELIVERIES.c.id)
)


def settle_sent(session: Session, tokens: Mapping[str, Sequence[int]], now: datetime) -> set[int]:
    """Leased deliveries that the platform took; returns those that were still ours."""
    mine: set[int] = set()
    for token, ids in tokens.items():
        for some in leases.slices(ids):
            done = session.connection().execute(_SENT, {"ids": some, "token": token, "now": now})
            mine |= set(done.scalars())
    return mine


def set_message_ids(session: Session, ids: Mapping[int, str]) -> None:
    """What the platform calls these deliveries."""
    if ids:
        statement = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("_id"))
        rows = [{"_id": delivery_id, "message_id": name} for delivery_id, name in ids.items()]
        session.connection().execute(statement.values(message_id=bindparam("message_id")), rows)


_HELD = (
    select(DELIVERIES.c.id, DELIVERIES.c.lease_token)
    .where(DELIVERIES.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_SETTLE = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("_id")).values(lease_token=None)


def still_leased(session: Session, tokens: Mapping[int, str]) -> set[int]:
    """Those of the deliveries that still stand under the given token, locked until the transaction ends."""
    held: set[int] = set()
    for ids in leases.slices(sorted(tokens)):
        found = session.connection().execute(_HELD, {"ids": ids}).all()
        held |= {row.id for row in found if row.lease_token == tokens[row.id]}
    return held


def settle(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """End leases that are ``still_leased`` in any other way: each row names ``_id`` and what changes."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for names, some in alike.items():
        session.connection().execute(_settling(names), some)


@cache
def _settling(names: tuple[str, ...]) -> Update:
    return _SETTLE.values(**{name: bindparam(name) for name in names if name != "_id"})


def add_attempts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Record attempts; all rows name the same columns."""
    if rows:
        session.connection().execute(insert(ATTEMPTS), rows)


# Sweeping


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
    wanted = select(DELIVERIES.c.id).where(which).limit(limit).with_for_update(skip_locked=True)
    ids = session.execute(wanted).scalars().all()
    for some in leases.slices(ids):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(some))
            .values(
                state=READY,
                lease_token=None,
                due_at=now,
                ambiguous_at=now,
                first_ambiguous_at=func.coalesce(DELIVERIES.c.first_ambiguous_at, literal(now, UtcTime())),
            )
        )
    return len(ids)


def hand_back(session: Session, tokens: Mapping[int, str], now: datetime) -> None:
    """Claimed but not begun: ready again, and no attempt was used up."""
    for ids in leases.slices(sorted(still_leased(session, tokens))):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(ids))
            .values(state=READY, lease_token=None, due_at=now, attempts=DELIVERIES.c.attempts - 1)
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
    wanted = select(DELIVERIES.c.id).where(which).limit(limit).with_for_update(skip_locked=True)
    ids = session.execute(wanted).scalars().all()
    for some in leases.slices(ids):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(some))
            .values(state=DeliveryState.FAILED, failed_at=now, error_code=code, error=reason)
        )
    return len(ids)


def pull_forward(session: Session, later_than: datetime, now: datetime, limit: int) -> int:
    """Due times that no schedule can have given: the clock jumped back.  They are due now."""
    wanted = (
        select(DELIVERIES.c.id)
        .where(IS_WAITING, DELIVERIES.c.due_at > later_than)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.execute(wanted).scalars().all()
    for some in leases.slices(ids):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(some)).values(due_at=now))
    return len(ids)


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: what waits, and the end of leases, come as soon as they would have come without that."""
    for which in (IS_WAITING, IS_LEASED):
        ahead = update(DELIVERIES).where(which, DELIVERIES.c.due_at > now)
        session.execute(ahead.values(due_at=moved_back(DELIVERIES.c.due_at, by, now)))


# Looking


def newest(
    session: Session, limit: int, state: Sequence[str] = (), destination_id: int | None = None
) -> Sequence[Row[Any]]:
    """Deliveries with what they deliver and where to, the latest first."""
    wanted = (
        select(
            DELIVERIES,
            DESTINATIONS.c.channel,
            DESTINATIONS.c.address,
            POSTS.c.title,
            POSTS.c.url,
            FEEDS.c.title.label("feed_title"),
        )
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
        .outerjoin(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
        .order_by(DELIVERIES.c.id.desc())
        .limit(limit)
    )
    if state:
        wanted = wanted.where(DELIVERIES.c.state.in_(state))
    if destination_id is not None:
        wanted = wanted.where(DELIVERIES.c.destination_id == destination_id)
    return session.execute(wanted).all()


def attempts(session: Session, deliveries: Sequence[int]) -> Sequence[Row[Any]]:
    """Attempts of these deliveries in their order."""
    rows: list[Row[Any]] = []
    for some in leases.slices(deliveries):
        wanted = select(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(some))
        rows += session.execute(wanted.order_by(ATTEMPTS.c.delivery_id, ATTEMPTS.c.n))
    return rows


def get(session: Session, delivery_id: int) -> Delivery | None:
    return session.get(Delivery, delivery_id)


def send_again(session: Session, delivery_id: int, expires_at: datetime, now: datetime) -> bool:
    """Ready at once, whatever became of it; False while it is being sent.  Numbering and budget go on."""
    statement = (
        update(DELIVERIES)
        .where(DELIVERIES.c.id == delivery_id, DELIVERIES.c.state != LEASED)
        .values(state=READY, due_at=now, expires_at=expires_at, failed_at=None, error_code="", error="")
    )
    return bool(leases.affected(session, statement))


def queued(session: Session, cap: int) -> Mapping[str, int]:
    """Queued rows per lane, counted up to ``cap`` in all: a scrape must not walk a million rows."""
    some = select(DELIVERIES.c.lane).where(IS_QUEUED).limit(cap).subquery()
    counted = session.execute(select(some.c.lane, func.count().label("n")).group_by(some.c.lane))
    return {row.lane: row.n for row in counted}


def oldest_queued(session: Session) -> Row[Any] | None:
    """The queued delivery that expires first: (created_at, expires_at)."""
    wanted = (
        select(DELIVERIES.c.created_at, DELIVERIES.c.expires_at)
        .where(IS_QUEUED)
        .order_by(DELIVERIES.c.expires_at)
        .limit(1)
    )
    return session.execute(wanted).first()


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
    unfinished = {*QUEUED, LEASED}
    ids = [row.id for row in rows if row.created_at < before and row.state not in unfinished]
    for some in leases.slices(ids):
        session.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(some)))
    return len(ids)
