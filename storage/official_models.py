"""The tables of the official-account history API: which feeds it shows, and how often it is asked."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Text
from sqlmodel import Field

from storage.columns import Base, time


class OfficialAccount(Base, table=True):
    """A feed that callers see as an official account."""

    __tablename__ = "official_accounts"
    feed_id: int = Field(sa_column=Column(BigInteger, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))  # "@TOA#_15ERQPAER"
    created_at: datetime = time(nullable=False)


class OfficialBucket(Base, table=True):
    """How much of the API's rate is used, for all processes together (bot/rules/buckets.py).

    PostgreSQL keeps it out of its log: what a crash empties is full again a second later anyway.
    """

    __tablename__ = "official_buckets"
    sdkappid: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    full_at: datetime = time(nullable=False)
