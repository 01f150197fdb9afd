"""The bodies of the administration API: what operators send and get.  Times are RFC 3339, in UTC."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

Id = Annotated[int, Meta(ge=1, examples=[7])]
Name = Annotated[str, Meta(max_length=100)]
Reason = Annotated[str, Meta(max_length=500)]
Before = Annotated[int, Meta(description="`before` of the answer that this page follows")]
Size = Annotated[int, Meta(description="how many at most, 50 unless said, 200 at the most")]
Time = Annotated[str, Meta(description="a time like 2026-03-01T12:00:00Z", examples=["2026-03-01T12:00:00Z"])]
Next = Annotated[
    int | None, Meta(description="where the next page goes on, also below an empty list; null: there is none")
]
YesNo = Annotated[str, Meta(pattern="^(true|false)$", examples=["true"])]
FeedStateWord = Annotated[str, Meta(pattern="^(failing|active|paused|gone|disabled)$", examples=["failing"])]
DeliveryStateWord = Annotated[
    str,
    Meta(
        description="queued (all that has not ended), or one state",
        pattern="^(queued|ready|waiting|leased|held|sent|delivered|read|failed)$",
        examples=["failed"],
    ),
]


# In


class Paging(Struct):
    before: Before | None = None
    limit: Size | None = None


class AccountSearch(Struct):
    search: Annotated[str | None, Meta(description="part of an e-mail address or name")] = None
    before: Before | None = None
    limit: Size | None = None


class AccountWish(Struct):
    email: Annotated[str, Meta(max_length=254, examples=["ada@example.org"])]
    name: Name | None = None
    plan: Annotated[str | None, Meta(description="DEFAULT_PLAN unless said")] = None
    operator: Annotated[bool | None, Meta(description="its keys open this API")] = None


class PlanWish(Struct):
    plan: Annotated[str, Meta(examples=["business"])]


class OperatorWish(Struct):
    operator: Annotated[bool, Meta(description="its keys open this API, and it sees the operators' pages")]


class LimitsWish(Struct):
    limits: Annotated[
        dict[str, int | None],
        Meta(
            description="`api_keys`, `phones`, `subscriptions`: this many instead of the plan's, null for any number; "
            "what is left out is the plan's",
            examples=[{"phones": 20, "subscriptions": None}],
        ),
    ]


class CreditsWish(Struct):
    set: Annotated[int | None, Meta(description="so many are left")] = None
    add: Annotated[int | None, Meta(description="so many more; negative: fewer")] = None
    uncounted: Annotated[bool | None, Meta(description="true: alerts cost nothing")] = None


class WhyWish(Struct):
    reason: Reason | None = None


class NewKeyWish(Struct):
    name: Name | None = None


class DestinationSearch(Struct):
    account: int | None = None
    channel: str | None = None
    disabled: YesNo | None = None
    before: Before | None = None
    limit: Size | None = None


class FeedSearch(Struct):
    source: str | None = None
    state: FeedStateWord | None = None
    search: Annotated[str | None, Meta(description="part of the address, name or title")] = None
    before: Before | None = None
    limit: Size | None = None


class AuditSearch(Struct):
    actor: Annotated[
        str | None,
        Meta(description="`console`, `operator`, `admin token`, `command line`, or an account's id"),
    ] = None
    action: Annotated[str | None, Meta(description="part of it", examples=["plan"])] = None
    target: Annotated[str | None, Meta(description="what was changed", examples=["account 5"])] = None
    before: Before | None = None
    limit: Size | None = None


class InvitationWish(Struct):
    email: Annotated[str | None, Meta(description="which the account must have; any unless said")] = None
    plan: Annotated[str | None, Meta(description="DEFAULT_PLAN unless said")] = None
    operator: bool | None = None
    account: Annotated[int | None, Meta(description="for a new password of this account, instead")] = None


class AnnouncementWish(Struct):
    text: Annotated[str, Meta(max_length=500, examples=["Maintenance on Sunday from 08:00 to 09:00 UTC."])]
    level: Annotated[str | None, Meta(description="info (unless said), warning or critical")] = None
    begins_at: Annotated[str | None, Meta(description="a time; at once unless said")] = None
    ends_at: Annotated[str | None, Meta(description="a time; a day later unless said, 90 days at the most")] = None


class MoveWish(Struct):
    address: Annotated[str, Meta(max_length=2000, examples=["https://example.org/feed.xml"])]


class DeliverySearch(Struct):
    account: int | None = None
    destination: int | None = None
    feed: int | None = None
    state: DeliveryStateWord | None = None
    error_code: Annotated[str | None, Meta(examples=["no_credits"])] = None
    since: Time | None = None
    until: Time | None = None
    before: Before | None = None
    limit: Size | None = None


class AgainWish(Struct):
    account: int | None = None
    destination: int | None = None
    feed: int | None = None
    state: Annotated[DeliveryStateWord | None, Meta(description="failed, unless said")] = None
    error_code: Annotated[str | None, Meta(examples=["no_credits"])] = None
    since: Time | None = None
    until: Time | None = None
    before: Before | None = None


class ExpireWish(Struct):
    before: Time


# Out


class Fault(Struct):
    code: Annotated[str, Meta(examples=["not_found"])]
    message: str


class Failure(Struct):
    error: Fault


class Changed(Struct):
    done: bool = True


class LimitsRecord(Struct):
    api_keys: int | None
    phones: int | None
    subscriptions: int | None


class AccountRecord(Struct):
    id: Id
    user_id: Annotated[str, Meta(description="what other APIs call it")]
    email: str | None
    name: str
    plan: str
    operator: bool
    credits: Annotated[int | None, Meta(description="alerts that it may still be sent; null: they are not counted")]
    limits: Annotated[LimitsRecord, Meta(description="how many it may have; null: any number")]
    own_limits: Annotated[dict[str, int | None], Meta(description="those of them that are not its plan's")]
    disabled_at: datetime | None
    disabled_reason: str
    created_at: datetime


class UsageRecord(Struct):
    api_keys: int
    phones: int
    subscriptions: int


class AccountDetail(Struct):
    account: AccountRecord
    usage: UsageRecord


class AccountList(Struct):
    accounts: list[AccountRecord]
    before: Next


class Erased(Struct):
    done: Annotated[bool, Meta(description="false: the rest of what it had goes in the background")]


class KeyRecord(Struct):
    prefix: Annotated[str, Meta(description="the key's first 12 characters")]
    name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class KeyList(Struct):
    keys: list[KeyRecord]


class KeyOnce(Struct):
    key: Annotated[str, Meta(description="shown this once")]
    prefix: str
    name: str
    created_at: datetime
    expires_at: datetime


class DestinationRecord(Struct):
    id: Id
    account_id: int
    channel: str
    address: str
    name: str
    verified_at: datetime | None
    failures: Annotated[int, Meta(description="in a row")]
    rests_until: datetime | None
    disabled_at: datetime | None
    disabled_reason: str
    created_at: datetime


class DestinationList(Struct):
    destinations: list[DestinationRecord]
    before: Next


class FeedRecord(Struct):
    id: Id
    source: str
    key: Annotated[str, Meta(description="its address, or its id at its source")]
    name: str
    title: str
    state: str
    due_at: datetime
    failures: Annotated[int, Meta(description="in a row")]
    failing_since: datetime | None
    fault: str
    reason: str
    last_polled_at: datetime | None
    last_success_at: datetime | None
    last_new_at: datetime | None
    posts: int
    created_at: datetime


class FeedList(Struct):
    feeds: list[FeedRecord]
    before: Next


class DeliveryRecord(Struct):
    id: Id
    state: str
    event: Annotated[str, Meta(description="`post.created`, or what a notice is about")]
    lane: str
    account_id: int
    subscription_id: int | None
    destination_id: int
    channel: str
    address: str
    feed_id: int | None
    title: str
    url: str
    charged: Annotated[bool, Meta(description="it has taken a credit")]
    tries: int
    message_id: Annotated[str, Meta(description="the platform's")]
    error_code: str
    error: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None


class DeliveryList(Struct):
    deliveries: list[DeliveryRecord]
    before: Next


class AttemptRecord(Struct):
    n: int
    started_at: datetime
    ended_at: datetime
    outcome: str
    code: str
    status: int | None
    response: Annotated[str, Meta(description="its beginning")]


class DeliveryDetail(Struct):
    delivery: DeliveryRecord
    attempts: list[AttemptRecord]


class Queued(Struct):
    queued: Annotated[int, Meta(description="how many are sent again; at most 1,000 a call")]
    before: Next


class Expired(Struct):
    expired: Annotated[int, Meta(description="at most 1,000 a call")]
    more: Annotated[bool, Meta(description="there may be more: ask again")]


class ChannelRecord(Struct):
    name: str
    lane: str
    state: Annotated[str, Meta(description="ok, resting (by itself), suspended (a person must act) or paused (by you)")]
    reason: str
    rests_until: datetime | None


class ChannelList(Struct):
    channels: list[ChannelRecord]


class SendingRecord(Struct):
    held: bool


class StatsRecord(Struct):
    counted_to: Annotated[int, Meta(description="nothing is counted any further")]
    accounts: int
    destinations: int
    feeds: int
    subscriptions: Annotated[int, Meta(description="active ones")]
    queued: Annotated[dict[str, int], Meta(description="deliveries that have not ended, by state")]
    latest: Annotated[dict[str, int], Meta(description="how the latest deliveries stand, `counted_to` of them")]
    oldest_seconds: Annotated[float, Meta(description="age of the queued delivery that expires first")]
    held: Annotated[bool, Meta(description="nothing is sent")]


class AuditRecord(Struct):
    id: Id
    at: datetime
    actor: Annotated[str, Meta(description="`admin token`, `operator`, `console` or `command line`")]
    account_id: Annotated[int | None, Meta(description="the operator's")]
    key_prefix: str
    address: Annotated[str, Meta(description="in the network")]
    action: Annotated[str, Meta(examples=["change plan"])]
    target: Annotated[str, Meta(examples=["account 5"])]
    before_change: dict[str, Any]
    after_change: dict[str, Any]


class AuditList(Struct):
    entries: list[AuditRecord]
    before: Next


class InvitationRecord(Struct):
    id: Id
    account_id: Annotated[int | None, Meta(description="whose new password; null: for a new account")]
    email: str
    plan: str
    operator: bool
    invited_by: Annotated[int | None, Meta(description="the operator's account, if it was one")]
    created_at: datetime
    expires_at: datetime


class InvitationOnce(InvitationRecord):
    url: Annotated[str, Meta(description="shown this once")]


class InvitationList(Struct):
    invitations: list[InvitationRecord]


class AnnouncementRecord(Struct):
    id: Id
    level: str
    text: str
    begins_at: datetime
    ends_at: datetime
    made_by: int | None
    created_at: datetime
    withdrawn_at: datetime | None


class AnnouncementList(Struct):
    announcements: list[AnnouncementRecord]
    before: Next


class QueueRow(Struct):
    lane: str
    state: str
    n: Annotated[int, Meta(description="of each state up to `counted_to`")]


class QueueRecord(Struct):
    rows: list[QueueRow]
    counted_to: int
    oldest_seconds: Annotated[float, Meta(description="age of the queued delivery that expires first")]
    held: Annotated[bool, Meta(description="nothing is sent")]


class StorageRecord(Struct):
    engine: str
    bytes: int
    free_bytes: Annotated[int, Meta(description="of these, what is used by nothing")]
    kept_days: Annotated[dict[str, float], Meta(description="how long what is kept")]


class FindingRecord(Struct):
    what: str
    grade: Annotated[str, Meta(description="ok, warning or wrong")]
    text: str
    mend: Annotated[str, Meta(description="what to do; empty when nothing is")]


class DoctorReport(Struct):
    sound: Annotated[bool, Meta(description="nothing is wrong; there may be warnings")]
    findings: list[FindingRecord]
