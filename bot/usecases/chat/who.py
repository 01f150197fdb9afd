"""Who speaks, where, and with what right: what every command is given."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from adapters.base import Found, SourceError
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
    pepper: bytes = b""  # of verification codes


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
    """What a source made of the name in a command.  ``found`` or ``error``."""

    name: str
    source: str = ""
    host: str = ""
    found: Found | None = None
    error: SourceError | None = None
