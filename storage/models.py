"""The tables of the main route: from feeds to the outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)
from sqlmodel import Field

import storage.admin_models
import storage.api_models
import storage.chat_models
import storage.console_models
import storage.native_models
import storage.official_models
import storage.source_models  # noqa: F401 (all tables are known where these are)
from storage.columns import Base, count, id_, only, part_of, text_, time, to


class FeedState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by its operator
    GONE = "gone"  # 410, or the publisher said that it has ended
    DISABLED = "disabled"  # failed for so long that only a person can decide


class DeliveryState(StrEnum):
    """``waiting`` rows become ``ready`` when they are due, so that claims look at due work only."""

    READY = "ready"
    WAITING = "waiting"
    LEASED = "leased"
    HELD = "held"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


DESTINATION_AMISS = "removed_at IS NULL AND (verified_at IS NULL OR disabled_at IS NOT NULL OR open_until IS NOT NULL)"
FEED_AMISS = "state <> 'active' OR told NOT IN ('', 'quiet')"
"""What people have to hear of, written out, for the engines find an index of some rows only by these very words."""


class Meta(Base, table=True):
    """Facts about this installation: the master key's fingerprint, whether sending is held."""

    __tablename__ = "meta"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = text_()


class Account(Base, table=True):
    """Who holds plan, quota, keys and destinations."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("accounts_counted", "id", **only("credits IS NOT NULL")),
        Index("accounts_erasing", "id", **only("deleted_at IS NOT NULL AND erased_at IS NULL")),
    )
    id: int = id_()
    email: str | None = Field(default=None, sa_column=Column(Text, unique=True))  # lower case
    name: str = text_()
    plan: str = text_("unlimited")
    operator: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    credits: int | None = Field(default=None, sa_column=Column(Integer))  # alerts it may still be sent; null: uncounted
    overrides: str = text_()  # JSON: limits that are its own instead of its plan's (bot/rules/plans.py)
    disabled_at: datetime | None = time()  # by an operator: it may do nothing, and nothing is delivered for it
    disabled_reason: str = text_()
    deleted_at: datetime | None = time()  # what it had goes in slices; the row stays, empty, for what refers to it
    erased_at: datetime | None = time()  # all of it has gone
    created_at: datetime = time(nullable=False)


class Destination(Base, table=True):
    """A channel and that channel's own name for a person, chat or URL; carries its circuit breaker."""

    __tablename__ = "destinations"
    __table_args__ = (
        UniqueConstraint("account_id", "channel", "address"),
        Index("destinations_conversation", "conversation_id", **only("conversation_id IS NOT NULL")),
        Index("destinations_address", "channel", "address"),
        Index("destinations_amiss", "account_id", "id", **only(DESTINATION_AMISS)),
    )
    id: int = id_()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    account_id: int = to("accounts.id")
    channel: str = text_()
    lane: str = text_()  # the channel's, repeated here so that one statement can queue for all
    address: str = text_()
    name: str = text_()
    conversation_id: int | None = to("conversations.id", nullable=True, cascade=False)  # of chat channels
    verified_at: datetime | None = time()
    removed_at: datetime | None = time()  # deleted by its account; the row stays for what refers to it
    secrets: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # sealed; bot/rules/vault.py
    created_at: datetime = time(nullable=False)
    # The breaker and the disabling rule (reliability page, 4.1 and 4.2); all zero and null: healthy.
    failures: int = count()  # in a row
    first_failure_at: datetime | None = time()  # of the present series without any success
    window_started_at: datetime | None = time()
    window_attempts: int = count()
    window_failures: int = count()
    trips: int = count()  # times opened in a row
    open_until: datetime | None = time()
    paused_until: datetime | None = time()  # a rate limit of the receiver
    ramp_from: datetime | None = time()  # enabled again at this time: starts slowly
    disabled_at: datetime | None = time()
    disabled_reason: str = text_()


HEALTH = (
    "failures", "first_failure_at", "window_started_at", "window_attempts", "window_failures", "trips", "open_until",
    "paused_until", "ramp_from", "disabled_at", "disabled_reason",
)  # fmt: skip
"""The columns of a destination that its breaker reads and writes."""


class Host(Base, table=True):
    """Whose server feeds are read from: the queue before it, shared by all processes."""

    __tablename__ = "hosts"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(sa_column=Column(Text, primary_key=True))  # "https://example.org:443"
    free_at: datetime = time(nullable=False)  # the first moment that nobody has reserved yet
    blocked_until: datetime | None = time()  # it said 429 or 503: until then nobody asks


