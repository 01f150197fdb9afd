"""What an account holds, found by the ids that APIs show: every query here names the account, so none finds more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage import leases
from storage.chat_models import PushFeed
from storage.columns import to_micros
from storage.models import Delivery, Destination, Feed, Post, Subscription

DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
POSTS = Post.__table__
PUSH_FEEDS = PushFeed.__table__
SUBSCRIPTIONS = Subscription.__table__

Place = tuple[int, int]
"""In a list that goes backwards: what comes next is smaller."""


# Destinations


def destination(session: Session, account_id: int, uid: UUID) -> Destination | None:
    """None, too, if it was removed."""
    mine = (col(Destination.uid) == uid, col(Destination.account_id) == account_id)
    return session.exec(select_rows(Destination).where(*mine, col(Destination.removed_at).is_(None))).one_or_none()


def destinations(session: Session, account_id: int, before: int, limit: int) -> Sequence[Destination]:
    """The newest first, with ids below ``before``."""
    mine = select_rows(Destination).where(
        col(Destination.account_id) == account_id, col(Destination.removed_at).is_(None), col(Destination.id) < before
    )
    return session.exec(mine.order_by(col(Destination.id).desc()).limit(limit)).all()


def count_destinations(session: Session, account_id: int) -> int:
    mine = select(func.count()).where(DESTINATIONS.c.account_id == account_id, DESTINATIONS.c.removed_at.is_(None))
    return int(session.execute(mine).scalar_one())


def forget_secrets(session: Session, destination_id: int) -> None:
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(secrets=null()))


def feeds_of_destination(session: Session, destination_id: int) -> Sequence[int]:
    """Those that its active subscriptions are to."""
    wanted = select(SUBSCRIPTIONS.c.feed_id).where(SUBSCRIPTIONS.c.destination_id == destination_id)
    return session.execute(wanted.where(SUBSCRIPTIONS.c.active)).scalars().all()


# Feeds


def _seen_by(account_id: int) -> Any:
    """Ids of feeds that the account subscribes or subscribed to, or pushes into."""
    wished = select(SUBSCRIPTIONS.c.feed_id).where(SUBSCRIPTIONS.c.account_id == account_id)
    return wished.union(select(PUSH_FEEDS.c.feed_id).where(PUSH_FEEDS.c.account_id == account_id))


def feed(session: Session, account_id: int, uid: UUID) -> Feed | None:
    mine = col(Feed.id).in_(_seen_by(account_id))
    return session.exec(select_rows(Feed).where(col(Feed.uid) == uid, mine)).one_or_none()


def feed_by_key(session: Session, account_id: int, source: str, key: str) -> Feed | None:
    mine = (col(Feed.source) == source, col(Feed.key) == key, col(Feed.id).in_(_seen_by(account_id)))
    return session.exec(select_rows(Feed).where(*mine)).one_or_none()


def push_feed(session: Session, account_id: int, feed_id: int) -> Row[Any] | None:
    """The account's way of pushing into a feed."""
    mine = (PUSH_FEEDS.c.account_id == account_id, PUSH_FEEDS.c.feed_id == feed_id)
    return session.execute(select(PUSH_FEEDS).where(*mine).limit(1)).first()


def followed(session: Session, account_id: int) -> Sequence[int]:
    """Feeds of active subscriptions, each once."""
    wanted = select(SUBSCRIPTIONS.c.feed_id).distinct()
    return (
        session.execute(wanted.where(SUBSCRIPTIONS.c.account_id == account_id, SUBSCRIPTIONS.c.active)).scalars().all()
    )


# Subscriptions


def _subscriptions(account_id: int) -> Any:
    return (
        select(Subscription, Feed, Destination)
        .join(Feed, col(Feed.id) == col(Subscription.feed_id))
        .join(Destination, col(Destination.id) == col(Subscription.destination_id))
        .where(col(Subscription.account_id) == account_id)
    )


def subscription(session: Session, account_id: int, id_: int, *, lock: bool = False) -> Row[Any] | None:
    """Also one that has ended, with its feed and destination; ``lock``: nobody else changes it meanwhile."""
    wanted = _subscriptions(account_id).where(col(Subscription.id) == id_)
    if lock:
        wanted = wanted.with_for_update(of=Subscription, key_share=True).execution_options(populate_existing=True)
    found: Row[Any] | None = session.execute(wanted).one_or_none()
    return found


