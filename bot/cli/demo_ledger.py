"""What became of each post of the demo, and what that comes to: values and sums, no I/O."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple


class Event(NamedTuple):
    """One thing that happened, for those who read lines."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Request:
    """What reached the receiver."""

    at: datetime
    message_id: str
    status: int  # what the receiver answered


@dataclass(slots=True)
class Story:
    """One post on its way."""

    number: int
    title: str
    published_at: datetime
    found_at: datetime | None = None  # stored by the gateway, its deliveries with it
    again_at: datetime | None = None  # after a failed try: when the next one is due
    requests: list[Request] = field(default_factory=list)

    @property
    def delivery(self) -> Request | None:
        """The first request that was accepted."""
        return next((one for one in self.requests if one.status == 200), None)

    @property
    def repeats(self) -> int:
        return max(sum(one.status == 200 for one in self.requests) - 1, 0)

    @property
    def same_id(self) -> bool:
        return len({one.message_id for one in self.requests}) <= 1


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of several posts."""

    seconds: Sequence[float]

    def percentile(self, percent: int) -> float:
        """By nearest rank; 0 without any."""
        ranked = sorted(self.seconds)
        return ranked[max(ceil(percent / 100 * len(ranked)), 1) - 1] if ranked else 0.0


class Ledger:
    """The books of the demo.  Posts are known by their address."""

    def __init__(self) -> None:
        self.stories: dict[str, Story] = {}
        self.events: deque[Event] = deque()  # not yet shown
        self.attempts = 0  # requests of any kind at the receiver
        self.verified = 0  # of them, those whose signature was right
        self.unasked = 0  # deliveries of what was published before the subscription

    # Entries

    def published(self, url: str, title: str, at: datetime) -> None:
        story = self.stories[url] = Story(len(self.stories) + 1, title, at)
        self.note(at, "published", f"#{story.number} {title}")

    def found(self, url: str, at: datetime) -> None:
        """May be told twice: by the gateway's database, and by the message itself."""
        story = self.stories.get(url)
        if story and story.found_at is None:
            story.found_at = at
            self.note(at, "found", f"#{story.number} {_seconds(at - story.published_at)} after it was published")

    def forged(self, at: datetime) -> None:
        self.attempts += 1
        self.note(at, "refused", "the signature is wrong")

    def received(self, url: str, request: Request) -> None:
        """A request whose signature was right."""
        self.attempts += 1
        self.verified += 1
        story = self.stories.get(url)
        if story is None:
            self.unasked += 1
            self.note(request.at, "not asked for", url)
            return
        story.requests.append(request)
        story.again_at = None
        nth = f"attempt {len(story.requests)}"
        if request.status != 200:
            self.note(
                request.at, "failed", f"#{story.number} {nth}: answered {request.status}; signed {request.message_id}"
            )
            return
        again = ", the same id" if len(story.requests) > 1 and story.same_id else ""
        took = _seconds(request.at - story.published_at)
        self.note(request.at, "delivered", f"#{story.number} {nth}, after {took}; verified {request.message_id}{again}")

    def waits(self, url: str, until: datetime, now: datetime) -> None:
        """The gateway waits before the next try; may be told more than once."""
        story = self.stories.get(url)
        if story and story.delivery is None and story.again_at is None and until > now:
            story.again_at = until
            self.note(now, "waits", f"#{story.number} is tried again in {_seconds(until - now)}")

    def note(self, at: datetime, what: str, detail: str) -> None:
        self.events.append(Event(at, what, detail))

    # Sums

    @property
    def delivered(self) -> int:
        return sum(story.delivery is not None for story in self.stories.values())

    @property
    def undelivered(self) -> int:
        return len(self.stories) - self.delivered

    @property
    def refused(self) -> int:
        """Attempts that the receiver turned down though nothing was wrong with them."""
        return sum(one.status != 200 for story in self.stories.values() for one in story.requests)

    @property
    def repeats(self) -> int:
        return sum(story.repeats for story in self.stories.values())

    @property
    def retried(self) -> Sequence[Story]:
        """Posts that took more than one try, in their order."""
        return [story for story in self.stories.values() if story.requests and story.requests[0].status != 200]

    @property
    def flawless(self) -> bool:
        """Everything that was published arrived, once, signed, under one id; nothing else did."""
        one_id = all(story.same_id for story in self.stories.values())
        return not (self.undelivered or self.repeats or self.unasked) and self.verified == self.attempts and one_id

    def latencies(self) -> tuple[Latencies, Latencies]:
        """Published → received and stored → received, of the posts that arrived at the first try."""
        at_once = [story for story in self.stories.values() if story.requests and story.requests[0].status == 200]
        first = [(story, story.requests[0].at) for story in at_once]
        return (
            Latencies([(at - story.published_at).total_seconds() for story, at in first]),
            Latencies([(at - story.found_at).total_seconds() for story, at in first if story.found_at]),
        )


def _seconds(took: timedelta) -> str:
    return f"{took.total_seconds():.2f} s"
