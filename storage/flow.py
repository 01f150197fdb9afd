"""What goes through an account: its newest deliveries, and what is amiss with what it follows and where that goes.

Deliveries have no index by account.  It would cost each one that is queued, and on PostgreSQL each change of its state
once more, for pages that few people look at.  Two ways lead to them instead, at a cost that does not grow with what
there is: through the account's subscriptions, exactly, while these are few; and down the ids of everybody's, a bounded
number of rows at a time (``storage.lists``), where they are many, and so is its part of what is delivered.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Select, exists, func, literal_column, select, text
from sqlmodel import Session

from storage import by_time, leases
from storage.api_models import ApiKey
from storage.columns import to_micros
from storage.models import (
    DESTINATION_AMISS,
    FEED_AMISS,
    Account,
    Delivery,
    DeliveryState,
    Destination,
    Feed,
    Post,
    Subscription,
)
from storage.statements import Query, packed

ACCOUNTS = Account.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
KEYS = ApiKey.__table__
POSTS = Post.__table__
SUBSCRIPTIONS = Subscription.__table__

LOOKED = 20_000  # of everybody's newest deliveries, for those of one account
AMISS_LOOKED = 5_000  # of everybody's feeds that are amiss
HELD_LOOKED = 2_000  # of everybody's held ones

Place = tuple[int, int]
"""Of a delivery of a post: the post's id and the subscription's.  What comes next in a list is smaller."""


class Found(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A delivery of a post, as much of it as is counted.  Times are microseconds since 1970."""

    id: int
    post_id: int
    subscription_id: int | None
    state: str
    created_at: int
    sent_at: int | None

    @property
    def place(self) -> Place:
        return self.post_id, self.subscription_id or 0


# Through subscriptions


def subscriptions(
    session: Session, account_id: int, most: int, *, feed: int | None = None, destination: int | None = None
) -> Sequence[int]:
    """Ids of up to ``most``, ended ones too."""
    mine = SUBSCRIPTIONS.c.account_id == account_id
    if destination is not None and feed is None:  # "+ 0": found by the destination, not by all of the account's
        mine = (SUBSCRIPTIONS.c.account_id + 0 == account_id) & (SUBSCRIPTIONS.c.destination_id == destination)
    elif destination is not None:
        mine &= SUBSCRIPTIONS.c.destination_id == destination
    if feed is not None:
        mine &= SUBSCRIPTIONS.c.feed_id == feed
    return session.execute(select(SUBSCRIPTIONS.c.id).where(mine).limit(most)).scalars().all()


_COLUMNS = "id, post_id, subscription_id, state, created_at, sent_at"
_SPELT = {
    word: (spelling, spelling)
    for word, spelling in {
        "{columns}": _COLUMNS,
        "{found.columns}": ", ".join(f"found.{name}" for name in _COLUMNS.split(", ")),
        "{before}": "post_id < :post + CASE WHEN given.value < :subscription THEN 1 ELSE 0 END",
    }.items()
}
_TOPS = Query(
    """
    SELECT {row} given.value, (
        SELECT max(post_id) FROM deliveries WHERE subscription_id = given.value AND {before}
    ) {/row}
    FROM ({ids}) AS given
    """,
    tuple[int, int | None],
    _SPELT,
)
_OF_EACH = """
    SELECT {row} {columns} {/row}
    FROM (SELECT {found.columns} FROM ({ids}) AS given CROSS JOIN {found} {limit}) AS picked
    """
_NEWEST = Query(
    _OF_EACH,
    Found,
    {
        "{found}": (
            """deliveries AS found
            WHERE found.subscription_id = given.value AND found.{before} AND found.post_id >= coalesce((
                SELECT post_id FROM deliveries
                WHERE subscription_id = given.value AND {before} AND post_id >= :last
                ORDER BY post_id DESC LIMIT 1 OFFSET :limit - 1
            ), :last)""",
            """LATERAL (
                SELECT {columns} FROM deliveries
                WHERE subscription_id = given.value AND {before} AND post_id >= :last
                ORDER BY post_id DESC LIMIT :limit
            ) AS found""",
        ),
        "{limit}": ("", ""),
        **_SPELT,
    },
)


def newest(session: Session, subscriptions: Sequence[int], before: Place, last_post: int, limit: int) -> list[Found]:
    """Up to ``limit`` deliveries through these subscriptions before ``before``, the newest post's first, none of a
    post before ``last_post``.

    Only subscriptions whose newest is among the newest can have a share.
    """
    values = {"post": before[0], "subscription": before[1]}
    tops = _TOPS.rows(session, ids=packed(subscriptions), **values)
    places = sorted(((post, id_) for id_, post in tops if post is not None and post >= last_post), reverse=True)
    some = places[:limit]
    last = max(last_post, some[-1][0]) if len(some) == limit else last_post
    ids = packed([id_ for _, id_ in some])
    found = _NEWEST.rows(session, ids=ids, last=last, limit=limit, **values)
    return sorted(found, key=lambda one: one.place, reverse=True)[:limit]


