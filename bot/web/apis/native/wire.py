"""The bodies of the native API: what its callers send and get."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Id = Annotated[str, Meta(description="a UUID", examples=["019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10"])]
Time = Annotated[
    str,
    Meta(
        description="RFC 3339, in UTC", examples=["2026-01-31T12:00:03.120Z"], extra_json_schema={"format": "date-time"}
    ),
]
Address = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        description="an https:// address for `webhook`, +34612345678 for `whatsapp`; for `feishu` oc_… (a chat), "
        "ou_… (a person) or the address of a custom bot",
        examples=["https://example.org/hook"],
    ),
]
Label = Annotated[str, Meta(max_length=100, description="what you call it", examples=["Alerts of the team"])]
Count = Annotated[int, Meta(ge=0)]


# Errors


class Error(Struct, omit_defaults=True):
    code: Annotated[str, Meta(description="for programs", examples=["not_found"])]
    message: Annotated[str, Meta(description="what failed, and why", examples=["there is no such destination"])]
    field: str | UnsetType = UNSET
    hint: Annotated[str | UnsetType, Meta(description="what to do now")] = UNSET


class ErrorAnswer(Struct):
    error: Error


# Pages


Limit = Annotated[int, Meta(ge=1, le=100, description="how many at most; 50 unless told")]
Cursor = Annotated[str, Meta(max_length=200, description="`nextCursor` of the page before")]
NextCursor = Annotated[str | None, Meta(description="for `cursor`, to get what comes next; null at the end")]


class Removed(Struct):
    id: Id
    removed: Literal[True] = True


# Destinations


class NewDestination(Struct):
    channel: Annotated[
        str, Meta(max_length=50, description="`webhook`, `whatsapp`, `feishu`, or an account: `whatsapp/sales`")
    ]
    address: Address
    name: Label | None = None


class Code(Struct):
    code: Annotated[str, Meta(pattern="^[0-9]{6}$", description="the digits that were sent there", examples=["123456"])]


class Destination(Struct):
    id: Id
    channel: Annotated[str, Meta(examples=["webhook"])]
    address: str
    name: str | None
    verified: bool
    state: Annotated[
        Literal["ok", "unverified", "failing", "resting", "disabled"],
        Meta(description="`resting`: its breaker is open, or it asked to wait; `disabled`: nothing is sent any more"),
    ]
    reason: Annotated[str | None, Meta(description="of the state")]
    createdAt: Time
    verifiedAt: Time | None


Secret = Annotated[
    str | None,
    Meta(description="signs what a webhook gets; shown this once; null where nothing is signed", examples=["whsec_…"]),
]


class AddedDestination(Destination):
    secret: Secret


class Destinations(Struct):
    data: list[Destination]
    nextCursor: NextCursor


class CodeSent(Struct):
    sent: Annotated[bool, Meta(description="false: one went there less than a minute ago, and is still good")]
    expiresAt: Time


class CodeShown(Struct):
    text: Annotated[str, Meta(description="to be sent to Postbell from there", examples=["123456"])]
    link: Annotated[str | None, Meta(description="opens the chat with the code filled in, where that is known")]
    expiresAt: Time


class NewSecret(Struct):
    id: Id
    secret: Annotated[str, Meta(description="shown this once", examples=["whsec_…"])]
    formerUntil: Annotated[Time, Meta(description="until then the former one signs beside it")]


# Feeds


Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        description="an address of a feed or of a page with one, or a name: @nasa",
        examples=["https://example.org/feed.xml"],
    ),
]
Kind = Annotated[str, Meta(max_length=50, description="ask only this kind of source", examples=["feed", "x"])]


class FeedName(Struct):
    name: Name
    source: Kind | None = None


class FoundPost(Struct):
    title: str
    url: str
    publishedAt: Time | None


class FoundFeed(Struct):
    source: Annotated[str, Meta(description="the kind of source that knows it", examples=["feed"])]
    address: Annotated[
        str, Meta(description="what makes two feeds the same", examples=["https://example.org/feed.xml"])
    ]
    name: str | None
    title: str
    home: str
    image: str | None
    feedId: Annotated[Id | None, Meta(description="if you follow it, or did")]
    posts: Annotated[Count, Meta(description="how many it holds now")]
    newest: Annotated[list[FoundPost], Meta(description="the newest first, at most 5")]


class Health(Struct):
    status: Annotated[
        Literal["ok", "unread", "failing", "paused", "gone", "disabled"],
        Meta(description="`unread`: not read yet; `paused`: nobody subscribes; `disabled`: unreadable for two weeks"),
    ]
    failures: Annotated[Count, Meta(description="in a row")]
    failingSince: Time | None
    reason: str | None
    lastReadAt: Time | None
    lastPostAt: Annotated[Time | None, Meta(description="when it last brought something new")]
    nextReadAt: Time | None


class Feed(Struct):
    id: Id
    source: Annotated[str, Meta(examples=["feed"])]
    address: str
    name: str | None
    title: str
    home: str
    image: str | None
    posts: Annotated[Count, Meta(description="numbered so far")]
    pushable: Annotated[bool, Meta(description="you may push posts into it")]
    health: Health
    createdAt: Time


class NewPushFeed(Struct):
    title: Annotated[str, Meta(min_length=1, max_length=200, examples=["Build server"])]


class PushFeed(Struct):
    id: Id
    title: str
    pushUrl: Annotated[str, Meta(description="whoever knows it can push posts without a key; shown this once")]


Text = Annotated[str, Meta(max_length=100_000)]


class PushedPost(Struct):
    """One of title, url, text and html at least."""

    id: Annotated[
        str | int | None, Meta(description="tells it from others: a repeat is announced once", examples=["42"])
    ] = None
    title: Annotated[Text | None, Meta(examples=["Build 42 failed"])] = None
    url: Annotated[Text | None, Meta(examples=["https://ci.example.org/42"])] = None
    text: Text | None = None
    html: Annotated[Text | None, Meta(description="wins over text")] = None
    author: Text | None = None
    published: Annotated[
        str | int | float | None, Meta(description="a time, or Unix seconds", examples=["2026-01-31T12:00:00Z"])
    ] = None
    image: Text | None = None


class PushedPosts(Struct):
    posts: Annotated[list[PushedPost], Meta(min_length=1, max_length=100, description="oldest first")]


class PushResult(Struct):
    id: Annotated[str | None, Meta(description="as it was given, or its address")]
    result: Literal["created", "updated", "unchanged", "error"]
    error: str | None


class PushResults(Struct):
    results: Annotated[list[PushResult], Meta(description="in the order of the request")]


# Subscriptions


class Options(Struct, forbid_unknown_fields=True):
    """Which posts are wanted beside the ordinary ones."""

    reposts: bool = False
    replies: bool = False


class NewSubscription(Struct):
    """Either `name`, or `feedId` of a feed that you know."""

    destinationId: Id
    name: Name | None = None
    source: Kind | None = None
    feedId: Id | None = None
    options: Options | None = None
    latest: Annotated[bool | None, Meta(description="send the newest post that is there now, too")] = None


class SubscriptionChange(Struct):
    options: Options


class Pause(Struct):
    until: Annotated[Time | None, Meta(description="without it: until it is resumed")] = None


class FeedBrief(Struct):
    id: Id
    source: str
    address: str
    title: str


class DestinationBrief(Struct):
    id: Id
    channel: str
    address: str


class FeedSubscription(Struct):
    id: Id
    state: Annotated[Literal["active", "paused", "ended"], Meta(description="`paused`: posts are passed over")]
    feed: FeedBrief
    destination: DestinationBrief
    options: Options
    pausedUntil: Annotated[Time | None, Meta(description="null while paused: until it is resumed")]
    createdAt: Time


class FeedSubscriptions(Struct):
    data: list[FeedSubscription]
    nextCursor: NextCursor


# Posts


class Post(Struct):
    id: Annotated[Id, Meta(description="the same as webhooks get")]
    seq: Annotated[int, Meta(ge=1, description="counts up within the feed")]
    version: Annotated[int, Meta(ge=1, description="one more for every edit")]
    feed: FeedBrief
    title: Annotated[str, Meta(description="one line of plain text")]
    text: Annotated[str, Meta(description="plain text, at most 4,000 characters; empty after `RETENTION_DAYS`")]
    url: str
    author: str
    publishedAt: Time | None
    updatedAt: Time | None
    foundAt: Annotated[Time, Meta(description="when Postbell stored it")]
    image: str | None
    tags: list[str]


class Posts(Struct):
    data: list[Post]
    nextCursor: NextCursor


# Deliveries

Status = Literal["queued", "sent", "delivered", "read", "failed"]


class PostBrief(Struct):
    id: Id
    title: str
    url: str


class Delivery(Struct):
    id: Id
    type: Annotated[str, Meta(description="`post.created`, or the name of a notice", examples=["post.created"])]
    status: Status
    destination: DestinationBrief
    subscriptionId: Id | None
    feedId: Id | None
    post: PostBrief | None
    error: Annotated[str | None, Meta(description="why it failed, or waits")]
    attempts: Count
    nextAttemptAt: Time | None
    createdAt: Time
    sentAt: Time | None
    deliveredAt: Time | None
    readAt: Time | None
    failedAt: Time | None


class Attempt(Struct):
    n: Annotated[int, Meta(ge=1)]
    startedAt: Time
    endedAt: Time
    outcome: Annotated[
        Literal["ok", "retry", "throttled", "ambiguous", "permanent", "gone"],
        Meta(description="`ambiguous`: it may have arrived"),
    ]
    code: Annotated[str | None, Meta(description="short and fixed", examples=["http_500"])]
    httpStatus: int | None
    response: Annotated[str | None, Meta(description="the beginning of the answer")]


class DeliveryTrail(Delivery):
    trail: Annotated[list[Attempt], Meta(description="the attempts in their order; kept for 30 days")]


class Deliveries(Struct):
    data: list[Delivery]
    nextCursor: NextCursor


# Account


class Amount(Struct):
    used: Count
    limit: Annotated[Count | None, Meta(description="null: none")]


class Account(Struct):
    id: Id
    email: str | None
    name: str | None
    plan: Annotated[str, Meta(examples=["unlimited"])]
    credits: Annotated[int | None, Meta(description="null: not counted")]
    apiKeys: Amount
    phones: Amount
    subscriptions: Amount
    destinations: Amount
    createdAt: Time


# Queries


class PageQuery(Struct):
    limit: Limit | None = None
    cursor: Cursor | None = None


class SubscriptionQuery(PageQuery):
    feedId: Id | None = None
    destinationId: Id | None = None


class PostQuery(PageQuery):
    feedId: Annotated[Id | None, Meta(description="only this feed's; else of all that you follow now")] = None
    since: Annotated[Time | None, Meta(description="only what was found then or later")] = None


class DeliveryQuery(PageQuery):
    status: Status | None = None
    feedId: Id | None = None
    destinationId: Id | None = None
    subscriptionId: Id | None = None
