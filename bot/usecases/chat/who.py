"""Who speaks, where, and with what right: what every command is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from adapters.base import Found, SourceError
from bot.usecases.opml import Naming
from bot.usecases.posts import Policy
from storage.chat_models import Conversation
from storage.models import Destination


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator decided about people who chat."""

    policy: Policy
    interval: timedelta  # between two polls of a feed, unless it says otherwise
    public_base_url: str
    signup: Literal["open", "closed"] = "closed"
    default_plan: str = "unlimited"
    default_credits: int | None = None  # with which an account begins on that plan; None: it counts none
    group_managers: Literal["all", "admins", "owner"] = "admins"  # who may change what a group gets
    pepper: bytes = field(default=b"", repr=False)  # of verification codes
    older_peppers: tuple[bytes, ...] = field(default=(), repr=False)  # of codes made before the master key changed
    codes_a_day: int = 1000  # sent by the whole server
    naming: Naming | None = None  # of feeds in lists that are imported; None: nothing can be imported
    phones: "Phones | None" = None  # None: numbers cannot be verified

    @property
    def peppers(self) -> tuple[bytes, ...]:
        """All under which a code may have been digested."""
        return (self.pepper, *self.older_peppers)


@dataclass(frozen=True, slots=True)
class Phones:
    """The channel on which phone numbers are proved."""

    channel: str  # "whatsapp"
    normal_address: Callable[[str], str]  # as the channel has it: raises BadAddress
    number: str = ""  # ours there, "+34…", for links that open the chat; empty: not known


@dataclass(frozen=True, slots=True)
class Chat:
    """One message's surroundings, locked for this transaction."""

    conversation: Conversation
    destination: Destination  # where this conversation's posts go
    account_id: int  # whose subscriptions these are: the person's, or the group's own
    person: str  # the sender's name on the platform; a question waits for the one who was asked
    manager: bool  # may change what this conversation gets
    language: str  # to answer in
    trace: str  # short, for the log and for what people are told when something fails


@dataclass(frozen=True, slots=True)
class Looked:
    """What a source made of the name in a command: ``found`` or ``error``; or a message's ``file``."""

    name: str = ""
    source: str = ""
    host: str = ""
    found: Found | None = None
    error: SourceError | None = None
    file: bytes | None = None  # what was attached, where ``bot.rules.commands.wants_file`` says so
