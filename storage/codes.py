"""Verification codes: what is open, what was tried, what the caps count; and their digits on the way to a person."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, literal, or_, select, text, update
from sqlmodel import Session

from storage import leases
from storage.chat_models import Code, Conversation, Identity
from storage.columns import UtcTime
from storage.models import Delivery, DeliveryState, Destination

CODES = Code.__table__
CONVERSATIONS = Conversation.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
IDENTITIES = Identity.__table__

UNUSED = and_(CODES.c.used_at.is_(None), CODES.c.void_at.is_(None))
IS_LINK = text("purpose = 'link'")  # spelt as the index has it


def is_open(now: datetime, ahead: timedelta) -> ColumnElement[bool]:
    """Neither used nor void nor over, and not issued further in the future than ``ahead``."""
    return and_(UNUSED, CODES.c.expires_at > now, CODES.c.issued_at <= now + ahead)


def add(session: Session, **values: Any) -> None:
    session.execute(insert(CODES).values(**values))


# Counting for the caps: times of issue, the latest first, from ``within`` before ``now`` to as long after it


def sent_to(
    session: Session, purpose: str, address: str, now: datetime, within: timedelta, limit: int
) -> list[datetime]:
    """By number, over all accounts and channels."""
    return _issued(session, and_(CODES.c.purpose == purpose, CODES.c.address == address), now, within, limit)


def asked_by(
    session: Session, purpose: str, account_id: int, now: datetime, within: timedelta, limit: int
) -> list[datetime]:
    return _issued(session, and_(CODES.c.purpose == purpose, CODES.c.account_id == account_id), now, within, limit)


def asked_from(session: Session, network: str, now: datetime, within: timedelta, limit: int) -> list[datetime]:
    """By the network address of an API's caller."""
    mine = and_(CODES.c.asked_from == network, text("codes.asked_from <> ''"))  # spelt as the index has it
    return _issued(session, mine, now, within, limit)


def sent_in_all(session: Session, purpose: str, now: datetime, within: timedelta, limit: int) -> list[datetime]:
    return _issued(session, CODES.c.purpose == purpose, now, within, limit)


def misses(session: Session, conversation_id: int, now: datetime, within: timedelta, limit: int) -> list[datetime]:
    """Wrong link codes typed in one chat."""
    mine = and_(CODES.c.purpose == "miss", CODES.c.asked_in == conversation_id)
    return _issued(session, mine, now, within, limit)


def _issued(
    session: Session, which: ColumnElement[bool], now: datetime, within: timedelta, limit: int
) -> list[datetime]:
    near = CODES.c.issued_at.between(now - within, now + within)
    wanted = select(CODES.c.issued_at).where(which, near).order_by(CODES.c.issued_at.desc()).limit(limit)
    return list(session.execute(wanted).scalars())


# Looking


def latest(session: Session, account_id: int, channel: str, address: str) -> Row[Any] | None:
    """What was last sent to this number for this account."""
    mine = (CODES.c.account_id == account_id, CODES.c.channel == channel, CODES.c.address == address)
    wanted = select(CODES).where(*mine, CODES.c.purpose == "verify").order_by(CODES.c.issued_at.desc()).limit(1)
    return session.execute(wanted).first()


def of_numbers(session: Session, addresses: Iterable[str], since: datetime) -> Sequence[Row[Any]]:
    """All codes of these numbers, the oldest first; locked, so that entries for one number follow each other."""
    wanted = select(CODES).where(CODES.c.address.in_([a for a in addresses if a]), CODES.c.issued_at >= since)
    return session.execute(wanted.order_by(CODES.c.id).with_for_update()).all()


def tries_at(session: Session, address: str, since: datetime) -> Sequence[Row[Any]]:
    """``attempts`` and ``tried_at`` of a number's codes."""
    wanted = select(CODES.c.attempts, CODES.c.tried_at).where(CODES.c.address == address, CODES.c.issued_at >= since)
    return session.execute(wanted).all()


