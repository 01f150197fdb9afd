"""The tables: one class each, and the column types that are equal on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    case,
    false,
    text,
    type_coerce,
)
from sqlmodel import Field, SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, the form in which times are stored.  Refuses naive times."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds  # dividing costs twice as much


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as microseconds since 1970: equal arithmetic and order on both engines."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_micros(value)


def moved_back(column: Any, by: timedelta, now: datetime) -> Any:
    """Expression: a stored time, earlier by so much if it is still to come."""
    micros = type_coerce(column, BigInteger)
    return case((column > now, micros - by // MICROSECOND), else_=micros)


BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only in columns named INTEGER


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


class Base(SQLModel):
    """What all tables share: a way to reach the Core table behind the class."""

    __table__: ClassVar[Table]


def _id() -> Any:
    return Field(default=None, sa_column=Column(BigId, primary_key=True))


def _to(target: str, *, nullable: bool = False, cascade: bool = True, index: bool = False) -> Any:
    key = ForeignKey(target, ondelete="CASCADE" if cascade else "SET NULL")
    return Field(default=None, sa_column=Column(BigInteger, key, nullable=nullable, index=index))


def _part_of(target: str) -> Any:
    return Field(sa_column=Column(BigInteger, ForeignKey(target, ondelete="CASCADE"), primary_key=True))


def _time(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable))


def _text(default: str | None = "", *, nullable: bool = False) -> Any:
    return Field(default=default, sa_column=Column(Text, nullable=nullable, server_default=default))


def _count() -> Any:
    return Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


def _only(rows: str) -> dict[str, Any]:
    return {"postgresql_where": text(rows), "sqlite_where": text(rows)}


class Meta(Base, table=True):
    """Facts about this installation: the master key's fingerprint, whether sending is held."""

    __tablename__ = "meta"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = _text()


class Account(Base, table=True):
    """Who holds plan, quota, keys and destinations."""

    __tablename__ = "accounts"
    id: int = _id()
    email: str | None = Field(default=None, sa_column=Column(Text, unique=True))  # lower case
    name: str = _text()
    plan: str = _text("unlimited")
    operator: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    created_at: datetime = _time(nullable=False)


class Destination(Base, table=True):
    """A channel and that channel's own name for a person, chat or URL; carries its circuit breaker."""

    __tablename__ = "destinations"
    __table_args__ = (UniqueConstraint("account_id", "channel", "address"),)
    id: int = _id()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    account_id: int = _to("accounts.id")
    channel: str = _text()
    lane: str = _text()  # the channel's, repeated here so that one statement can queue for all
    address: str = _text()
    name: str = _text()
    verified_at: datetime | None = _time()
    secrets: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # sealed; bot/rules/vault.py
    created_at: datetime = _time(nullable=False)
    # The breaker and the disabling rule (reliability page, 4.1 and 4.2); all zero and null: healthy.
    failures: int = _count()  # in a row
    first_failure_at: datetime | None = _time()  # of the present series without any success
    window_started_at: datetime | None = _time()
    window_attempts: int = _count()
    window_failures: int = _count()
    trips: int = _count()  # times opened in a row
    open_until: datetime | None = _time()
    paused_until: datetime | None = _time()  # a rate limit of the receiver
    ramp_from: datetime | None = _time()  # enabled again at this time: starts slowly
    disabled_at: datetime | None = _time()
    disabled_reason: str = _text()


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
    free_at: datetime = _time(nullable=False)  # the first moment that nobody has reserved yet
    blocked_until: datetime | None = _time()  # it said 429 or 503: until then nobody asks


class Feed(Base, table=True):
    """One thing that is polled."""

    __tablename__ = "feeds"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("feeds_due", "due_at", **_only("state = 'active'")),
        Index("feeds_leased", "host", **_only("lease_token IS NOT NULL")),
    )
    id: int = _id()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    source: str = _text()
    key: str = _text()
    host: str = _text()
    title: str = _text()
    home: str = _text()
    language: str = _text()
    state: str = _text(FeedState.ACTIVE)
    due_at: datetime = _time(nullable=False)  # while leased: when the lease is over
    lease_token: str | None = _text(None, nullable=True)
    reserved_at: datetime | None = _time()  # its turn at its host; equal to due_at while that stands
    cursor: str = _text("{}")  # JSON that only the source reads
    interval_seconds: int | None = Field(default=None, sa_column=Column(Integer))  # set by a person
    rhythm_seconds: int | None = Field(default=None, sa_column=Column(Integer))  # a quarter of the median gap
    longest_gap_seconds: int | None = Field(default=None, sa_column=Column(Integer))
    hint_seconds: int = _count()  # the server's last wish
    last_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    largest: int = _count()  # items in the largest document seen
    failures: int = _count()  # in a row
    failing_since: datetime | None = _time()
    fault: str = _text()
    reason: str = _text()
    told: str = _text()  # what its subscribers were last told: "", "failing", "quiet", "gone"
    last_polled_at: datetime | None = _time()
    last_success_at: datetime | None = _time()
    last_new_at: datetime | None = _time()
    created_at: datetime = _time(nullable=False)


