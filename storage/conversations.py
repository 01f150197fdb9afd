"""Conversations: chats with one person or a group, and the destinations that lead there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage import leases
from storage.chat_models import Conversation
from storage.models import Destination, Subscription

CONVERSATIONS = Conversation.__table__
DESTINATIONS = Destination.__table__


def add(session: Session, conversation: Conversation) -> Conversation:
    """Store a new conversation; the same object comes back with its id."""
    session.add(conversation)
    session.flush()
    return conversation


def find(session: Session, channel: str, addresses: Sequence[str]) -> Conversation | None:
    """The conversation under one of these addresses, the first that has one; locked until the transaction ends."""
    found = session.exec(
        select_rows(Conversation)
        .where(col(Conversation.channel) == channel, col(Conversation.address).in_(addresses))
        .order_by(col(Conversation.id))
        .with_for_update()
    ).all()
    return min(found, key=lambda one: list(addresses).index(one.address), default=None)


def get(session: Session, conversation_id: int) -> Conversation | None:
    """Locked until the transaction ends."""
    wanted = select_rows(Conversation).where(col(Conversation.id) == conversation_id)
    return session.exec(wanted.with_for_update()).one_or_none()


def at(session: Session, channel: str, address: str) -> int | None:
    """The id of the conversation under this very address."""
    wanted = select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.channel == channel, CONVERSATIONS.c.address == address)
    return session.execute(wanted).scalar()


def to_nudge(session: Session, channels: Sequence[str], before: datetime, limit: int) -> Sequence[Conversation]:
    """Conversations on these channels for which something has been held since before then, and that have not been
    told; the longest first, locked."""
    wanted = (
        select_rows(Conversation)
        .where(
            col(Conversation.held_since) <= before,
            col(Conversation.nudged_at).is_(None),
            col(Conversation.stopped_at).is_(None),
            col(Conversation.left_at).is_(None),
            col(Conversation.channel).in_(channels),
        )
        .order_by(col(Conversation.held_since))
        .limit(limit)
    )
    return session.exec(wanted.with_for_update(skip_locked=True)).all()


def held(session: Session, destinations: Sequence[int], now: datetime) -> None:
    """Something begins to wait until the people of these destinations write: their windows are closed."""
    for some in leases.slices(destinations):
        led_to = select(DESTINATIONS.c.conversation_id).where(DESTINATIONS.c.id.in_(some))
        mine = CONVERSATIONS.c.id.in_(led_to)
        first = update(CONVERSATIONS).where(mine, CONVERSATIONS.c.held_since.is_(None))
        session.execute(first.values(held_since=now))
        still_open = update(CONVERSATIONS).where(mine, CONVERSATIONS.c.window_until > now)
        session.execute(still_open.values(window_until=now))


# Destinations that lead there


def destination(session: Session, conversation: Conversation) -> Destination | None:
    """The conversation's own: that of its account."""
    return session.exec(
        select_rows(Destination).where(
            col(Destination.account_id) == conversation.account_id,
            col(Destination.channel) == conversation.channel,
            col(Destination.address) == conversation.address,
        )
    ).one_or_none()


def destinations(session: Session, conversation_id: int) -> Sequence[int]:
    """Ids of all destinations that lead there, whoever's they are."""
    wanted = select(DESTINATIONS.c.id).where(DESTINATIONS.c.conversation_id == conversation_id)
    return session.execute(wanted.order_by(DESTINATIONS.c.id)).scalars().all()


def destinations_at(session: Session, channel: str, addresses: Sequence[str]) -> Sequence[int]:
    """Ids of the destinations under these addresses, whoever's they are."""
    mine = (DESTINATIONS.c.channel == channel) & DESTINATIONS.c.address.in_(addresses)
    return session.execute(select(DESTINATIONS.c.id).where(mine).order_by(DESTINATIONS.c.id)).scalars().all()


def leading_nowhere(session: Session, destinations: Sequence[int]) -> Sequence[Row[Any]]:
    """Those of the destinations that lead to no conversation: (account_id, channel, address)."""
    rows: list[Row[Any]] = []
    for some in leases.slices(destinations):
        wanted = select(DESTINATIONS.c.account_id, DESTINATIONS.c.channel, DESTINATIONS.c.address)
        mine = (DESTINATIONS.c.id.in_(some), DESTINATIONS.c.conversation_id.is_(None))
        rows += session.execute(wanted.where(*mine).order_by(DESTINATIONS.c.id))
    return rows


def adopt(session: Session, conversation: Conversation, addresses: Sequence[str]) -> None:
    """Destinations under these addresses, whoever's, lead to this conversation."""
    mine = (DESTINATIONS.c.channel == conversation.channel) & DESTINATIONS.c.address.in_(addresses)
    statement = update(DESTINATIONS).where(mine, DESTINATIONS.c.conversation_id.is_(None))
    session.execute(statement.values(conversation_id=conversation.id))


def readdress(session: Session, channel: str, old: str, new: str) -> None:
    """Destinations under one address go to another, but for accounts that have the other already."""
    has_new = DESTINATIONS.alias("has_new")
    taken = select(has_new.c.account_id).where(has_new.c.channel == channel, has_new.c.address == new)
    statement = update(DESTINATIONS).where(
        DESTINATIONS.c.channel == channel, DESTINATIONS.c.address == old, DESTINATIONS.c.account_id.not_in(taken)
    )
    session.execute(statement.values(address=new))


def hand_over(session: Session, old_id: int, new_id: int) -> None:
    """What led to one conversation leads to another."""
    statement = update(DESTINATIONS).where(DESTINATIONS.c.conversation_id == old_id)
    session.execute(statement.values(conversation_id=new_id))


def stopped(session: Session, destinations: Sequence[int]) -> set[int]:
    """Those of the destinations whose people have said STOP; also one that was made since, and leads nowhere yet."""
    silent = CONVERSATIONS.c.stopped_at.is_not(None)
    same_place = (CONVERSATIONS.c.channel == DESTINATIONS.c.channel) & (
        CONVERSATIONS.c.address == DESTINATIONS.c.address
    )
    found: set[int] = set()
    for some in leases.slices(destinations):
        for there in (CONVERSATIONS.c.id == DESTINATIONS.c.conversation_id, same_place):
            wanted = select(DESTINATIONS.c.id).join(CONVERSATIONS, there)
            found |= set(session.execute(wanted.where(DESTINATIONS.c.id.in_(some), silent)).scalars())
    return found


def subscriptions(session: Session, destinations: Sequence[int]) -> Sequence[Subscription]:
    """Everything that was ever wanted at these destinations, in the order of ids."""
    mine = col(Subscription.destination_id).in_(destinations)
    return session.exec(select_rows(Subscription).where(mine).order_by(col(Subscription.id))).all()
