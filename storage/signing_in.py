"""Passwords, sessions and invitations: what the console knows people by."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, insert, or_, select, update
from sqlmodel import Session

from storage import leases
from storage.console_models import ConsoleSession, Invitation, Password
from storage.models import Account

ACCOUNTS = Account.__table__
INVITATIONS = Invitation.__table__
PASSWORDS = Password.__table__
SESSIONS = ConsoleSession.__table__

# Passwords


def password(session: Session, account_id: int) -> str | None:
    """Its hash."""
    mine = select(PASSWORDS.c.hash).where(PASSWORDS.c.account_id == account_id)
    return session.execute(mine).scalar()


def password_of(session: Session, email: str) -> Row[Any] | None:
    """As (account_id, hash), of an account that is there; ``email`` in lower case."""
    whose = ACCOUNTS.join(PASSWORDS, PASSWORDS.c.account_id == ACCOUNTS.c.id)
    there = (ACCOUNTS.c.email == email, ACCOUNTS.c.deleted_at.is_(None))
    return session.execute(select(ACCOUNTS.c.id, PASSWORDS.c.hash).select_from(whose).where(*there)).first()


def set_password(session: Session, account_id: int, hash_: str, now: datetime) -> None:
    fresh = leases.insert_new(session, PASSWORDS).values(account_id=account_id, hash=hash_, changed_at=now)
    new = {"hash": fresh.excluded.hash, "changed_at": fresh.excluded.changed_at}
    session.execute(fresh.on_conflict_do_update(index_elements=["account_id"], set_=new))


def an_operator_can_sign_in(session: Session) -> bool:
    who = ACCOUNTS.join(PASSWORDS, PASSWORDS.c.account_id == ACCOUNTS.c.id)
    may = (ACCOUNTS.c.operator, ACCOUNTS.c.deleted_at.is_(None), ACCOUNTS.c.disabled_at.is_(None))
    return session.execute(select(ACCOUNTS.c.id).select_from(who).where(*may).limit(1)).first() is not None


def forget_account(session: Session, account_id: int) -> None:
    """Nobody signs in as it any more."""
    for table in (SESSIONS, PASSWORDS, INVITATIONS):
        session.execute(delete(table).where(table.c.account_id == account_id))


# Sessions

_BY_DIGEST: Select[Any] = (
    select(
        SESSIONS.c.id,
        SESSIONS.c.account_id,
        SESSIONS.c.created_at,
        SESSIONS.c.seen_at,
        ACCOUNTS.c.email,
        ACCOUNTS.c.name,
        ACCOUNTS.c.plan,
        ACCOUNTS.c.operator,
        ACCOUNTS.c.disabled_at,
        ACCOUNTS.c.deleted_at,
    )
    .join(ACCOUNTS, ACCOUNTS.c.id == SESSIONS.c.account_id)
    .where(SESSIONS.c.digest == bindparam("digest"))
)


def session_of(session: Session, digest: bytes) -> Row[Any] | None:
    """The session, over or not, with what is known of its account."""
    return session.connection().execute(_BY_DIGEST, {"digest": digest}).first()


def add_session(session: Session, **values: Any) -> int:
    return int(session.execute(insert(SESSIONS).values(**values).returning(SESSIONS.c.id)).scalar_one())


def seen(session: Session, session_id: int, now: datetime) -> None:
    session.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(seen_at=now))


def sessions(session: Session, account_id: int) -> Sequence[Row[Any]]:
    """Of an account, the last seen first."""
    mine = select(SESSIONS).where(SESSIONS.c.account_id == account_id)
    return session.execute(mine.order_by(SESSIONS.c.seen_at.desc(), SESSIONS.c.id.desc()).limit(100)).all()


def end_session(session: Session, account_id: int, session_id: int) -> bool:
    mine = delete(SESSIONS).where(SESSIONS.c.account_id == account_id, SESSIONS.c.id == session_id)
    return session.execute(mine.returning(SESSIONS.c.id)).first() is not None


def end_sessions(session: Session, account_id: int, *, but: int | None = None) -> int:
    """All of an account, or all but one.  Returns how many."""
    mine = delete(SESSIONS).where(SESSIONS.c.account_id == account_id)
    if but is not None:
        mine = mine.where(SESSIONS.c.id != but)
    return len(session.execute(mine.returning(SESSIONS.c.id)).all())


def forget_sessions(session: Session, seen_before: datetime, begun_before: datetime) -> None:
    """Those that are over."""
    over = or_(SESSIONS.c.seen_at < seen_before, SESSIONS.c.created_at < begun_before)
    session.execute(delete(SESSIONS).where(over))


# Invitations


def add_invitation(session: Session, **values: Any) -> int:
    return int(session.execute(insert(INVITATIONS).values(**values).returning(INVITATIONS.c.id)).scalar_one())


def invitation(session: Session, digest: bytes) -> Row[Any] | None:
    return session.execute(select(INVITATIONS).where(INVITATIONS.c.digest == digest)).first()


def use_invitation(session: Session, digest: bytes, now: datetime) -> Row[Any] | None:
    """The invitation, which nobody can use after this; None: it was used, has run out, or never was."""
    good = (INVITATIONS.c.digest == digest, INVITATIONS.c.used_at.is_(None), INVITATIONS.c.expires_at > now)
    return session.execute(update(INVITATIONS).where(*good).values(used_at=now).returning(INVITATIONS)).first()


def withdraw_first(session: Session) -> None:
    """The link of an earlier start works no more."""
    session.execute(delete(INVITATIONS).where(INVITATIONS.c.first))


def open_invitations(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Those that still can be used, the newest first."""
    good = (INVITATIONS.c.used_at.is_(None), INVITATIONS.c.expires_at > now)
    return session.execute(select(INVITATIONS).where(*good).order_by(INVITATIONS.c.id.desc()).limit(limit)).all()


def withdraw(session: Session, invitation_id: int) -> bool:
    """Returns whether it was there, unused."""
    one = delete(INVITATIONS).where(INVITATIONS.c.id == invitation_id, INVITATIONS.c.used_at.is_(None))
    return session.execute(one.returning(INVITATIONS.c.id)).first() is not None


def forget_invitations(session: Session, before: datetime) -> None:
    """Those that ran out before then."""
    session.execute(delete(INVITATIONS).where(INVITATIONS.c.expires_at < before))