_SINCE = Query(
    _OF_EACH,
    Found,
    {
        "{found}": (
            "deliveries AS found WHERE found.subscription_id = given.value AND found.post_id >= :post",
            """LATERAL (
                SELECT {columns} FROM deliveries WHERE subscription_id = given.value AND post_id >= :post
            ) AS found""",
        ),
        "{limit}": ("LIMIT :limit", "LIMIT :limit"),
        **_SPELT,
    },
)


def since(session: Session, subscriptions: Sequence[int], post: int, limit: int) -> list[Found]:
    """Deliveries through these subscriptions of this and later posts; with ``limit`` of them there may be more."""
    return _SINCE.rows(session, ids=packed(subscriptions), post=post, limit=limit)


def first_post(session: Session, at: datetime) -> int:
    """The id of about the first post that was found then or later."""
    return by_time.first_id(session, POSTS, POSTS.c.found_at, at)


# Down the ids


_LATEST = """
    SELECT {row} {columns} {/row}
    FROM (
        SELECT {columns} FROM deliveries
        WHERE id > (SELECT max(id) FROM deliveries) - :looked AND post_id IS NOT NULL AND created_at >= :since {mine}
        ORDER BY id DESC LIMIT :limit
    ) AS picked
    """
_LATEST_OF_ALL = Query(_LATEST, Found, {"{mine}": ("", ""), **_SPELT})
_LATEST_OF_ONE = Query(_LATEST, Found, {"{mine}": ("AND account_id = :account", "AND account_id = :account"), **_SPELT})


def latest(session: Session, account_id: int | None, since: datetime, limit: int, looked: int = LOOKED) -> list[Found]:
    """Of the ``looked`` deliveries that were queued last, an account's, or (None) everybody's, the newest ones."""
    values: dict[str, Any] = {"since": to_micros(since), "limit": limit, "looked": looked}
    if account_id is None:
        return _LATEST_OF_ALL.rows(session, **values)
    return _LATEST_OF_ONE.rows(session, account=account_id, **values)


# What is shown

_SHOWN = (
    "id", "account_id", "event", "lane", "state", "attempts", "due_at", "expires_at", "error_code", "error",
    "created_at", "sent_at", "delivered_at", "read_at", "failed_at", "subscription_id", "destination_id", "post_id",
    "post_version",
)  # fmt: skip