def numbers_asked_in(session: Session, conversation_id: int | None, since: datetime) -> Sequence[str]:
    """For which numbers codes were sent at the wish of a direct chat."""
    wanted = (
        select(CODES.c.address)
        .join(CONVERSATIONS, and_(CONVERSATIONS.c.id == CODES.c.asked_in, CONVERSATIONS.c.direct))
        .where(CODES.c.asked_in == conversation_id, CODES.c.purpose == "verify", CODES.c.issued_at >= since)
        .distinct()
    )
    return session.execute(wanted).scalars().all()


def in_reach(
    session: Session,
    account_id: int | None,
    addresses: Sequence[str],
    conversation_id: int,
    usable: ColumnElement[bool],
) -> Sequence[Row[Any]]:
    """Codes that the holder of an account and of some numbers may have been told, or that a chat asked for."""
    theirs = or_(CODES.c.account_id == account_id, CODES.c.address.in_(addresses), CODES.c.asked_in == conversation_id)
    return session.execute(select(CODES).where(theirs, usable, CODES.c.purpose.in_(["verify", "prove"]))).all()


def identity(session: Session, channel: str, person: str) -> Row[Any] | None:
    """``account_id`` and ``phone`` of a person."""
    wanted = select(IDENTITIES.c.account_id, IDENTITIES.c.phone)
    return session.execute(wanted.where(IDENTITIES.c.channel == channel, IDENTITIES.c.person == person)).first()


def conversation_at(session: Session, channel: str, address: str) -> int | None:
    """The direct chat with a number."""
    wanted = select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.channel == channel, CONVERSATIONS.c.address == address)
    return session.execute(wanted.where(CONVERSATIONS.c.direct)).scalar()


# Trying


def count_try(
    session: Session, ids: Sequence[int], tries: int, usable: ColumnElement[bool], now: datetime
) -> Sequence[Row[Any]]:
    """Count a wrong try on each of those that may still be tried, before anything is compared; returns these.

    One statement, so that guesses side by side share the tries.
    """
    statement = (
        update(CODES)
        .where(CODES.c.id.in_(ids), CODES.c.attempts < tries, usable)
        .values(attempts=CODES.c.attempts + 1, tried_at=now)
        .returning(CODES.c.id, CODES.c.uid, CODES.c.address, CODES.c.digest, CODES.c.destination_id)
    )
    return session.execute(statement).all()


def use(session: Session, ids: Sequence[int], now: datetime) -> None:
    """The digits were right, so what ``count_try`` counted was no wrong try."""
    statement = update(CODES).where(CODES.c.id.in_(ids))
    session.execute(statement.values(used_at=now, attempts=CODES.c.attempts - 1))


def verify(session: Session, destination_ids: Sequence[int], now: datetime) -> None:
    """Somebody has shown to be there, also where it had been removed; the chat with them, if there is one by now,
    speaks for the destination."""
    chat = (
        select(CONVERSATIONS.c.id)
        .where(CONVERSATIONS.c.channel == DESTINATIONS.c.channel, CONVERSATIONS.c.address == DESTINATIONS.c.address)
        .scalar_subquery()
    )
    session.execute(
        update(DESTINATIONS)
        .where(DESTINATIONS.c.id.in_(destination_ids))
        .values(
            verified_at=func.coalesce(DESTINATIONS.c.verified_at, literal(now, UtcTime())),
            removed_at=None,
            conversation_id=func.coalesce(DESTINATIONS.c.conversation_id, chat),
        )
    )


def use_link(
    session: Session, digests: Sequence[bytes], but: int | None, usable: ColumnElement[bool], now: datetime
) -> int | None:
    """Use a link code up, unless it is the account's ``but`` own; returns whose it is."""
    mine = (IS_LINK, CODES.c.channel == "", CODES.c.digest.in_(digests), usable, CODES.c.account_id != but)
    return session.execute(update(CODES).where(*mine).values(used_at=now).returning(CODES.c.account_id)).scalar()


