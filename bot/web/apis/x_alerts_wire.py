"""The bodies of the X alerts API: what its callers send and get, spelt as its document spells it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{7,14}$", examples=["+34612345678"])]
Username = Annotated[str, Meta(pattern=r"^@?[A-Za-z0-9_]{1,15}$", examples=["elonmusk"])]
Millis = Annotated[int, Meta(description="milliseconds since 1970", examples=[1745000000000])]
Prefix = Annotated[str, Meta(description="the key's first 12 characters", examples=["bws_prod_0Ab"])]
Label = Annotated[str, Meta(max_length=100)]


# In


class PhoneWish(Struct):
    phoneNumber: Number
    displayName: Label | None = None


class CodeEntry(Struct):
    phoneNumber: Number
    code: Annotated[str, Meta(pattern="^[0-9]{6}$", examples=["123456"])]


class SubscriptionWish(Struct):
    xUsername: Username
    phoneNumber: Number


class KeyWish(Struct):
    name: Label | None = None


class Span(Struct, rename={"since": "from"}):
    since: Annotated[Millis | None, Meta(description="only what was made then or later")] = None
    to: Annotated[Millis | None, Meta(description="only what was made then or earlier")] = None
    lastKey: Annotated[str | None, Meta(description="of the answer before")] = None


# Out


class Problem(Struct):
    error: str


class Done(Struct):
    success: Literal[True] = True


class Profile(Struct):
    userId: str
    email: str | None
    name: str | None
    plan: str
    createdAt: Millis


PhoneStatus = Literal["pending_verification", "verified"]


class PhoneState(Struct):
    phoneNumber: str
    status: PhoneStatus


class Phone(Struct):
    phoneNumber: str
    status: PhoneStatus
    displayName: str | None
    createdAt: Millis
    verifiedAt: Millis | None


class Phones(Struct):
    phones: list[Phone]
    count: int


class Subscription(Struct):
    xUsername: str
    xUserId: str
    xDisplayName: str | None
    xProfileImage: str | None
    phoneNumber: str
    isActive: bool
    createdAt: Millis


class Subscriptions(Struct):
    subscriptions: list[Subscription]
    count: int


class Notification(Struct, gc=False):
    notificationId: str
    userId: str
    phoneNumber: str
    xUsername: str
    tweetId: str
    tweetText: str
    tweetUrl: str
    waMessageId: str | None
    status: Literal["queued", "sent", "delivered", "read", "failed"]
    errorMessage: str | None
    createdAt: Millis
    updatedAt: Millis


class Notifications(Struct):
    notifications: list[Notification]
    lastKey: str | UnsetType = UNSET  # absent at the end


class NewKey(Struct):
    apiKey: str
    keyPrefix: Prefix
    keyName: str
    createdAt: Millis
    expiresAt: Millis


class Key(Struct):
    keyPrefix: Prefix
    keyName: str
    createdAt: Millis
    lastUsedAt: Millis | None
    expiresAt: Millis
