"""The tables of the public APIs: who may call, and how often."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, UniqueConstraint
from sqlmodel import Field

from storage.columns import Base, id_, text_, time, to


class ApiKey(Base, table=True):
    """A key of an account.  Of the key itself only its beginning and its digest are stored."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("account_id", "prefix"),)
    id: int = id_()
    account_id: int = to("accounts.id")
    prefix: str = text_()  # its first 12 characters, by which people tell their keys apart
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # SHA-256
    name: str = text_()
    created_at: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    last_used_at: datetime | None = time()  # to the minute; may be lost in a crash


class Bucket(Base, table=True):
    """How much a key has used of its rate, for all processes together (bot/rules/buckets.py).

    PostgreSQL keeps it out of its log: what a crash empties is full again two seconds later anyway.
    """

    __tablename__ = "buckets"
    key_id: int = Field(sa_column=Column(BigInteger, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True))
    full_at: datetime = time(nullable=False)
