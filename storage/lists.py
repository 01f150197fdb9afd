"""Lists for operators: pages of a table, the latest first, with whatever filter.

No filter has an index of its own, for every index would cost each write.  A page looks at a bounded number of rows
instead, going down the ids; it may hold few rows or none and still say where the next one goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, literal_column, or_, select
from sqlmodel import Session

from storage import by_time
from storage.admin_models import AuditEntry
from storage.models import Account, Delivery, DeliveryState, Destination, Feed, FeedState, Post, Subscription

LOOKED = 10_000  # rows that a page looks at
LONGEST_ID = 18  # digits
COUNTED = 10_000  # rows that are counted of anything
OUT_OF_STEP = timedelta(hours=1)  # by which rows may be older than their neighbours, at the most

ACCOUNTS = Account.__table__
AUDIT = AuditEntry.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
POSTS = Post.__table__
SUBSCRIPTIONS = Subscription.__table__


@dataclass(frozen=True, slots=True)
class Listed:
    """``before``: what the next page is asked with; None: there is none."""

    rows: Sequence[Row[Any]]
    before: int | None


def _page(
    session: Session, table: Table, wanted: Select[Any], before: int, limit: int, looked: int, least: int = 0
) -> Listed:
    """``wanted``: with its filters; its rows have the table's ``id``, and none below ``least`` fits."""
    down = table.c.id.desc()
    below = select(table.c.id).where(table.c.id < before).order_by(down)
    floor = session.execute(below.offset(looked - 1).limit(1)).scalar()
    some = wanted.where(table.c.id < before).order_by(down).limit(limit + 1)
    if floor is not None or least:  # one condition: of two SQLite takes the first, and looks at all above it
        some = some.where(table.c.id >= max(floor or 0, least))
    rows = session.execute(some).all()
    if len(rows) > limit:
        return Listed(rows[:limit], rows[limit - 1].id)
    return Listed(rows, floor)


def accounts(session: Session, search: str, before: int, limit: int, looked: int = LOOKED) -> Listed:
    """``search``: part of the e-mail address or name, in any case; deleted ones are not listed."""
    wanted = select(ACCOUNTS).where(ACCOUNTS.c.deleted_at.is_(None))
    if search:
        text = search.lower()
        has = [func.lower(column).contains(text, autoescape=True) for column in (ACCOUNTS.c.email, ACCOUNTS.c.name)]
        wanted = wanted.where(has[0] | has[1])
    return _page(session, ACCOUNTS, wanted, before, limit, looked)


def destinations(
    session: Session, account_id: int | None, channel: str, disabled: bool | None, before: int, limit: int
) -> Listed:
    wanted = select(DESTINATIONS).where(DESTINATIONS.c.removed_at.is_(None))
    if account_id is not None:
        wanted = wanted.where(DESTINATIONS.c.account_id == account_id)
    if channel:
        wanted = wanted.where(DESTINATIONS.c.channel == channel)
    if disabled is not None:
        wanted = wanted.where(DESTINATIONS.c.disabled_at.is_not(None) == disabled)
    return _page(session, DESTINATIONS, wanted, before, limit, LOOKED)


def feeds(
    session: Session, source: str, state: str, search: str, before: int, limit: int, looked: int = LOOKED
) -> Listed:
    """``state``: of ``FeedState``, or "failing": active, and its last polls failed; empty: any.

    ``search``: part of the address, name or title, in any case.
    """
    wanted = select(FEEDS)
    if search:
        columns = (FEEDS.c.key, FEEDS.c.name, FEEDS.c.title)
        has = [func.lower(column).contains(search.lower(), autoescape=True) for column in columns]
        wanted = wanted.where(or_(*has))
    if source:
        wanted = wanted.where(FEEDS.c.source == source)
    if state == "failing":
        wanted = wanted.where(FEEDS.c.failures > 0, FEEDS.c.state == FeedState.ACTIVE)
    elif state:
        wanted = wanted.where(FEEDS.c.state == state)
    return _page(session, FEEDS, wanted, before, limit, looked)


def audit(
    session: Session, actor: str, action: str, target: str, before: int, limit: int, looked: int = LOOKED
) -> Listed:
    """``actor``: who, by kind or by the account's id; ``action``: part of it; ``target``: it, or what it begins with
    ("account 5", "account 5, key …"); empty: any."""
    wanted = select(AUDIT)
    if actor.isascii() and actor.isdecimal() and len(actor) <= LONGEST_ID:
        wanted = wanted.where(AUDIT.c.account_id == int(actor))
    elif actor:
        wanted = wanted.where(AUDIT.c.actor == actor)
    if action:
        wanted = wanted.where(AUDIT.c.action.contains(action.lower(), autoescape=True))
    if target:
        part = AUDIT.c.target.startswith(f"{target},", autoescape=True)
        wanted = wanted.where(or_(AUDIT.c.target == target, part))
    return _page(session, AUDIT, wanted, before, limit, looked)


# Deliveries


@dataclass(frozen=True, slots=True)
class Sought:
    """Deliveries that fit all of these; None and empty: whatever."""

    account: int | None = None
    destination: int | None = None
    feed: int | None = None
    states: Sequence[str] = ()
    error_code: str = ""
    since: datetime | None = None  # queued then or later
    until: datetime | None = None  # queued before