class Feed(Base, table=True):
    """One thing that is polled."""

    __tablename__ = "feeds"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("feeds_due", "due_at", **only("state = 'active'")),
        Index("feeds_leased", "host", **only("lease_token IS NOT NULL")),
        Index("feeds_amiss", "id", **only(FEED_AMISS)),
    )
    id: int = id_()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    source: str = text_()
    key: str = text_()
    host: str = text_()
    name: str = text_()  # what people call it where that is not its key: a user name, as its platform writes it
    title: str = text_()
    image: str = text_()
    home: str = text_()
    language: str = text_()
    state: str = text_(FeedState.ACTIVE)
    due_at: datetime = time(nullable=False)  # while leased: when the lease is over
    lease_token: str | None = text_(None, nullable=True)
    reserved_at: datetime | None = time()  # its turn at its host; equal to due_at while that stands
    cursor: str = text_("{}")  # JSON that only the source reads
    interval_seconds: int | None = Field(default=None, sa_column=Column(Integer))  # set by a person
    rhythm_seconds: int | None = Field(default=None, sa_column=Column(Integer))  # a quarter of the median gap
    longest_gap_seconds: int | None = Field(default=None, sa_column=Column(Integer))
    hint_seconds: int = count()  # the server's last wish
    wants: int = count()  # of its active subscriptions together, at least: bits of bot/rules/options.py
    last_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    largest: int = count()  # items in the largest document seen
    failures: int = count()  # in a row
    failing_since: datetime | None = time()
    fault: str = text_()
    reason: str = text_()
    told: str = text_()  # what its subscribers were last told: "", "failing", "unavailable", "quiet", "gone"
    last_polled_at: datetime | None = time()
    last_success_at: datetime | None = time()
    last_new_at: datetime | None = time()
    pushed_until: datetime | None = time()  # till then a hub that has proved itself pushes what is new
    created_at: datetime = time(nullable=False)


class Post(Base, table=True):
    """One item of a feed in its present version.  The row outlives its text: it tells old from new."""

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("feed_id", "seq"),
        Index("posts_link_key", "link_key"),
        Index("posts_found", "feed_id", "found_at", "id"),
        Index("posts_feed", "feed_id", "id", "seq"),
    )
    id: int = id_()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False))
    feed_id: int = to("feeds.id")
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # feed id, then Post.key
    link_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # of what an edit would change
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    kind: str = text_()  # "repost", "reply": for subscriptions that ask for it; empty: for all
    title: str = text_()
    url: str = text_()
    author: str = text_()
    content: str = text_()
    is_html: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    summary: str = text_()
    base: str = text_()
    image: str = text_()
    extras: str = text_("")  # JSON: tags and enclosures; empty when there are none
    published_at: datetime | None = time()
    updated_at: datetime | None = time()
    found_at: datetime = time(nullable=False)  # when we stored it
    edited_at: datetime | None = time()  # when we stored the present version, if not the first
    withdrawn_at: datetime | None = time()  # its publisher took it back: nothing of its text is left


class PostVersion(Base, table=True):
    """A superseded version of a post, kept while a delivery may still have to send it."""

    __tablename__ = "post_versions"
    __table_args__ = (Index("post_versions_replaced", "replaced_at"),)
    post_id: int = part_of("posts.id")
    version: int = Field(sa_column=Column(Integer, primary_key=True))
    title: str = text_()
    url: str = text_()
    author: str = text_()
    content: str = text_()
    is_html: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    summary: str = text_()
    base: str = text_()
    image: str = text_()
    extras: str = text_("")
    published_at: datetime | None = time()
    updated_at: datetime | None = time()
    replaced_at: datetime = time(nullable=False)