def _deliveries(account_id: int) -> Select[Any]:
    return (
        select(
            *(DELIVERIES.c[name] for name in _SHOWN),
            DESTINATIONS.c.uid.label("destination_uid"),
            DESTINATIONS.c.name.label("destination_name"),
            *(DESTINATIONS.c[name] for name in ("channel", "address", "verified_at", "removed_at")),
            *(DESTINATIONS.c[name] for name in ("disabled_at", "disabled_reason", "open_until", "paused_until")),
            *(POSTS.c[name] for name in ("title", "url", "found_at", "published_at", "withdrawn_at", "feed_id")),
            FEEDS.c.uid.label("feed_uid"),
            FEEDS.c.title.label("feed_title"),
            FEEDS.c.key.label("feed_key"),
            SUBSCRIPTIONS.c.created_at.label("subscribed_at"),
            SUBSCRIPTIONS.c.ended_at,
        )
        .select_from(DELIVERIES)
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .outerjoin(SUBSCRIPTIONS, SUBSCRIPTIONS.c.id == DELIVERIES.c.subscription_id)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
        .outerjoin(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
        .where(DELIVERIES.c.account_id == account_id)
    )


def shown(session: Session, account_id: int, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """What lists show of these deliveries of posts, by id; none of anybody else's."""
    rows: list[Row[Any]] = []
    for some in leases.slices(ids):
        wanted = _deliveries(account_id).where(DELIVERIES.c.id.in_(some), DELIVERIES.c.post_id.is_not(None))
        rows += session.execute(wanted)
    return {row.id: row for row in rows}


def sendable(session: Session, account_id: int, ids: Sequence[int]) -> list[int]:
    """Those of an account's deliveries whose post is there and whose destination takes anything."""
    found: list[int] = []
    for some in leases.slices(ids):
        wanted = (
            select(DELIVERIES.c.id)
            .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
            .join(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
            .where(DELIVERIES.c.id.in_(some), DELIVERIES.c.account_id == account_id, POSTS.c.withdrawn_at.is_(None))
            .where(DESTINATIONS.c.removed_at.is_(None), DESTINATIONS.c.disabled_at.is_(None))
            .where(DESTINATIONS.c.verified_at.is_not(None))
        )
        found += session.execute(wanted).scalars()
    return found


def delivery(session: Session, account_id: int, id_: int) -> Row[Any] | None:
    """A post or a notice, with a notice's ``text``; codes and replies are nobody's to look at."""
    wanted = _deliveries(account_id).add_columns(DELIVERIES.c.text)
    open_ones = DELIVERIES.c.lane.in_(("chat", "webhook"))
    return session.execute(wanted.where(DELIVERIES.c.id == id_, open_ones)).one_or_none()


_FEED = ("id", "uid", "title", "key")


def feeds_followed(session: Session, account_id: int, limit: int) -> Sequence[Row[Any]]:
    """Some of the feeds that it follows or followed: id, uid, title, key."""
    some = select(SUBSCRIPTIONS.c.feed_id).where(SUBSCRIPTIONS.c.account_id == account_id).limit(limit).subquery()
    wanted = select(*(FEEDS.c[name] for name in _FEED)).where(FEEDS.c.id.in_(select(some.c.feed_id)))
    return session.execute(wanted).all()


def feed_followed(session: Session, account_id: int, uid: UUID) -> Row[Any] | None:
    """One that it follows or followed: id, uid, title, key."""
    mine = exists().where(SUBSCRIPTIONS.c.account_id == account_id, SUBSCRIPTIONS.c.feed_id == FEEDS.c.id)
    return session.execute(select(*(FEEDS.c[name] for name in _FEED)).where(FEEDS.c.uid == uid, mine)).one_or_none()


# What is amiss

_DESTINATION_AMISS: ColumnElement[bool] = text(DESTINATION_AMISS)  # type: ignore[assignment]
_FEED_AMISS: ColumnElement[bool] = text(f"({FEED_AMISS})")  # type: ignore[assignment]


def destinations_amiss(session: Session, account_id: int | None, limit: int) -> Sequence[Row[Any]]:
    """Not verified, disabled, or failing at present; None: everybody's."""
    columns = ("id", "uid", "channel", "name", "address", "verified_at", "disabled_at", "disabled_reason", "open_until")
    wanted = select(*(DESTINATIONS.c[name] for name in columns)).where(_DESTINATION_AMISS)
    if account_id is not None:
        wanted = wanted.where(DESTINATIONS.c.account_id == account_id)
    return session.execute(wanted.limit(limit)).all()


def feeds_amiss(session: Session, account_id: int | None, limit: int, *, few: bool = False) -> Sequence[Row[Any]]:
    """Feeds whose subscribers were told that they cannot be read, or that are not read any more; None: all.

    ``few``: the account has few subscriptions, and is told of all of them; else of those among ``AMISS_LOOKED``.
    """
    columns = ("id", "uid", "title", "key", "state", "fault", "failing_since")
    wanted = select(*(FEEDS.c[name] for name in columns)).where(_FEED_AMISS)
    if account_id is None:
        return session.execute(wanted.limit(limit)).all()
    mine = (SUBSCRIPTIONS.c.account_id == account_id, SUBSCRIPTIONS.c.active)
    if few:
        followed = select(SUBSCRIPTIONS.c.feed_id).where(*mine)
        return session.execute(wanted.where(FEEDS.c.id.in_(followed)).limit(limit)).all()
    some = select(FEEDS.c.id).where(_FEED_AMISS).limit(AMISS_LOOKED).subquery()
    wanted = wanted.where(exists().where(SUBSCRIPTIONS.c.feed_id == FEEDS.c.id, *mine))
    return session.execute(wanted.where(FEEDS.c.id.in_(select(some.c.id))).limit(limit)).all()


def destinations(session: Session, account_id: int, limit: int) -> Sequence[int]:
    """Ids of some."""
    mine = select(DESTINATIONS.c.id).where(DESTINATIONS.c.account_id == account_id, DESTINATIONS.c.removed_at.is_(None))
    return session.execute(mine.limit(limit)).scalars().all()


_IS_HELD = DELIVERIES.c.state == literal_column(f"'{DeliveryState.HELD}'")


def held(session: Session, destinations: Sequence[int], cap: int) -> int:
    """How many deliveries are held for these, up to ``cap``."""
    found = 0
    for some in leases.slices(destinations):
        wanted = select(DELIVERIES.c.id).where(DELIVERIES.c.destination_id.in_(some), _IS_HELD).limit(cap - found)
        found += len(session.execute(wanted).all())
        if found >= cap:
            break
    return found


def held_among(session: Session, account_id: int | None, looked: int = HELD_LOOKED) -> int:
    """How many of some of everybody's held deliveries are an account's; None: how many there are."""
    some = select(DELIVERIES.c.account_id).where(_IS_HELD).limit(looked).subquery()
    wanted = select(func.count()).select_from(some)
    if account_id is not None:
        wanted = wanted.where(some.c.account_id == account_id)
    return int(session.execute(wanted).scalar_one())


def expiring_keys(session: Session, account_id: int, now: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Keys of an account that are valid now and will not be then: name, prefix and ``expires_at``."""
    wanted = select(KEYS.c.name, KEYS.c.prefix, KEYS.c.expires_at).where(KEYS.c.account_id == account_id)
    soon = wanted.where(KEYS.c.expires_at > now, KEYS.c.expires_at <= until)
    return session.execute(soon.order_by(KEYS.c.expires_at).limit(20)).all()


def credits(session: Session, account_id: int) -> int | None:
    """What is left; None: it does not count."""
    return session.execute(select(ACCOUNTS.c.credits).where(ACCOUNTS.c.id == account_id)).scalar()


def posts_found(session: Session, since: datetime, cap: int) -> int:
    """Everybody's since then, up to ``cap``."""
    least = first_post(session, since)
    some = select(POSTS.c.id).where(POSTS.c.id >= least, POSTS.c.found_at >= since).limit(cap).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())
