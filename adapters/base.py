"""The contract with the outside world: what sources and channels are given, what they answer and what they raise.

Imports nothing of ours, so that a third party can depend on it alone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

Cursor = Mapping[str, Any]
"""How far a feed was read, as JSON.  Only the source that made it can read it; ``{}`` on the first visit."""

# --- Sources: feeds in ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to a post."""

    url: str
    media_type: str = ""
    size_bytes: int | None = None


class Post(Struct, frozen=True, kw_only=True, gc=False):
    """One item of a feed, as its source read it.  Everything in it is hostile text until rendered.

    A Struct, for it is made in hundreds and costs a seventh of a frozen dataclass.
    """

    key: bytes  # 16 bytes, stable over polls: the identity within the feed (feeds.md, 5.2)
    link_key: bytes | None = None  # 16 bytes, same kind of hash over the canonical link; None: not unique
    has_id: bool = True  # False: the item carries no identifier of its own and ``key`` comes from link or text
    raw_id: str = ""  # the identifier as written: guid, Atom id, rdf:about, JSON id
    title: str = ""  # plain text, one line; may be empty
    url: str = ""  # absolute http(s) address, or empty
    author: str = ""
    content: str = ""  # HTML when ``is_html``, else plain text
    is_html: bool = True
    summary: str = ""  # shorter form of the content, same type; empty when there is none
    base: str = ""  # what relative addresses inside ``content`` are relative to
    published: datetime | None = None  # aware, UTC; None when absent or unreadable
    updated: datetime | None = None
    image: str = ""  # absolute http(s) address, or empty
    enclosures: tuple[Enclosure, ...] = ()
    tags: tuple[str, ...] = ()
    kind: str = ""  # "repost", "reply": only for subscriptions that ask for it; empty: for all


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInfo:
    """What a document says of its feed."""

    title: str = ""
    name: str = ""  # what people call it where that is not its key: a user name, as its platform writes it
    image: str = ""  # its picture: absolute http(s) address
    home: str = ""  # the web page the feed belongs to
    language: str = ""
    hubs: tuple[str, ...] = ()  # WebSub hubs, absolute
    topic: str = ""  # rel=self, absolute


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The outcome of one poll.  "Nothing changed" is an ordinary outcome: no posts, ``info`` None."""

    cursor: Cursor
    posts: Sequence[Post] = ()  # oldest first
    withdrawn: Sequence[bytes] = ()  # keys of posts that their publisher took back; others may be unknown here
    more: bool = False  # there is more to read at once; until that is done the feed does not count as read
    note: str = ""  # what is worth knowing of a feed that was read well, such as a gap; shown with its health
    left_out: Sequence[datetime | None] = ()  # of posts that stand there unchanged since ``cursor``: when published
    info: FeedInfo | None = None  # None: the document was not read (304, same bytes)
    complete: bool = True  # False: nothing may be concluded from what is absent
    not_before: timedelta = timedelta(0)  # the server's wish: ttl, max-age; a lower bound, not an order
    moved_to: str = ""  # follow this key from now on: the feed has moved for good
    ended: bool = False  # the publisher says that nothing will ever be added
    via: str = ""  # which of the source's providers answered; empty: it has but one
    halfway: Cursor | None = None  # instead of ``cursor`` while not all posts could be taken; None: the old one stays
    if_silent: str = ""  # what the operator looks at when such a feed has gone quiet; empty: nothing
    reads: int = 0  # posts and names in the answer that the provider bills or counts


@dataclass(frozen=True, slots=True)
class Found:
    """A feed found by the name people use, with what its first reading gave."""

    key: str  # the normal form of the name: what ``poll`` takes and what makes two feeds the same
    page: Page


class FeedFault(StrEnum):
    """Why a feed could not be read; the words are stored, shown and used as a metric's label."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    HTTP = "http"
    TOO_LARGE = "too_large"
    NOT_A_FEED = "not_a_feed"
    PARSE = "parse"
    HOSTILE = "hostile"
    BLOCKED = "blocked_address"


class SourceError(Exception):
    """A feed was not read.  The class says what to do next, the text says why, for people."""


