"""The contract with platforms that talk to us: callbacks in, events out, answers back.

A channel that people can write to has ``parse`` besides what ``adapters.base.Channel`` asks for.  Events are
stored as JSON before the platform is answered, so each is a Struct that knows its own key against repeats.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from adapters.base import Button


@dataclass(frozen=True, slots=True)
class Callback:
    """A request that a platform makes to us, as it came."""

    method: str  # "GET" or "POST"
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names match in any case
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the platform gets back."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"


class Refused(Exception):
    """The callback is not taken: ``status`` 401 or 403 for one that is not the platform's, 400 for what cannot be read.

    The text is logged, never answered, and quotes nothing of the body.
    """

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(reason)
        self.status = status


class Event(Struct, frozen=True, kw_only=True, tag_field="is", omit_defaults=True):
    """What a platform says happened.  ``key``: equal in all repeats and in nothing else of the channel."""

    key: str
    at: datetime | None = None  # when it happened, by the platform's word; aware, UTC


class ChatMessage(Event, frozen=True, kw_only=True, tag="message"):
    """A person wrote, or pressed a button."""

    chat: str  # where an answer goes: an address of this channel
    also: tuple[str, ...] = ()  # other names of the same conversation: learnt, former or alternative spellings
    direct: bool  # between the bot and one person
    sender: str  # the platform's lasting name for the person
    sender_also: tuple[str, ...] = ()
    sender_name: str = ""  # hostile text, for display only
    phone: str = ""  # "+34…" when the platform vouches for it
    language: str = ""  # as the platform tells it: "zh_cn", "en-US"; empty when it does not
    addressed: bool = True  # the bot was spoken to: a direct chat, a mention of it, or a button
    kind: str = "text"  # else what was sent instead: "image", "audio", "unsupported", …; ``text`` is then its caption
    text: str = ""  # without the mention of the bot
    action: str = ""  # the value of the button that was pressed
    message_id: str = ""  # the platform's, for an answer to refer to
    answers: str = ""  # the platform's id of the message of ours that was replied to or whose button was pressed
    forwarded: bool = False  # not the person's own words: runs no command
    file: str = ""  # what ``download`` takes when something is attached
    opens_window: bool = False  # from now on the platform allows free text for its time
    wants_answer: bool = False  # the platform takes the reply as the answer to this very request
    answer_to: str = ""  # where a late answer goes, if the platform has given such a thing


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    """What became of a message of ours.  Known by the platform's id, by ours, or by both."""

    message_id: str = ""
    delivery: str = ""  # our Message.id, where the platform gives it back
    status: str  # "sent", "delivered", "read", "failed"; other words are kept and change nothing
    error_code: str = ""
    error: str = ""
    window_closed: bool = False  # it failed because the person has not written for too long
    again: bool = False  # it failed for its trimmings: the channel sends a second attempt without them
    chat: str = ""


class ChatJoined(Event, frozen=True, kw_only=True, tag="joined"):
    """The bot was added to a group, or a person opened a chat with it."""

    chat: str
    direct: bool
    sender: str = ""  # who did it
    name: str = ""  # the group's
    first: bool = True  # False: it happens again and again, so that greeting would be a nuisance


class ChatLeft(Event, frozen=True, kw_only=True, tag="left"):
    """The bot was removed from a group, or the group is no more."""

    chat: str


class AddressMoved(Event, frozen=True, kw_only=True, tag="moved"):
    """A person is known by another name from now on, with the same conversation."""

    old: str
    new: str


class Preference(Event, frozen=True, kw_only=True, tag="preference"):
    """A person told the platform, not us, whether they want our messages."""

    chat: str
    wanted: bool


class Unknown(Event, frozen=True, kw_only=True, tag="unknown"):
    """Genuine, and nothing that we know: kept for a look, and changes nothing."""

    what: str
    raw: str = ""  # its beginning, at most 4 KiB


AnyEvent = ChatMessage | StatusChanged | ChatJoined | ChatLeft | AddressMoved | Preference | Unknown

encode_event = Encoder().encode
decode_event = Decoder(AnyEvent).decode


@dataclass(frozen=True, slots=True)
class Parsed:
    """A genuine callback.  ``answer``: of a handshake, which has nothing to store."""

    events: Sequence[AnyEvent] = ()
    answer: HttpAnswer | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command is answered with."""

    text: str
    buttons: tuple[Button, ...] = ()
    aside: bool = False  # concerns only who asked: where a message would be changed to show it, it stays as it is


Receive = Callable[[Parsed], Awaitable[HttpAnswer]]
"""Stores the events of a callback and answers once they are safe.  Raises on a storage error: do not acknowledge."""


@runtime_checkable
class Talking(Protocol):
    """A channel that people can write to."""

    max_body: int  # bytes of one callback

    async def parse(self, callback: Callback) -> Parsed:
        """Check that the platform made it, then read it.  Raises Refused."""

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:
        """The reply as the answer to the very request; None: nothing to show, the reply comes later or not at all."""

    async def managers(self, chat: str) -> Sequence[str] | None:
        """Who manages a group, by the names of ``ChatMessage.sender``, the owner first; None: the platform does not
        tell.  Raises SendError."""

    async def seen(self, message: ChatMessage) -> None:
        """Show the person that their message is being worked on.  Never fails."""

    async def download(self, message: ChatMessage) -> bytes:
        """The file of a message, at most 5 MiB.  Raises SendError."""


@runtime_checkable
class Phoned(Protocol):
    """A channel whose addresses are phone numbers, so that a message from one proves it."""

    is_set_up: bool  # whether anything can be sent
    number: str  # ours, for links that open a chat with us; empty: not known


@runtime_checkable
class Nudging(Protocol):
    """A channel whose platform closes the window to people who have not written for a time."""

    nudges: bool  # whether it can tell them, even then, that something waits


@runtime_checkable
class Listening(Protocol):
    """A channel that holds a connection to its platform open instead of being called."""

    async def listen(self, receive: Receive) -> None:
        """Runs until cancelled; connects again by itself."""


# --- Sources whose platform calls ---


@dataclass(frozen=True, slots=True)
class Call:
    """What a call says, and what is answered."""

    keys: tuple[str, ...]  # of the feeds that have something new
    answer: HttpAnswer


@runtime_checkable
class Called(Protocol):
    """A source whose platform can call us, at /webhooks/{kind}, when there is something new.  Polling stays the net."""

    def called(self, callback: Callback) -> Call:
        """Check and read a call.  Raises Refused."""