class Subscription(Base, table=True):
    """This account wants this feed at this destination."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("account_id", "feed_id", "destination_id"),
        Index("subscriptions_feed", "feed_id", "destination_id", **only("active")),
        Index("subscriptions_destination", "destination_id"),
        Index("subscriptions_wants", "feed_id", "wants", **only("active AND wants <> 0")),
    )
    id: int = id_()
    account_id: int = to("accounts.id")
    feed_id: int = to("feeds.id")
    destination_id: int = to("destinations.id")
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    number: int = count()  # what people call it in lists: small, lasting, unique among a destination's active ones
    paused_until: datetime | None = time()  # posts found before are passed over
    options: str = text_()  # JSON: what is asked for beside ordinary posts; empty: nothing (bot/rules/options.py)
    wants: int = count()  # the kinds of posts among that, as bits
    created_at: datetime = time(nullable=False)
    ended_at: datetime | None = time()


_DELIVERY_OPTIONS = {"postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"}}


class Delivery(Base, table=True):
    """One message for one destination; the table is the outbox."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "post_id"),
        Index("deliveries_ready", "lane", "destination_id", "id", **only("state = 'ready'")),
        Index("deliveries_waiting", "due_at", **only("state = 'waiting'")),
        Index("deliveries_put_off", "destination_id", **only("state IN ('waiting', 'held')")),
        Index("deliveries_leased", "destination_id", "due_at", **only("state = 'leased'")),
        Index("deliveries_held", "destination_id", "id", **only("state = 'held'")),
        Index("deliveries_message", "message_id", **only("message_id <> ''")),
        Index("deliveries_codes", "destination_id", **only("lane = 'code' AND text <> ''")),
        Index("deliveries_uid", "uid", **only("uid IS NOT NULL")),
        Index(
            "deliveries_alerts",
            *("destination_id", "account_id", "created_at", "id"),
            **only("lane = 'chat' AND post_id IS NOT NULL"),
        ),
        Index("deliveries_expiry", "expires_at", **only("state IN ('ready', 'waiting', 'held')")),
        Index("deliveries_notices", "destination_id", **only("post_id IS NULL")),
        _DELIVERY_OPTIONS,
    )
    id: int = id_()
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    subscription_id: int | None = to("subscriptions.id", nullable=True)
    destination_id: int = Field(sa_column=Column(BigInteger, ForeignKey("destinations.id"), nullable=False))
    post_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("posts.id")))
    post_version: int = count()
    uid: UUID | None = Field(default=None, sa_column=Column(Uuid))  # what has no post carries its own id
    event: str = text_()  # "feed.failing" and the like; empty for posts
    text: str = text_()  # notices and replies, and codes until they are sent; posts are rendered at the send
    extras: str = text_()  # JSON, of replies: buttons, what is answered, language; empty when there is nothing
    lane: str = text_()
    state: str = text_(DeliveryState.READY)
    due_at: datetime = time(nullable=False)  # while leased: when the lease is over
    expires_at: datetime = time(nullable=False)
    attempts: int = count()  # begun, the present one included
    throttled: int = count()  # attempts that were only told to wait: they use nothing up
    charged: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))  # a credit
    lease_token: str | None = text_(None, nullable=True)
    ambiguous_at: datetime | None = time()  # the latest attempt that nobody knows the end of
    first_ambiguous_at: datetime | None = time()
    message_id: str = text_()  # the platform's
    error_code: str = text_()
    error: str = text_()
    created_at: datetime = time(nullable=False)
    sent_at: datetime | None = time()
    delivered_at: datetime | None = time()
    read_at: datetime | None = time()
    failed_at: datetime | None = time()


class Attempt(Base, table=True):
    """One try to send a delivery, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = ({"sqlite_with_rowid": False},)
    delivery_id: int = part_of("deliveries.id")
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    started_at: datetime = time(nullable=False)
    ended_at: datetime = time(nullable=False)
    outcome: str = text_()  # "ok", "retry", "throttled", "ambiguous", "permanent", "gone"
    code: str = text_()
    status: int | None = Field(default=None, sa_column=Column(Integer))  # of the HTTP answer
    response: str = text_()  # its beginning


class InboundEvent(Base, table=True):
    """A callback as it came in, stored before it is acknowledged; worked off like everything that is due."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        Index("inbox_due", "due_at", **only("done_at IS NULL AND chat <> ''")),
        Index("inbox_loose", "due_at", **only("done_at IS NULL AND chat = ''")),
        Index("inbox_chat", "provider", "chat", "id", **only("done_at IS NULL AND chat <> ''")),
    )
    id: int = id_()
    provider: str = text_()
    event_key: str = text_()
    chat: str = text_()  # whose turn it is; empty for what needs no order: statuses
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = time(nullable=False)
    due_at: datetime = time(nullable=False)  # while leased: when the lease is over
    lease_token: str | None = text_(None, nullable=True)
    tries: int = count()  # begun, the present one included
    error: str = text_()  # why it was given up
    done_at: datetime | None = time()
