"""Deleting an account: everything that is its own goes in slices; the rows that others refer to stay, emptied.

What is found is found by an index, so that a slice costs the same however much there is of other people.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, cast, delete, func, literal, select, update
from sqlmodel import Session

from storage import leases
from storage.api_models import ApiKey
from storage.chat_models import Code, Conversation, Identity, PushFeed
from storage.columns import UtcTime
from storage.models import Account, Delivery, Destination, Feed, FeedState, Post, PostVersion, Subscription
from storage.native_models import Idempotency
from storage.official_models import OfficialAccount
from storage.simulator_models import SimulatedMessage, SimulatedPerson

ACCOUNTS = Account.__table__
CODES = Code.__table__
CONVERSATIONS = Conversation.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
FEEDS = Feed.__table__
OFFICIAL = OfficialAccount.__table__
POSTS = Post.__table__
PUSH_FEEDS = PushFeed.__table__
SUBSCRIPTIONS = Subscription.__table__
VERSIONS = PostVersion.__table__


def begun(session: Session) -> int | None:
    """An account whose deletion has begun and is not done, nobody else being at it."""
    wanted = select(ACCOUNTS.c.id).where(ACCOUNTS.c.deleted_at.is_not(None), ACCOUNTS.c.erased_at.is_(None))
    return session.execute(wanted.limit(1).with_for_update(skip_locked=True, key_share=True)).scalar()


def subscriptions(session: Session, account_id: int, limit: int) -> Sequence[Row[Any]]:
    """(id, active)"""
    wanted = select(SUBSCRIPTIONS.c.id, SUBSCRIPTIONS.c.active).where(SUBSCRIPTIONS.c.account_id == account_id)
    return session.execute(wanted.limit(limit)).all()


def deliveries(session: Session, subscription_id: int, limit: int) -> int:
    """Deletes what was queued for a subscription, with its attempts; returns how many, up to ``limit``."""
    return _delete_deliveries(session, DELIVERIES.c.subscription_id == subscription_id, limit)


def subscription(session: Session, subscription_id: int) -> None:
    session.execute(delete(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id))


def notices(session: Session, account_id: int, limit: int) -> int:
    """Deletes what went to the account's destinations and is no post; returns how many, up to ``limit``."""
    mine = select(DESTINATIONS.c.id).where(DESTINATIONS.c.account_id == account_id)
    there = DELIVERIES.c.destination_id.in_(mine) & DELIVERIES.c.post_id.is_(None)
    return _delete_deliveries(session, there, limit)


def _delete_deliveries(session: Session, which: Any, limit: int) -> int:
    ids = session.execute(select(DELIVERIES.c.id).where(which).limit(limit)).scalars().all()
    for start in range(0, len(ids), 500):
        session.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(ids[start : start + 500])))
    return len(ids)


def pushed_posts(session: Session, account_id: int, now: datetime, limit: int) -> int:
    """Empties what the account has pushed into feeds that are nobody else's; returns how many posts, up to ``limit``.

    The rows of posts and feeds stay, for deliveries and subscriptions refer to them and no index leads from there.
    """
    full = select(POSTS.c.id).where(POSTS.c.feed_id.in_(_own_feeds(account_id)), POSTS.c.withdrawn_at.is_(None))
    ids = session.execute(full.limit(limit)).scalars().all()
    for some in leases.slices(ids):
        session.execute(delete(VERSIONS).where(VERSIONS.c.post_id.in_(some)))
        session.execute(update(POSTS).where(POSTS.c.id.in_(some)).values(withdrawn_at=now, **_NO_TEXT))
    return len(ids)


_NO_TEXT = dict.fromkeys(("title", "url", "author", "content", "summary", "base", "image", "extras"), "")


def rest(session: Session, account_id: int, now: datetime) -> None:
    """Keys, people and chats go; destinations and feeds of its own are emptied, and the account is done with."""
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.account_id == account_id).values(**_emptied(now)))
    gone = {"state": FeedState.GONE, "title": "", "image": "", "home": ""}
    session.execute(update(FEEDS).where(FEEDS.c.id.in_(_own_feeds(account_id))).values(**gone))
    own = (ApiKey, PushFeed, Identity, Idempotency, SimulatedMessage, SimulatedPerson)
    for table in (one.__table__ for one in own):
        session.execute(delete(table).where(table.c.account_id == account_id))
    _leave_codes(session, account_id, now)
    _leave_chats(session, account_id)
    session.execute(delete(CONVERSATIONS).where(CONVERSATIONS.c.account_id == account_id))
    session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(erased_at=now))


def _emptied(now: datetime) -> dict[str, Any]:
    return {
        "address": literal("deleted ").concat(cast(DESTINATIONS.c.id, Text)),
        "name": "",
        "secrets": None,
        "conversation_id": None,
        "verified_at": None,
        "removed_at": now,
    }


def _own_feeds(account_id: int) -> Any:
    """Ids of feeds that the account pushes into, and that nobody else has to do with."""
    others = PUSH_FEEDS.alias("others")
    elsewhere = (
        select(others.c.id).where(others.c.feed_id == PUSH_FEEDS.c.feed_id, others.c.account_id != account_id),
        select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.feed_id == PUSH_FEEDS.c.feed_id, SUBSCRIPTIONS.c.active),
        select(OFFICIAL.c.feed_id).where(OFFICIAL.c.feed_id == PUSH_FEEDS.c.feed_id),
    )
    return select(PUSH_FEEDS.c.feed_id).where(
        PUSH_FEEDS.c.account_id == account_id, *(~one.exists() for one in elsewhere)
    )


def _leave_codes(session: Session, account_id: int, now: datetime) -> None:
    """The caps of the numbers go on counting them until they are forgotten; they are good for nothing, and nobody's."""
    void_at = func.coalesce(CODES.c.void_at, literal(now, UtcTime()))
    mine = update(CODES).where(CODES.c.account_id == account_id)
    session.execute(mine.values(account_id=None, destination_id=None, void_at=void_at))


def _leave_chats(session: Session, account_id: int) -> None:
    """A chat to which others send is theirs until its person writes: who has said STOP there stays in peace."""
    other = (
        select(func.min(DESTINATIONS.c.account_id))
        .where(DESTINATIONS.c.conversation_id == CONVERSATIONS.c.id, DESTINATIONS.c.account_id != account_id)
        .scalar_subquery()
    )
    mine = update(CONVERSATIONS).where(CONVERSATIONS.c.account_id == account_id, other.is_not(None))
    session.execute(mine.values(account_id=other, last_seen_at=None, asked="", undo=""))