def subscriptions(
    session: Session, account_id: int, before: int, limit: int, *, feed: UUID | None, destination: UUID | None
) -> Sequence[Row[Any]]:
    """Active ones with ids below ``before``, the newest first."""
    wanted = _subscriptions(account_id).where(col(Subscription.active), col(Subscription.id) < before)
    if feed is not None:
        wanted = wanted.where(col(Feed.uid) == feed)
    if destination is not None:
        wanted = wanted.where(col(Destination.uid) == destination)
    found: Sequence[Row[Any]] = session.execute(wanted.order_by(col(Subscription.id).desc()).limit(limit)).all()
    return found


# Posts, in the order in which they were found.  A place is the time in microseconds since 1970, and the id.

_found_at = type_coerce(POSTS.c.found_at, BigInteger)
_post_place = tuple_(_found_at, POSTS.c.id)
_before_place = _post_place < tuple_(bindparam("at", type_=BigInteger), bindparam("id", type_=BigInteger))
_TOP = (
    select(POSTS.c.id)
    .where(POSTS.c.feed_id == FEEDS.c.id, _before_place)
    .order_by(POSTS.c.found_at.desc(), POSTS.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_TOPS = select(_TOP).select_from(FEEDS).where(FEEDS.c.id.in_(bindparam("feeds", expanding=True)))
_PLACES = select(POSTS.c.feed_id, _found_at, POSTS.c.id).where(POSTS.c.id.in_(bindparam("ids", expanding=True)))


def newest_post_of_each(session: Session, feeds: Sequence[int], before: Place) -> list[tuple[Place, int]]:
    """The place of the newest post before ``before`` of each feed that has one, and the feed: a step on an index for
    each, whatever there is besides."""
    tops: list[int] = []
    for some in leases.slices(feeds):
        found = session.execute(_TOPS, {"feeds": some, "at": before[0], "id": before[1]}).scalars()
        tops += [id_ for id_ in found if id_ is not None]
    places = []
    for ids in leases.slices(tops):
        places += [((at, id_), feed_id) for feed_id, at, id_ in session.execute(_PLACES, {"ids": ids})]
    return places


_POSTS = (
    select(_found_at, POSTS.c.id, POSTS.c.version)
    .where(
        POSTS.c.feed_id == bindparam("feed"),
        _before_place,
        _post_place >= tuple_(bindparam("last_at", type_=BigInteger), bindparam("last_id", type_=BigInteger)),
    )
    .order_by(POSTS.c.found_at.desc(), POSTS.c.id.desc())
    .limit(bindparam("limit"))
)


def posts(session: Session, feed_id: int, before: Place, last: Place, limit: int) -> list[tuple[Place, int]]:
    """Place and version of a feed's posts from before ``before`` down to ``last``, the newest first."""
    values = {"feed": feed_id, "at": before[0], "id": before[1], "last_at": last[0], "last_id": last[1]}
    return [((at, id_), version) for at, id_, version in session.execute(_POSTS, values | {"limit": limit})]


def post(session: Session, account_id: int, uid: UUID, since: datetime, until: datetime) -> Row[Any] | None:
    """``id`` and ``version`` of a post that was found in this span; found by feed and time, for which there is an
    index."""
    mine = POSTS.c.feed_id.in_(_seen_by(account_id))
    span = _found_at.between(to_micros(since), to_micros(until))
    wanted = select(POSTS.c.id, POSTS.c.version).where(mine, span, POSTS.c.uid == uid)
    return session.execute(wanted).one_or_none()


# Deliveries of posts.  A place is the post's id and the subscription's.

_newest_delivered = (
    select(func.max(DELIVERIES.c.post_id))
    .where(
        DELIVERIES.c.subscription_id == SUBSCRIPTIONS.c.id,
        DELIVERIES.c.post_id
        < bindparam("post", type_=BigInteger) + case((SUBSCRIPTIONS.c.id < bindparam("subscription"), 1), else_=0),
    )
    .scalar_subquery()
)


def newest_delivery_of_each(
    session: Session,
    account_id: int,
    before: Place,
    *,
    feed: UUID | None,
    destination: UUID | None,
    subscription: int | None,
) -> list[tuple[Place, int]]:
    """The place of the newest delivery before ``before`` of each subscription, active or not, and the subscription."""
    wanted: Select[Any] = select(SUBSCRIPTIONS.c.id, _newest_delivered).where(SUBSCRIPTIONS.c.account_id == account_id)
    if feed is not None:
        wanted = wanted.where(
            SUBSCRIPTIONS.c.feed_id == select(FEEDS.c.id).where(FEEDS.c.uid == feed).scalar_subquery()
        )
    if destination is not None:
        there = select(DESTINATIONS.c.id).where(DESTINATIONS.c.uid == destination).scalar_subquery()
        wanted = wanted.where(SUBSCRIPTIONS.c.destination_id == there)
    if subscription is not None:
        wanted = wanted.where(SUBSCRIPTIONS.c.id == subscription)
    found = session.execute(wanted, {"post": before[0], "subscription": before[1]})
    return [((post_id, id_), id_) for id_, post_id in found if post_id is not None]


_DELIVERIES = (
    select(DELIVERIES.c.post_id, DELIVERIES.c.id, DELIVERIES.c.state)
    .where(
        DELIVERIES.c.subscription_id == bindparam("subscription"),
        DELIVERIES.c.post_id <= bindparam("first"),
        DELIVERIES.c.post_id >= bindparam("last"),
    )
    .order_by(DELIVERIES.c.post_id.desc())
    .limit(bindparam("limit"))
)


def deliveries(
    session: Session, subscription_id: int, before: Place, last: Place, limit: int
) -> list[tuple[Place, tuple[int, str]]]:
    """Place, id and state of a subscription's deliveries from before ``before`` down to ``last``, the newest first."""
    first = before[0] if subscription_id < before[1] else before[0] - 1
    least = last[0] if subscription_id >= last[1] else last[0] + 1
    values = {"subscription": subscription_id, "first": first, "last": least, "limit": limit}
    return [((post, subscription_id), (id_, state)) for post, id_, state in session.execute(_DELIVERIES, values)]


_SHOWN = (
    "id", "event", "lane", "state", "attempts", "due_at", "error_code", "error", "created_at",
    "sent_at", "delivered_at", "read_at", "failed_at", "subscription_id",
)  # fmt: skip


def _shown_deliveries(account_id: int) -> Select[Any]:
    return (
        select(
            *(DELIVERIES.c[name] for name in _SHOWN),
            SUBSCRIPTIONS.c.created_at.label("subscribed_at"),
            DESTINATIONS.c.uid.label("destination_uid"),
            DESTINATIONS.c.channel,
            DESTINATIONS.c.address,
            DESTINATIONS.c.id.label("destination_id"),
            POSTS.c.uid.label("post_uid"),
            POSTS.c.title,
            POSTS.c.url,
            FEEDS.c.uid.label("feed_uid"),
        )
        .select_from(DELIVERIES)
        .join(DESTINATIONS, DESTINATIONS.c.id == DELIVERIES.c.destination_id)
        .outerjoin(SUBSCRIPTIONS, SUBSCRIPTIONS.c.id == DELIVERIES.c.subscription_id)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
        .outerjoin(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
        .where(DELIVERIES.c.account_id == account_id)
    )


def shown_deliveries(session: Session, account_id: int, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """What is shown of these, in no order."""
    return session.execute(_shown_deliveries(account_id).where(DELIVERIES.c.id.in_(ids))).all()


def delivery(session: Session, account_id: int, id_: int) -> Row[Any] | None:
    """A post or a notice; codes and replies are nobody's to look at."""
    open_ones = or_(DELIVERIES.c.lane == "chat", DELIVERIES.c.lane == "webhook")
    return session.execute(_shown_deliveries(account_id).where(and_(DELIVERIES.c.id == id_, open_ones))).one_or_none()


def delivery_with(session: Session, account_id: int, uid: UUID) -> int:
    """The id of a notice by its own."""
    mine = (DELIVERIES.c.uid == uid, DELIVERIES.c.uid.is_not(None), DELIVERIES.c.account_id == account_id)
    return int(session.execute(select(DELIVERIES.c.id).where(*mine)).scalar_one())
