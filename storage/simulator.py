"""The simulated platforms' memory: people, and the messages of their chats."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, delete, select, update
from sqlmodel import Session

from storage import leases
from storage.simulator_models import SimulatedMessage, SimulatedPerson

PEOPLE = SimulatedPerson.__table__
MESSAGES = SimulatedMessage.__table__


def person(session: Session, account_id: int) -> Row[Any] | None:
    return session.execute(select(PEOPLE).where(PEOPLE.c.account_id == account_id)).one_or_none()


def person_by(
    session: Session, name: Literal["tail", "number", "sample"], value: str, *, lock: bool = False
) -> Row[Any] | None:
    """Who is called so.  ``lock``: and nobody takes that away until the transaction ends."""
    wanted = select(PEOPLE).where(PEOPLE.c[name] == value)
    return session.execute(wanted.with_for_update() if lock else wanted).one_or_none()


def add_person(session: Session, **values: Any) -> None:
    """The first wins."""
    session.execute(leases.insert_new(session, PEOPLE).values(**values).on_conflict_do_nothing())


def change_person(session: Session, account_id: int, **values: Any) -> None:
    session.execute(update(PEOPLE).where(PEOPLE.c.account_id == account_id).values(**values))


def forget_account(session: Session, account_id: int) -> None:
    """The person and all messages; what is just being delivered to them is waited for."""
    session.execute(select(PEOPLE.c.account_id).where(PEOPLE.c.account_id == account_id).with_for_update())
    for table in (MESSAGES, PEOPLE):
        session.execute(delete(table).where(table.c.account_id == account_id))


# Messages


def newest(session: Session, account_id: int, platform: str, limit: int) -> Sequence[Row[Any]]:
    """The newest last."""
    mine = (MESSAGES.c.account_id == account_id, MESSAGES.c.platform == platform)
    wanted = select(MESSAGES).where(*mine).order_by(MESSAGES.c.id.desc()).limit(limit)
    return session.execute(wanted).all()[::-1]


def get(session: Session, platform: str, message_id: str) -> Row[Any] | None:
    mine = (MESSAGES.c.platform == platform, MESSAGES.c.message_id == message_id)
    return session.execute(select(MESSAGES).where(*mine)).one_or_none()


def known_as(session: Session, account_id: int, platform: str, dedupe: str, since: datetime) -> str:
    """The message that was taken under this key since then; empty: none."""
    mine = (MESSAGES.c.account_id == account_id, MESSAGES.c.platform == platform, MESSAGES.c.dedupe == dedupe)
    taken = (MESSAGES.c.status != "refused", MESSAGES.c.created_at > since)
    return session.execute(select(MESSAGES.c.message_id).where(*mine, *taken)).scalar() or ""


def add(session: Session, **values: Any) -> None:
    session.execute(MESSAGES.insert().values(**values))


def change(session: Session, ids: Sequence[int], **values: Any) -> None:
    session.execute(update(MESSAGES).where(MESSAGES.c.id.in_(ids)).values(**values))


def step(session: Session, account_id: int, ids: Sequence[int], before: str, **values: Any) -> None:
    """Change those of the account's messages that still are as they were."""
    as_they_were = (MESSAGES.c.id.in_(ids), MESSAGES.c.account_id == account_id, MESSAGES.c.status == before)
    session.execute(update(MESSAGES).where(*as_they_were).values(**values))


def trim(session: Session, account_id: int, platform: str, keep: int) -> None:
    """Only so many of a chat's messages stay."""
    mine = (MESSAGES.c.account_id == account_id, MESSAGES.c.platform == platform)
    oldest = select(MESSAGES.c.id).where(*mine).order_by(MESSAGES.c.id.desc()).offset(keep).limit(1)
    if (last := session.execute(oldest).scalar()) is not None:
        session.execute(delete(MESSAGES).where(*mine, MESSAGES.c.id <= last))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Deletes what is older; returns how many, up to ``limit``."""
    old = select(MESSAGES.c.id).where(MESSAGES.c.created_at < before).order_by(MESSAGES.c.created_at).limit(limit)
    ids = session.execute(old).scalars().all()
    for some in leases.slices(ids):
        session.execute(delete(MESSAGES).where(MESSAGES.c.id.in_(some)))
    return len(ids)