class Post(Base, table=True):
    """One item of a feed in its present version.  The row outlives its text: it tells old from new."""

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("feed_id", "seq"),
        Index("posts_link_key", "link_key"),
    )
    id: int = _id()
    uid: UUID = Field(sa_column=Column(Uuid, nullable=False))
    feed_id: int = _to("feeds.id")
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # feed id, then Post.key
    link_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # of what an edit would change
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    title: str = _text()
    url: str = _text()
    author: str = _text()
    content: str = _text()
    is_html: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    summary: str = _text()
    base: str = _text()
    image: str = _text()
    extras: str = _text("")  # JSON: tags and enclosures; empty when there are none
    published_at: datetime | None = _time()
    updated_at: datetime | None = _time()
    found_at: datetime = _time(nullable=False)  # when we stored it
    edited_at: datetime | None = _time()  # when we stored the present version, if not the first


class PostVersion(Base, table=True):
    """A superseded version of a post, kept while a delivery may still have to send it."""

    __tablename__ = "post_versions"
    __table_args__ = (Index("post_versions_replaced", "replaced_at"),)
    post_id: int = _part_of("posts.id")
    version: int = Field(sa_column=Column(Integer, primary_key=True))
    title: str = _text()
    url: str = _text()
    author: str = _text()
    content: str = _text()
    is_html: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    summary: str = _text()
    base: str = _text()
    image: str = _text()
    extras: str = _text("")
    published_at: datetime | None = _time()
    updated_at: datetime | None = _time()
    replaced_at: datetime = _time(nullable=False)


class Subscription(Base, table=True):
    """This account wants this feed at this destination."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("account_id", "feed_id", "destination_id"),
        Index("subscriptions_feed", "feed_id", "destination_id", **_only("active")),
        Index("subscriptions_destination", "destination_id"),
    )
    id: int = _id()
    account_id: int = _to("accounts.id")
    feed_id: int = _to("feeds.id")
    destination_id: int = _to("destinations.id")
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    created_at: datetime = _time(nullable=False)
    ended_at: datetime | None = _time()


_DELIVERY_OPTIONS = {"postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"}}


class Delivery(Base, table=True):
    """One message for one destination; the table is the outbox."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "post_id"),
        Index("deliveries_ready", "lane", "destination_id", "id", **_only("state = 'ready'")),
        Index("deliveries_waiting", "due_at", **_only("state = 'waiting'")),
        Index("deliveries_put_off", "destination_id", **_only("state IN ('waiting', 'held')")),
        Index("deliveries_leased", "destination_id", "due_at", **_only("state = 'leased'")),
        Index("deliveries_expiry", "expires_at", **_only("state IN ('ready', 'waiting', 'held')")),
        _DELIVERY_OPTIONS,
    )
    id: int = _id()
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    subscription_id: int | None = _to("subscriptions.id", nullable=True)
    destination_id: int = Field(sa_column=Column(BigInteger, ForeignKey("destinations.id"), nullable=False))
    post_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("posts.id")))
    post_version: int = _count()
    uid: UUID | None = Field(default=None, sa_column=Column(Uuid))  # what has no post carries its own id
    event: str = _text()  # "feed.failing" and the like; empty for posts
    text: str = _text()  # notices; posts are rendered at the send
    lane: str = _text()
    state: str = _text(DeliveryState.READY)
    due_at: datetime = _time(nullable=False)  # while leased: when the lease is over
    expires_at: datetime = _time(nullable=False)
    attempts: int = _count()  # begun, the present one included
    throttled: int = _count()  # attempts that were only told to wait: they use nothing up
    lease_token: str | None = _text(None, nullable=True)
    ambiguous_at: datetime | None = _time()  # the latest attempt that nobody knows the end of
    first_ambiguous_at: datetime | None = _time()
    message_id: str = _text()  # the platform's
    error_code: str = _text()
    error: str = _text()
    created_at: datetime = _time(nullable=False)
    sent_at: datetime | None = _time()
    delivered_at: datetime | None = _time()
    read_at: datetime | None = _time()
    failed_at: datetime | None = _time()


class Attempt(Base, table=True):
    """One try to send a delivery, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = ({"sqlite_with_rowid": False},)
    delivery_id: int = _part_of("deliveries.id")
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    started_at: datetime = _time(nullable=False)
    ended_at: datetime = _time(nullable=False)
    outcome: str = _text()  # "ok", "retry", "throttled", "ambiguous", "permanent", "gone"
    code: str = _text()
    status: int | None = Field(default=None, sa_column=Column(Integer))  # of the HTTP answer
    response: str = _text()  # its beginning


class InboundEvent(Base, table=True):
    """A callback as it came in, stored before it is acknowledged; worked off like everything that is due."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        Index("inbox_due", "due_at", **_only("done_at IS NULL")),
    )
    id: int = _id()
    provider: str = _text()
    event_key: str = _text()
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = _time(nullable=False)
    due_at: datetime = _time(nullable=False)  # while leased: when the lease is over
    lease_token: str | None = _text(None, nullable=True)
    done_at: datetime | None = _time()