def deliveries(session: Session, sought: Sought, before: int, limit: int, looked: int = LOOKED) -> Listed:
    """Deliveries with what they deliver and where to."""
    if sought.until:
        before = min(before, _first_of(session, sought.until + OUT_OF_STEP))
    wanted = _deliveries().where(*_fits(sought))
    if sought.since:
        least = _first_of(session, sought.since - OUT_OF_STEP)
        found = _page(session, DELIVERIES, wanted, before, limit, looked, least)
        return found if found.before is None or found.before > least else Listed(found.rows, None)
    return _page(session, DELIVERIES, wanted, before, limit, looked)


def delivery(session: Session, delivery_id: int) -> Row[Any] | None:
    return session.execute(_deliveries().where(DELIVERIES.c.id == delivery_id)).first()


def _deliveries() -> Select[Any]:
    return (
        select(
            DELIVERIES,
            DESTINATIONS.c.channel,
            DESTINATIONS.c.address,
            POSTS.c.title,
            POSTS.c.url,
            POSTS.c.feed_id,
        )
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
    )


def _fits(sought: Sought) -> list[ColumnElement[bool]]:
    conditions = []
    for column, value in (
        (DELIVERIES.c.account_id, sought.account),
        (DELIVERIES.c.destination_id, sought.destination),
        (POSTS.c.feed_id, sought.feed),
        (DELIVERIES.c.error_code, sought.error_code or None),
    ):
        if value is not None:
            conditions.append(column == value)
    if sought.states:
        conditions.append(DELIVERIES.c.state.in_(sought.states))
    if sought.since:
        conditions.append(DELIVERIES.c.created_at >= sought.since)
    if sought.until:
        conditions.append(DELIVERIES.c.created_at < sought.until)
    return conditions


def _first_of(session: Session, at: datetime) -> int:
    return by_time.first_id(session, DELIVERIES, DELIVERIES.c.created_at, at)


# Numbers


def count(session: Session, table: Table, *conditions: ColumnElement[bool]) -> int:
    """How many rows there are, up to ``COUNTED``: nobody waits for a million to be counted."""
    some = select(table.c.id).where(*conditions).limit(COUNTED).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def things(session: Session) -> dict[str, int]:
    """Accounts, destinations, feeds and active subscriptions, each up to ``COUNTED``."""
    return {
        "accounts": count(session, ACCOUNTS, ACCOUNTS.c.deleted_at.is_(None)),
        "destinations": count(session, DESTINATIONS, DESTINATIONS.c.removed_at.is_(None)),
        "feeds": count(session, FEEDS),
        "subscriptions": count(session, SUBSCRIPTIONS, SUBSCRIPTIONS.c.active),
    }


def destinations_of(session: Session, channel: str) -> int:
    """How many destinations a channel's account has, up to ``COUNTED``."""
    return count(session, DESTINATIONS, DESTINATIONS.c.channel == channel, DESTINATIONS.c.removed_at.is_(None))


def subscribers(session: Session, feed_id: int) -> int:
    """How many subscriptions the feed has, up to ``COUNTED``."""
    return count(session, SUBSCRIPTIONS, SUBSCRIPTIONS.c.feed_id == feed_id, SUBSCRIPTIONS.c.active)


def queued(session: Session, lanes: Sequence[str]) -> dict[tuple[str, str], int]:
    """Deliveries that have not ended, by lane and state, of each state up to ``COUNTED``.

    Only of ready ones does an index know the lane; of the others some rows are looked at.
    """
    found = {
        (lane, str(DeliveryState.READY)): count(session, DELIVERIES, _in_state(DeliveryState.READY), _of_lane(lane))
        for lane in lanes
    }
    for state, by in _INDEXED:
        some = select(DELIVERIES.c.lane).where(_in_state(state)).order_by(*by).limit(COUNTED).subquery()
        counted = session.execute(select(some.c.lane, func.count().label("n")).group_by(some.c.lane))
        found |= {(row.lane, str(state)): row.n for row in counted}
    return found


# In the order of the index of such rows, or PostgreSQL would walk the whole table for the first of them.
_INDEXED = (
    (DeliveryState.WAITING, (DELIVERIES.c.due_at,)),
    (DeliveryState.LEASED, (DELIVERIES.c.destination_id, DELIVERIES.c.due_at)),
    (DeliveryState.HELD, (DELIVERIES.c.destination_id, DELIVERIES.c.id)),
)


def _in_state(state: DeliveryState) -> ColumnElement[bool]:
    """Written out, or neither engine would see that the index of this state fits."""
    return DELIVERIES.c.state == literal_column(f"'{state}'")


def _of_lane(lane: str) -> ColumnElement[bool]:
    return DELIVERIES.c.lane == lane


def unfinished(session: Session) -> dict[str, int]:
    """Deliveries that have not ended, by state, each up to ``COUNTED``: every state has an index of its rows."""
    states = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD)
    return {state: count(session, DELIVERIES, _in_state(state)) for state in states}


def latest(session: Session) -> dict[str, int]:
    """How the ``COUNTED`` deliveries that were queued last stand, by state."""
    some = select(DELIVERIES.c.state).order_by(DELIVERIES.c.id.desc()).limit(COUNTED).subquery()
    counted = session.execute(select(some.c.state, func.count().label("n")).group_by(some.c.state))
    return {row.state: row.n for row in counted}
