"""The channel ``webhook``: each message is a signed POST to an address its owner chose (Standard Webhooks 1.0).

The body, as receivers read it:

    {"type": "post.created", "timestamp": "2026-01-31T12:00:00Z", "data": {…}}

``data`` holds a ``Post`` below, or a ``Notice`` for what is not about a post.

Systems can also talk to us (``webhook_inbound``), and are answered in the HTTP response.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from adapters.base import (
    AddressGone,
    Ambiguous,
    BadAddress,
    Message,
    PostView,
    Receipt,
    Rejected,
    Throttled,
    TryAgain,
)
from adapters.channels import webhook_inbound
from adapters.http import Answer, NoAnswer, NotSent, Outbound, retry_after
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Parsed, Reply
from adapters.signatures import secret_key, sign

MAX_BODY = 256 * 1024
MAX_RESPONSE = 4 * 1024  # bytes of an answer that are kept (reliability 3.1)
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Raises ValueError for a secret that is none."""

    inbound_secret: str = field(
        default="",
        repr=False,
        metadata={"help": "whsec_… of systems that write commands to us; several with commas; empty: none may"},
    )

    def __post_init__(self) -> None:
        for secret in self.secrets():
            secret_key(secret)

    def secrets(self) -> tuple[bytes, ...]:
        return tuple(one.strip().encode() for one in self.inbound_secret.split(",") if one.strip())


class Webhook:
    """Any HTTP endpoint.  Repeats carry the same ``webhook-id``, by which receivers can tell them."""

    Config = WebhookConfig
    lane = "webhook"
    max_text = 4000
    in_flight = 4
    dedupe_window: timedelta | None = None
    needs_secret = True
    max_body = MAX_BODY

    def __init__(
        self,
        outbound: Outbound,
        name: str = "webhook",
        config: WebhookConfig | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self._outbound = outbound
        self._inbound_secrets = (config or WebhookConfig()).secrets()
        self._timeout_seconds = timeout_seconds
        self._last: tuple[tuple[PostView | None, str, datetime] | None, bytes] = None, b""

    def normal_address(self, address: str) -> str:
        try:
            return self._outbound.egress.check_url(address, "webhook")
        except ValueError as error:
            raise BadAddress(f"a webhook is an address like https://example.com/hook: {error}") from None

    async def send(self, message: Message) -> Receipt:
        if message.address.startswith(webhook_inbound.NAMED):
            raise Rejected("this chat is answered in the HTTP response only", code="no_way_back")
        body = self._encoded(message)
        try:
            answer = await self._outbound.send(
                "POST",
                message.address,
                _headers(message, body, message.secrets or self._inbound_secrets),
                body,
                timeout_seconds=self._timeout_seconds,
            )
        except NotSent as error:
            raise TryAgain(str(error), code=error.code) from error
        except NoAnswer as error:
            raise Ambiguous(str(error), code=error.code) from error
        return receipt(answer, message.sent_at)

    def _encoded(self, message: Message) -> bytes:
        """The body, which is the same for all destinations of a post; the last one's is at hand."""
        of, body = self._last
        if message.post is None or (message.post, message.event, message.created_at) != of:
            body = encode(message)
            self._last = (message.post, message.event, message.created_at), body
        return body

    async def close(self) -> None:
        """Nothing is held open here."""

    # Systems that write to us

    async def parse(self, callback: Callback) -> Parsed:
        return webhook_inbound.parse(callback, self._inbound_secrets, self.normal_address)

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:  # noqa: ARG002
        return webhook_inbound.answer(reply)

    async def managers(self, chat: str) -> Sequence[str] | None:
        """Who holds the secret vouches for all who write."""

    async def seen(self, message: ChatMessage) -> None:
        """There is no way to show it."""

    async def download(self, message: ChatMessage) -> bytes:  # noqa: ARG002
        raise Rejected("a webhook's messages carry no files", code="no_file")


class Feed(msgspec.Struct, frozen=True):
    """Where a post appeared."""

    id: str  # UUID
    title: str
    url: str
    source: str  # "feed", "x", "wechat", …


class Post(msgspec.Struct, frozen=True):
    """``data`` of "post.created" and "post.updated"; times as in RFC 3339, UTC."""

    id: str  # UUID; the same for all versions of a post
    seq: int  # counts up within the feed; gaps and another order are possible on the way
    version: int  # 1, and one more for every edit
    feed: Feed
    title: str
    text: str  # plain text, at most 4,000 characters
    url: str
    author: str
    published_at: datetime | None  # by the publisher's word
    updated_at: datetime | None
    found_at: datetime
    image: str  # address, or empty
    tags: tuple[str, ...]


class Notice(msgspec.Struct, frozen=True):
    """``data`` of every other event."""

    text: str


class Event(msgspec.Struct, frozen=True):
    """The whole body."""

    type: str
    timestamp: datetime  # when it happened; when it was sent is in the header webhook-timestamp
    data: Post | Notice


_encode = msgspec.json.Encoder().encode


def encode(message: Message) -> bytes:
    """The body, byte for byte the same over all attempts.  Raises Rejected when it is too long."""
    data = Notice(message.text) if message.post is None else _post(message.post)
    body = _encode(Event(message.event, message.created_at, data))
    if len(body) > MAX_BODY:
        raise Rejected("the message is too long for a webhook", code="too_long")
    return body


def _post(post: PostView) -> Post:
    return Post(
        id=post.id,
        seq=post.seq,
        version=post.version,
        feed=Feed(post.feed_id, post.feed_title, post.feed_url, post.source),
        title=post.title,
        text=post.text,
        url=post.url,
        author=post.author,
        published_at=post.published,
        updated_at=post.updated,
        found_at=post.found,
        image=post.image,
        tags=post.tags,
    )


def _headers(message: Message, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """Raises Rejected: nothing leaves unsigned."""
    timestamp = int(message.sent_at.timestamp())
    try:
        signature = sign(secrets, message.id, timestamp, body)
    except ValueError as error:
        raise Rejected(str(error), code="bad_secret") from None
    if not signature:
        raise Rejected("the destination has no signing secret", code="bad_secret")
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def receipt(answer: Answer, now: datetime) -> Receipt:
    """What an answer means (reliability 3.1); raises the SendError it stands for."""
    status, response = answer.status, cleaned(answer.body)
    if 200 <= status < 300:
        return Receipt(status=status, response=response)
    reason, code = f"the receiver answered {status}", f"http_{status}"
    after = retry_after(answer.headers.get("Retry-After"), now)
    if status == 410:
        raise AddressGone(reason, code=code, status=status, response=response)
    if status == 429 or (status == 503 and after is not None):
        raise Throttled(reason, code=code, status=status, response=response, after=after)
    raise TryAgain(reason, code=code, status=status, response=response, after=after)


def cleaned(body: bytes) -> str:
    """The beginning of an answer as text that any database takes."""
    text = body[:MAX_RESPONSE].decode(errors="replace").replace("\0", "")
    return text.encode()[:MAX_RESPONSE].decode(errors="ignore")
