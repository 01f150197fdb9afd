"""The table of Idempotency-Keys: what was answered, so that the same request is done once however often it comes."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field

from storage.columns import Base, time


class Idempotency(Base, table=True):
    """One use of an Idempotency-Key: what was asked under it, and what was answered."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_age", "created_at"), {"sqlite_with_rowid": False})
    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # 0: ADMIN_TOKEN's
    operation: str = Field(sa_column=Column(Text, primary_key=True))  # "POST /api/v1/subscriptions"
    key: str = Field(sa_column=Column(Text, primary_key=True))  # as its caller chose it
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # of what was asked
    status: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    answer: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # sealed: secrets may be in it
    created_at: datetime = time(nullable=False)
