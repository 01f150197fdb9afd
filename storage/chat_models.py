"""The tables of chat: who talks to us, where, and what they have proved."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Column, Index, LargeBinary, Text, UniqueConstraint, Uuid, false
from sqlmodel import Field

from storage.columns import Base, count, id_, only, text_, time, to


class Conversation(Base, table=True):
    """A chat with one person or a group, on one account of a channel."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("channel", "address"),
        Index("conversations_account", "account_id"),
        Index("conversations_held", "held_since", **only("held_since IS NOT NULL AND nudged_at IS NULL")),
    )
    id: int = id_()
    channel: str = text_()
    address: str = text_()  # the channel's normal form
    account_id: int = to("accounts.id")  # of the person, or the group's own
    direct: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    title: str = text_()  # the group's name, or the person's
    language: str = text_()  # chosen or observed: "en", "zh-CN", "zh-TW", "ko", "es"; empty: not known yet
    window_until: datetime | None = time()  # free text may be sent before; null on channels without such a rule
    held_since: datetime | None = time()  # the window is closed, and something has been waiting for it since then
    nudged_at: datetime | None = time()  # the present closed window was announced; null again when the person writes
    stopped_at: datetime | None = time()  # the person said STOP: nothing goes there, whoever wants it
    left_at: datetime | None = time()  # the bot was removed
    greeted_at: datetime | None = time()
    last_seen_at: datetime | None = time()  # when somebody wrote
    asked: str = text_()  # JSON: the question that waits for an answer, who was asked, until when
    undo: str = text_()  # JSON: how to take back the last change, who made it, until when
    created_at: datetime = time(nullable=False)


class Identity(Base, table=True):
    """A person on one account of a channel, under one of the platform's names for them; belongs to one account."""

    __tablename__ = "identities"
    __table_args__ = (Index("identities_account", "account_id"), {"sqlite_with_rowid": False})
    channel: str = Field(sa_column=Column(Text, primary_key=True))
    person: str = Field(sa_column=Column(Text, primary_key=True))
    account_id: int = to("accounts.id")
    conversation_id: int | None = to("conversations.id", nullable=True, cascade=False)  # of the two alone, if any
    name: str = text_()
    phone: str = text_()  # "+34…" where the platform vouches for it
    created_at: datetime = time(nullable=False)


class Code(Base, table=True):
    """A verification code: sent to a number, or shown for a person to send.  Kept after use, and after what it was for
    is deleted: the caps count it."""

    __tablename__ = "codes"
    __table_args__ = (
        Index("codes_address", "address", "issued_at"),
        Index("codes_account", "account_id", "issued_at"),
        Index("codes_asked_in", "asked_in", "issued_at", **only("asked_in IS NOT NULL")),
        Index("codes_asked_from", "asked_from", "issued_at", **only("asked_from <> ''")),
        Index("codes_issued", "issued_at"),
        Index("codes_link", "digest", **only("purpose = 'link'")),
    )
    id: int = id_()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    purpose: str = text_()  # "verify": sent to a number; "prove": its owner sends it; "link": joins a chat;
    # "miss": none, but a wrong entry of a link code
    account_id: int | None = to("accounts.id", nullable=True, cascade=False)  # who asked
    destination_id: int | None = to("destinations.id", nullable=True, cascade=False)  # what becomes verified
    channel: str = text_()
    address: str = text_()  # whose; empty for links
    asked_in: int | None = to("conversations.id", nullable=True, cascade=False)  # where the digits may be typed, too
    asked_from: str = text_()  # the caller's network address, if an API's; an IPv6 one as its /64
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # HMAC under a pepper (reliability page, 11)
    attempts: int = count()  # wrong ones
    tried_at: datetime | None = time()  # the last of them
    issued_at: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    used_at: datetime | None = time()
    void_at: datetime | None = time()  # replaced by a newer one, or seen by others


class ParkedStatus(Base, table=True):
    """News of a message that we do not know yet: statuses can overtake the answer to the send."""

    __tablename__ = "parked_statuses"
    __table_args__ = (Index("parked_statuses_at", "received_at"),)
    channel: str = Field(sa_column=Column(Text, primary_key=True))
    message_id: str = Field(sa_column=Column(Text, primary_key=True))
    status: str = Field(sa_column=Column(Text, primary_key=True))
    at: datetime | None = time()
    error_code: str = text_()
    error: str = text_()
    window_closed: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    again: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    received_at: datetime = time(nullable=False)


class Provider(Base, table=True):
    """One account of a channel as its platform treats us: what must survive, and be shared by all processes."""

    __tablename__ = "providers"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(sa_column=Column(Text, primary_key=True))  # as destinations name their channel
    paused_until: datetime | None = time()  # nothing is claimed for it before
    suspensions: int = count()  # in a row: how often it was found that a person must act
    reason: str = text_()  # why it rests, for the operator
    told_at: datetime | None = time()  # the operator was told of the present suspension
    held_at: datetime | None = time()  # an operator has paused it: nothing is claimed for it until one resumes it


class PushFeed(Base, table=True):
    """Lets a system push posts into a feed, by an address that only it knows."""

    __tablename__ = "push_feeds"
    __table_args__ = (
        Index("push_feeds_feed", "feed_id"),
        Index("push_feeds_account", "account_id", "feed_id"),
    )
    id: int = id_()
    feed_id: int = to("feeds.id")
    account_id: int = to("accounts.id")
    token_digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # SHA-256
    mapping: str = text_()  # JSON: where in a foreign document each field of a post lies; empty: our own form
    created_at: datetime = time(nullable=False)
    last_used_at: datetime | None = time()


class Hub(Base, table=True):
    """A feed's subscription at a WebSub hub (feeds.md 11)."""

    __tablename__ = "hubs"
    __table_args__ = (Index("hubs_due", "due_at"), Index("hubs_feed", "feed_id"))
    id: int = id_()
    feed_id: int = to("feeds.id")
    hub: str = text_()
    topic: str = text_()
    token: str = Field(sa_column=Column(Text, nullable=False, unique=True))  # of the callback's address
    secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # sealed
    state: str = text_("wanted")  # "wanted", "asked", "active", "denied", "leaving", "left"
    asked_at: datetime | None = time()  # of a request that the hub has not come back about
    lease_until: datetime | None = time()
    due_at: datetime = time(nullable=False)  # when to ask, renew or forget; while leased: when the lease is over
    lease_token: str | None = text_(None, nullable=True)
    failures: int = count()
    reason: str = text_()
    delivered_at: datetime | None = time()  # last; null: not proven yet
    misses: int = count()  # polls that found posts first, since it last pushed
    created_at: datetime = time(nullable=False)


class HubPush(Base, table=True):
    """A document that a hub pushed, from before it is acknowledged until its posts are stored."""

    __tablename__ = "hub_pushes"
    __table_args__ = (Index("hub_pushes_due", "due_at"), Index("hub_pushes_hub", "hub_id"))
    id: int = id_()
    hub_id: int = to("hubs.id")
    content_type: str = text_()
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = time(nullable=False)
    due_at: datetime = time(nullable=False)  # while leased: when the lease is over
    lease_token: str | None = text_(None, nullable=True)
    tries: int = count()  # begun, the present one included
