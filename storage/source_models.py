"""The tables of sources that cost money or are listened to: what was read in a month, and who listens."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Integer, Text, false
from sqlmodel import Field

from storage.columns import Base, count, part_of, time


class Usage(Base, table=True):
    """What a provider has counted or billed for one feed in one month."""

    __tablename__ = "usage"
    __table_args__ = ({"sqlite_with_rowid": False},)
    feed_id: int = part_of("feeds.id")
    month: str = Field(sa_column=Column(Text, primary_key=True))  # "2026-11", UTC
    via: str = Field(sa_column=Column(Text, primary_key=True))  # which of the source's providers; empty: its only one
    reads: int = count()


class Spending(Base, table=True):
    """All that a source was read in one month: the one row that its budget is looked up in."""

    __tablename__ = "spending"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(sa_column=Column(Text, primary_key=True))
    month: str = Field(sa_column=Column(Text, primary_key=True))  # "2026-11", UTC
    reads: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    told: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))  # percent


class Listener(Base, table=True):
    """Who listens to a source's stream, one process at a time, and whether it hears."""

    __tablename__ = "listeners"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(sa_column=Column(Text, primary_key=True))
    token: str = Field(sa_column=Column(Text, nullable=False))
    until: datetime = time(nullable=False)  # unless it is renewed, anybody may take it then
    well: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    since: datetime = time(nullable=False)  # that it is well, or is not
