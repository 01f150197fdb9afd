"""What pages show of an account's destinations beside their rows; every query is bounded, whatever there is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, literal_column, or_, select, update
from sqlmodel import Session

from storage.chat_models import Conversation
from storage.models import Delivery, DeliveryState, Destination, InboundEvent, Subscription

CONVERSATIONS = Conversation.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
INBOX = InboundEvent.__table__
SUBSCRIPTIONS = Subscription.__table__

IS_HELD = DELIVERIES.c.state == literal_column(f"'{DeliveryState.HELD}'")  # written out, so that its index fits
LATEST = 1000  # callbacks or chats that are looked through
LATEST_DELIVERIES = 5000
MANY = 500  # subscriptions


def chats(session: Session, destinations: Sequence[int]) -> Sequence[Row[Any]]:
    """Of those that lead to a chat: ``destination_id``, ``title``, ``direct``, ``stopped_at``, ``held_since``,
    ``left_at``, ``window_until``."""
    columns = [
        CONVERSATIONS.c[name] for name in ("title", "direct", "stopped_at", "held_since", "left_at", "window_until")
    ]
    there = CONVERSATIONS.c.id == DESTINATIONS.c.conversation_id
    wanted = select(DESTINATIONS.c.id.label("destination_id"), *columns).join(CONVERSATIONS, there)
    return session.execute(wanted.where(DESTINATIONS.c.id.in_(destinations))).all()


def held(session: Session, destination_id: int, cap: int) -> int:
    """How much waits for its person, counted up to ``cap``."""
    some = select(DELIVERIES.c.id).where(DELIVERIES.c.destination_id == destination_id, IS_HELD).limit(cap).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def has_many(session: Session, destination_id: int) -> bool:
    """Whether more subscriptions lead there, or once led, than are worth looking at one by one."""
    mine = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.destination_id == destination_id).offset(MANY).limit(1)
    return session.execute(mine).first() is not None


def recent(session: Session, account_id: int, destination_id: int, limit: int) -> Sequence[int]:
    """Ids of deliveries of posts, the newest first, among the latest of everybody: where many subscriptions lead, there
    are some."""
    columns = [DELIVERIES.c[name] for name in ("id", "destination_id", "account_id", "post_id")]
    latest = select(*columns).order_by(DELIVERIES.c.id.desc()).limit(LATEST_DELIVERIES).subquery()
    mine = (latest.c.destination_id == destination_id, latest.c.account_id == account_id, latest.c.post_id.is_not(None))
    return session.execute(select(latest.c.id).where(*mine).order_by(latest.c.id.desc()).limit(limit)).scalars().all()


def notices(session: Session, account_id: int, destination_id: int, limit: int) -> Sequence[int]:
    """Ids of the last messages that are about no post; codes and replies are nobody's to look at."""
    mine = (DELIVERIES.c.destination_id == destination_id, DELIVERIES.c.account_id == account_id)
    open_ones = or_(DELIVERIES.c.lane == "chat", DELIVERIES.c.lane == "webhook")
    wanted = select(DELIVERIES.c.id).where(*mine, DELIVERIES.c.post_id.is_(None), open_ones)
    return session.execute(wanted.order_by(DELIVERIES.c.id.desc()).limit(limit)).scalars().all()


def notices_since(session: Session, destination_id: int, event: str, since: datetime, limit: int) -> int:
    """How many of one kind were queued since then, counted up to ``limit``."""
    mine = (DELIVERIES.c.destination_id == destination_id, DELIVERIES.c.post_id.is_(None), DELIVERIES.c.event == event)
    some = select(DELIVERIES.c.id).where(*mine, DELIVERIES.c.created_at > since).limit(limit).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def rename(session: Session, destination_id: int, name: str) -> None:
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(name=name))


# Removing, and taking that back


def active(session: Session, destination_id: int, limit: int) -> Sequence[int]:
    """Ids of its active subscriptions."""
    mine = (SUBSCRIPTIONS.c.destination_id == destination_id, SUBSCRIPTIONS.c.active)
    return (
        session.execute(select(SUBSCRIPTIONS.c.id).where(*mine).order_by(SUBSCRIPTIONS.c.id).limit(limit))
        .scalars()
        .all()
    )


def removed(session: Session, account_id: int, destination_id: int) -> Destination | None:
    """One of the account's that was removed."""
    found = session.get(Destination, destination_id)
    return found if found and found.account_id == account_id and found.removed_at else None


def ended_with(session: Session, destination_id: int, ids: Sequence[int] | None) -> Sequence[Row[Any]]:
    """``id``, ``feed_id`` and ``wants`` of subscriptions that ended because it was removed; of these only, if given."""
    mine = [
        SUBSCRIPTIONS.c.destination_id == destination_id,
        SUBSCRIPTIONS.c.active.is_(False),
        SUBSCRIPTIONS.c.ended_at.is_(None),
    ]
    if ids is not None:
        mine.append(SUBSCRIPTIONS.c.id.in_(ids))
    wanted = select(SUBSCRIPTIONS.c.id, SUBSCRIPTIONS.c.feed_id, SUBSCRIPTIONS.c.wants)
    return session.execute(wanted.where(*mine)).all()


def revive(session: Session, ids: Sequence[int]) -> None:
    """Under the numbers that they had: nothing was subscribed there meanwhile."""
    session.execute(update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id.in_(ids)).values(active=True))


def put_back(session: Session, destination_id: int, **values: Any) -> None:
    statement = update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id)
    session.execute(statement.values(removed_at=None, **values))


# Channels as operators see them


def last_callback(session: Session, channel: str) -> Any:
    """When the platform's last event came, among the latest of all channels; None: there is none."""
    latest = select(INBOX.c.provider, INBOX.c.received_at).order_by(INBOX.c.id.desc()).limit(LATEST).subquery()
    wanted = select(func.max(latest.c.received_at)).where(latest.c.provider == channel)
    return session.execute(wanted).scalar()


def groups(session: Session, channel: str, limit: int) -> Sequence[str]:
    """Names of groups that the bot is in, among the latest chats of all channels."""
    columns = [CONVERSATIONS.c[name] for name in ("id", "channel", "direct", "left_at", "title")]
    latest = select(*columns).order_by(CONVERSATIONS.c.id.desc()).limit(LATEST).subquery()
    present = and_(latest.c.channel == channel, latest.c.direct.is_(False), latest.c.left_at.is_(None))
    return (
        session.execute(select(latest.c.title).where(present).order_by(latest.c.id.desc()).limit(limit)).scalars().all()
    )