def is_link_of(session: Session, digests: Sequence[bytes], account_id: int, usable: ColumnElement[bool]) -> bool:
    mine = (IS_LINK, CODES.c.channel == "", CODES.c.digest.in_(digests), usable, CODES.c.account_id == account_id)
    return session.execute(select(CODES.c.id).where(*mine)).first() is not None


def group_link(session: Session, digests: Sequence[bytes], channel: str, usable: ColumnElement[bool]) -> int | None:
    """Whose link code for a group of this channel it is."""
    mine = (IS_LINK, CODES.c.channel == channel, CODES.c.digest.in_(digests), usable)
    return session.execute(select(CODES.c.account_id).where(*mine).limit(1)).scalar()


def use_group_link(
    session: Session, digests: Sequence[bytes], channel: str, destination_id: int, now: datetime
) -> None:
    mine = (IS_LINK, CODES.c.channel == channel, CODES.c.digest.in_(digests), UNUSED)
    session.execute(update(CODES).where(*mine).values(used_at=now, destination_id=destination_id))


def link_led_to(session: Session, digests: Sequence[bytes], destination_id: int | None) -> None:
    """Which destination a link code has brought."""
    mine = (IS_LINK, CODES.c.digest.in_(digests), CODES.c.used_at.is_not(None))
    session.execute(update(CODES).where(*mine).values(destination_id=destination_id))


def of_account(session: Session, account_id: int, uid: UUID) -> Row[Any] | None:
    """``used_at``, ``void_at``, ``expires_at`` and ``destination_id`` of a code that the account asked for."""
    columns = [CODES.c[name] for name in ("used_at", "void_at", "expires_at", "destination_id")]
    mine = (CODES.c.uid == uid, CODES.c.account_id == account_id)
    return session.execute(select(*columns).where(*mine)).one_or_none()


# Ending


def replace(session: Session, account_id: int, channel: str, address: str, now: datetime) -> None:
    """A newer code takes the place of those open for the same account and number, or link."""
    mine = (CODES.c.account_id == account_id, CODES.c.channel == channel, CODES.c.address == address)
    session.execute(update(CODES).where(*mine, UNUSED, CODES.c.expires_at > now).values(void_at=now))


def void(session: Session, ids: Sequence[int], now: datetime) -> None:
    session.execute(update(CODES).where(CODES.c.id.in_(ids), UNUSED).values(void_at=now))


def void_link(session: Session, digests: Sequence[bytes], usable: ColumnElement[bool], now: datetime) -> bool:
    statement = update(CODES).where(IS_LINK, CODES.c.digest.in_(digests), usable)
    return bool(leases.affected(session, statement.values(void_at=now)))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Drop codes issued before, the oldest; returns how many, up to ``limit``."""
    wanted: Select[Any] = select(CODES.c.id).where(CODES.c.issued_at < before).order_by(CODES.c.issued_at).limit(limit)
    ids = session.execute(wanted).scalars().all()
    for some in leases.slices(ids):
        session.execute(delete(CODES).where(CODES.c.id.in_(some)))
    return len(ids)


# On the way


_DIGITS_STORED = text("deliveries.lane = 'code' AND deliveries.text <> ''")  # spelt as the index has it
_FINAL = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ, DeliveryState.FAILED)
_QUEUED = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.HELD)


def recall(session: Session, destination_ids: Sequence[int], now: datetime) -> None:
    """Codes that wait to be sent there are sent no more.  One that is being sent right now is not stopped."""
    session.execute(
        update(DELIVERIES)
        .where(_DIGITS_STORED, DELIVERIES.c.destination_id.in_(destination_ids), DELIVERIES.c.state.in_(_QUEUED))
        .values(
            state=DeliveryState.FAILED,
            failed_at=now,
            error_code="code_over",
            error="the code was used, replaced or void before it was sent",
            text="",
        )
    )


def wipe(session: Session) -> None:
    """Digits whose delivery has ended, by whatever way, are stored no longer."""
    session.execute(update(DELIVERIES).where(_DIGITS_STORED, DELIVERIES.c.state.in_(_FINAL)).values(text=""))
