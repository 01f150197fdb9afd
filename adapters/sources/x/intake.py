"""What the listener has to know of a stream of X: where it is, whom it tells of, and what its lines say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.sources.x.timelines import Row
from adapters.sources.x.wire import Tweet


@dataclass(frozen=True, slots=True)
class Reach:
    """``accounts``: that X tells of; ``whole``: these are all that were asked for, but for those that nobody can."""

    accounts: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class News:
    """One line.  ``farewell``: why X is about to hang up; None when it is not."""

    rows: Sequence[Row] = ()
    withdrawn: Sequence[tuple[str, bytes]] = ()  # account, and the key of its post that is no more
    farewell: str | None = None


class Intake(Protocol):
    path: str

    def query(self) -> Mapping[str, str]:
        """What the connection is asked for with."""

    async def follow(self, accounts: tuple[str, ...], now: datetime) -> Reach:
        """Has X tell of these, in the order of their numbers, and of no others.  Asks nothing when that is so already.

        Raises SourceError.
        """

    def read(self, line: bytes) -> News:
        """Raises FeedFailed for what makes no sense."""

    def wants(self, tweet: Tweet) -> bool:
        """False for what X tells of and nobody asked for."""

    def ended(self, status: int) -> None:
        """The connection is over; ``status``: that of the refusal, or 200."""
