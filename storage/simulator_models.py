"""The tables of the simulator: who an account is on each simulated platform, and what went to and fro there."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Text, UniqueConstraint, false
from sqlmodel import Field

from storage.columns import Base, id_, part_of, text_, time, to


class SimulatedPerson(Base, table=True):
    """One person for each account, with a phone and a seat.  Nobody can guess what they are called."""

    __tablename__ = "simulated_people"
    account_id: int = part_of("accounts.id")
    tail: str = Field(sa_column=Column(Text, nullable=False, unique=True))  # of their ids on Feishu: "ou_…", "oc_…"
    number: str = Field(sa_column=Column(Text, nullable=False, unique=True))  # on WhatsApp, "+999…"
    sample: str = Field(sa_column=Column(Text, nullable=False, unique=True))  # the key of their sample feed
    wrote_at: datetime | None = time()  # on WhatsApp, last: from then on free text is taken for a day
    approved: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    # whether the template for posts outside that day exists
    created_at: datetime = time(nullable=False)


class SimulatedMessage(Base, table=True):
    """One message as the platform has it.  Only the newest of each chat are kept."""

    __tablename__ = "simulated_messages"
    __table_args__ = (
        UniqueConstraint("platform", "message_id"),
        Index("simulated_messages_chat", "account_id", "platform", "id"),
        Index("simulated_messages_at", "created_at"),
    )
    id: int = id_()
    account_id: int = to("accounts.id")
    platform: str = text_()  # "feishu", "whatsapp"
    message_id: str = text_()  # the platform's
    own: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))  # the person's
    status: str = text_()  # "accepted", "sent", "delivered", "read"; "refused": nobody got it
    dedupe: str = text_()  # by which the platform knows a repeat
    request: str = text_()  # JSON: method, path and body as they went over, without tokens
    looks: str = text_()  # JSON: what people see
    created_at: datetime = time(nullable=False)
    read_at: datetime | None = time()
