"""The table of administration: what operators changed."""

from datetime import datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field

from storage.columns import Base, id_, text_, time


class AuditEntry(Base, table=True):
    """One change by an operator.  Triggers refuse to change or delete a row."""

    __tablename__ = "audit"
    id: int = id_()
    at: datetime = time(nullable=False)
    actor: str = text_()  # "admin token", "operator", "command line"
    account_id: int | None = Field(default=None, sa_column=Column(BigInteger))  # the operator's; it may be gone by now
    key_prefix: str = text_()  # of the operator's key
    address: str = text_()  # in the network; empty for the command line
    action: str = text_()  # "change plan"
    target: str = text_()  # "account 5"
    before: str = text_("{}")  # JSON of what was changed, without secrets
    after: str = text_("{}")