class FeedFailed(SourceError):
    """It may work later: back off."""

    def __init__(self, fault: FeedFault, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.fault, self.status = fault, status


class FeedThrottled(SourceError):
    """The server asks to wait; this holds for its whole host.  ``after`` is what it asked for, bounded."""

    def __init__(self, reason: str, after: timedelta) -> None:
        super().__init__(reason)
        self.after = after


class FeedGone(SourceError):
    """The publisher says that the feed is no more (410)."""


class FeedUnavailable(SourceError):
    """The platform shows nothing of it, for a reason that only its owner can mend: suspended, protected, not there.

    Its subscribers are told at once, and it is looked at again every few hours.
    """


class SourceSuspended(SourceError):
    """Nothing can be read from this source until a person acts: wrong token, no credit, the month's allowance used up.

    No feed is to blame; all of it waits for ``after``, and the operator is told once, with the reason.
    """

    def __init__(self, reason: str, after: timedelta) -> None:
        super().__init__(reason)
        self.after = after


class FeedNotFound(SourceError):
    """No feed by that name.  ``candidates``: addresses that might be meant."""

    def __init__(self, reason: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.candidates = tuple(candidates)


class Source(Protocol):
    """A kind of feed, made as ``Kind(outbound)``.  Remembers nothing that must survive; calls may overlap.

    A kind with a dataclass ``Config`` is made as ``Kind(outbound, config)``: its fields are settings like a channel's.
    """

    kind: str  # "feed": lower case, unique

    async def resolve(self, name: str, now: datetime) -> Found:
        """Find a feed by the name people use and read it.  Raises any SourceError."""

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        """Read what is new since ``cursor``.  Raises any SourceError but FeedNotFound."""

    def host(self, key: str) -> str:
        """Whose politeness a poll of ``key`` falls under: "https://example.org:443"; empty: nobody's.

        A name without "://" is a provider that the operator set up: it has no gap, and all its feeds wait as one.
        """

    async def close(self) -> None:
        """Let go of what is held open."""


@runtime_checkable
class Claiming(Protocol):
    """A source that knows some names for its own: no other is asked about them."""

    def claims(self, name: str) -> bool:
        """Whether a name as people write it can be of no other source."""


@runtime_checkable
class Selective(Protocol):
    """A source that need not read, or pay for, kinds of posts that nobody asked for."""

    async def poll_kinds(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        """As ``poll``, with these of ``Post.kind`` beside the ordinary ones."""


@runtime_checkable
class Paced(Protocol):
    """A source with a usual interval of its own, instead of POLL_SECONDS."""

    interval: timedelta


@runtime_checkable
class Billed(Protocol):
    """A source whose provider bills or counts what it returns (``Page.reads``)."""

    monthly_budget: int  # reads that a month may cost; 0: no bound
    read_price: float  # US dollars of one read, by the provider's list; 0: not known


@runtime_checkable
class Streaming(Protocol):
    """A source that can be told of posts at once.  Polling stays as the net."""

    streams: bool  # it is set up to

    async def stream(
        self, keys: Callable[[], Awaitable[Sequence[str]]], heard: Callable[[str, Page], Awaitable[None]]
    ) -> None:
        """Listens, connects again by itself and fills the gaps, until cancelled; one process at a time does.

        ``keys``: the feeds followed now, asked for every half minute or so.  ``heard`` takes posts of one feed, which
        may come more than once, and returns when they are stored.
        """


@runtime_checkable
class Hearing(Protocol):
    """A streaming source that knows whether it hears: while it does, its feeds are polled seldom."""

    listening: bool  # connected, keys told, and not silent for longer than its platform ever is


@runtime_checkable
class Reader(Protocol):
    """A source that can also read a document which came by itself."""

    async def read(self, body: bytes, content_type: str, url: str, now: datetime) -> Page:
        """The posts of a document about ``url``, which relative addresses are relative to; it may be a part of the
        feed only.  ``content_type``: the header.  Raises FeedFailed."""


# --- Channels: messages out -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PostView:
    """A post as a message shows it: rendered, harmless, within the channel's limits."""

    id: str  # UUID, stable for ever
    seq: int  # counts up within the feed, from 1
    version: int  # 1, and one more for every edit
    feed_id: str  # UUID
    feed_title: str
    feed_url: str
    source: str  # the kind of the feed
    title: str  # one line
    text: str  # plain text
    url: str
    author: str
    published: datetime | None
    updated: datetime | None
    found: datetime  # when Postbell stored it
    image: str = ""
    tags: tuple[str, ...] = ()


class Button(Struct, frozen=True):
    """Something to press below a message; pressing it comes back as a message whose ``action`` is the value."""

    label: str  # what people read; a channel may cut it
    value: str  # at most 200 characters of printable ASCII


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One message for one destination.  Equal over all attempts, but for what says so.

    A Struct, as what comes of it, because thousands are made a second; ``msgspec.structs.replace`` changes a copy.
    """

    id: str  # "msg_…", no full stop: the receiver's key against repeats
    address: str
    secrets: tuple[bytes, ...] = ()  # newest first
    event: str = "post.created"  # what happened; "reply", "feed.failing" and the like where there is no post
    created_at: datetime  # when it happened, not when it is sent
    text: str = ""  # notices and replies; empty for posts
    post: PostView | None = None
    code: str = ""  # six digits, which may only go the way meant for codes
    waiting: int = 0  # of a "nudge": how many posts wait until the person writes
    buttons: tuple[Button, ...] = ()  # at most 10; the text must also make sense without them
    reply_to: str = ""  # the platform's id of the message that this one answers
    language: str = "en"  # of the conversation: "en", "zh-CN", "zh-TW", "ko", "es"
    window_open: bool = True  # False: the platform allows no free text to this person now; differs by attempt
    sent_at: datetime  # this attempt's time
    attempt: int = 1  # from 1

    def __repr__(self) -> str:
        return f"Message(id={self.id!r})"  # secrets, codes and addresses are nobody's to read

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id)]


class Receipt(Struct, frozen=True, kw_only=True, gc=False):
    """The platform took the message."""

    message_id: str = ""  # as in later status callbacks; empty where there is none
    status: int | None = None  # of the HTTP answer
    response: str = ""  # the answer's beginning, cleaned, at most 4 KiB of UTF-8


class SendError(Exception):
    """A message was not sent.  The class says what to do, the text says why."""

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        status: int | None = None,
        response: str = "",
        after: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code  # short and fixed: "timeout", "http_500", "dns", "egress"
        self.status, self.response = status, response
        self.after = after  # what the receiver asked for, if anything


class TryAgain(SendError):
    """It may work later: no connection, a 5xx."""


class Throttled(SendError):
    """Not now: a rate limit of this address.  Uses up no attempt; ``after`` as asked."""


class ChannelThrottled(Throttled):
    """A limit of the whole account or app: everything through this channel waits."""


class Suspended(SendError):
    """Nothing goes through this account until a person acts: wrong token, missing permission, unpaid bill.

    Messages stay queued and use up no attempt; the operator is told once, with the reason.
    """


class WindowClosed(SendError):
    """The platform allows no message to this person until they write: it is held, and uses up no attempt."""


class Ambiguous(SendError):
    """It may have been sent: the request went out and no answer came."""


class Rejected(SendError):
    """This message will never go: too long, forbidden content."""


class AddressGone(SendError):
    """No message will ever go to this address."""


class BadAddress(ValueError):
    """What was given is no address of this channel; the text says what is expected."""


class Channel(Protocol):
    """A platform people chat on, or a webhook.  Calls may overlap.

    Made as ``Kind(outbound)``.  A kind with a dataclass ``Config`` is made as ``Kind(outbound, name, config)``, once
    for each account that is set up: "whatsapp", "whatsapp/sales".  The fields of ``Config`` are its settings, all with
    defaults: ``token`` is ``WHATSAPP_TOKEN``, and ``WHATSAPP_TOKEN__SALES`` for the second; a field's metadata holds
    its line of ``help``.  A channel that people can write to is also ``adapters.inbound.Talking``.
    """

    name: str  # "webhook", "whatsapp/sales": lower case, unique
    lane: str  # "chat" or "webhook": which schedule, capacity and share it has
    max_text: int  # characters people see in one message's text
    in_flight: int  # messages to one destination at the same time
    dedupe_window: timedelta | None  # how long receivers know a repeated id; None: for ever
    needs_secret: bool  # destinations are given a signing secret

    def normal_address(self, address: str) -> str:
        """The one form under which an address is stored and compared.  Raises BadAddress."""

    async def send(self, message: Message) -> Receipt:
        """Hand one message to the platform.  Raises SendError: its class says what to do next."""

    async def close(self) -> None:
        """Let go of what is held open."""


# --- Set-up: what a look at the platform shows ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of an account's set-up as it stands, for people.  No secret is in it."""

    ok: bool  # False: something will not work
    what: str  # "the access token is taken", "no permission im:resource"
    mend: str = ""  # what to do; where it is ok: what would be better


@runtime_checkable
class Examined(Protocol):
    """A channel or source that can ask its platform whether it is set up as it should be."""

    async def examine(self, callback_url: str) -> Sequence[Finding]:
        """Asks, and changes nothing.  Never fails: what cannot be asked is a finding.

        ``callback_url``: where the platform is to call this account; empty when our public address is not set.
        """


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an operator has set for an account, as far as pages show it."""

    missing: tuple[str, ...] = ()  # variables without which nobody can be written to: "WHATSAPP_TOKEN"
    called: bool = False  # the platform calls us: its console is told our address
    token: str = field(default="", repr=False)  # what its console asks for beside that address
    token_setting: str = ""  # the variable of that


@runtime_checkable
class Preparable(Protocol):
    """A channel that has to be set up at its platform before people can be reached."""

    @property
    def prepared(self) -> Prepared: ...
