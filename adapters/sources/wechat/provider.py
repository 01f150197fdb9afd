"""What the source asks of each provider, whatever it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from yarl import URL

from adapters.base import FeedFailed, FeedFault, Finding
from adapters.http import Fetched, Outbound
from adapters.sources.feeds import Fetch
from adapters.sources.wechat.accounts import Account
from adapters.sources.wechat.memory import Item

State = Mapping[str, Any]
"""How far one account was read at one provider, as JSON; ``{}`` on the first visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one provider has of an account.  ``account`` None: nothing changed."""

    state: State
    items: Sequence[Item] = ()  # those of one moment in the publisher's order
    withdrawn: Sequence[Item] = ()
    account: Account | None = None
    not_before: timedelta = timedelta(0)


class NotThere(FeedFailed):
    """The provider answers, and does not have this account."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(FeedFault.HTTP, reason, status=status)


class Provider(Protocol):
    """One service or bridge that reads official accounts for us."""

    name: str  # "wewe-rss"
    advice: str  # what the operator does when it has fallen silent

    async def find(self, wanted: Account, now: datetime) -> Account | None:
        """Whether it has the account, by all it knows of it; None also where it cannot tell.  Raises SourceError."""

    async def owner(self, form: str, now: datetime) -> Account | None:
        """Whose article that is; None where it cannot tell.  Raises SourceError."""

    async def read(self, account: Account, state: State, now: datetime, *, rest: bool = False) -> Reading:
        """What it has since ``state``.  Raises NotThere where it has no such account, else any SourceError.

        ``rest``: the last reading was not all taken yet; the same once more will do.
        """

    async def examine(self) -> Finding:
        """Asks it, and changes nothing.  Never fails."""

    async def close(self) -> None:
        """Let go of what is held open."""


def at_home(outbound: Outbound, base: str) -> Fetch:
    """Fetches from where the operator said, unchecked, and from wherever redirects lead, with all checks."""
    origin = _origin(base)

    async def fetch(url: str, headers: Mapping[str, str]) -> Fetched:
        door = outbound.consult if _origin(url) == origin else outbound.fetch
        return await door(url, headers)

    return fetch


def _origin(url: str) -> URL | None:
    try:
        return URL(url).origin()
    except ValueError:  # no address with a host; the door says so
        return None
