"""The tables of the console: how people sign in there, and who may come."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, LargeBinary, false
from sqlmodel import Field

from storage.columns import Base, id_, part_of, text_, time, to


class Password(Base, table=True):
    """With which an account signs in.  Without a row it cannot."""

    __tablename__ = "passwords"
    account_id: int = part_of("accounts.id")
    hash: str = text_()  # Argon2id, in its own encoding
    changed_at: datetime = time(nullable=False)


class ConsoleSession(Base, table=True):
    """A browser that is signed in.  The cookie holds the token; here is its SHA-256."""

    __tablename__ = "console_sessions"
    __table_args__ = (Index("console_sessions_account", "account_id"),)
    id: int = id_()
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    account_id: int = to("accounts.id")
    address: str = text_()  # in the network, when it was begun
    agent: str = text_()  # how the browser calls itself: hostile text
    created_at: datetime = time(nullable=False)
    seen_at: datetime = time(nullable=False)  # to the minute


class Invitation(Base, table=True):
    """A link that works once: for a new account, or for an account's new password."""

    __tablename__ = "invitations"
    id: int = id_()
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # SHA-256 of the link's token
    account_id: int | None = to("accounts.id", nullable=True)  # whose new password; null: for a new account
    email: str = text_()  # which the new account must have; empty: any
    plan: str = text_()
    operator: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    first: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))  # of a start
    invited_by: int | None = to("accounts.id", nullable=True, cascade=False)
    created_at: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    used_at: datetime | None = time()
