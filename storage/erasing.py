"""Deleting an account: everything that is its own goes in slices; the rows that others refer to stay, emptied.

What is found is found by an index, so that a slice costs the same however much there is of other people.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, cast, delete, func, literal, select, update
from sqlmodel import Session

from storage.api_models import ApiKey
from storage.chat_models import Conversation, Identity, PushFeed
from storage.models import Account, Delivery, Destination, Subscription

ACCOUNTS = Account.__table__
CONVERSATIONS = Conversation.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
SUBSCRIPTIONS = Subscription.__table__


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


def rest(session: Session, account_id: int, now: datetime) -> None:
    """Keys, people and chats go; destinations are emptied, and the account is done with."""
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.account_id == account_id).values(**_emptied(now)))
    for table in (ApiKey.__table__, PushFeed.__table__, Identity.__table__):
        session.execute(delete(table).where(table.c.account_id == account_id))
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


def _leave_chats(session: Session, account_id: int) -> None:
    """A chat to which others send is theirs until its person writes: who has said STOP there stays in peace."""
    other = (
        select(func.min(DESTINATIONS.c.account_id))
        .where(DESTINATIONS.c.conversation_id == CONVERSATIONS.c.id, DESTINATIONS.c.account_id != account_id)
        .scalar_subquery()
    )
    mine = update(CONVERSATIONS).where(CONVERSATIONS.c.account_id == account_id, other.is_not(None))
    session.execute(mine.values(account_id=other, last_seen_at=None, asked="", undo=""))
