"""Events of the Activity API, opened: what happened, and the post it happened to as any answer holds one (8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from adapters.sources.x.wire import Answer, Problem

_NOTHING: Final = Raw(b"{}")


@dataclass(frozen=True, slots=True)
class Event:
    id: str  # a number, which may be negative; the same in every repeat
    type: str  # "post.create"
    account: str  # the one that was subscribed to
    payload: Answer


class _Payload(Answer):
    def resources(self) -> Sequence[str]:
        """The event is billed, not what comes with it."""
        return [one.id for one in self.tweets()]


class _Filter(msgspec.Struct):
    user_id: str = ""


class _Event(msgspec.Struct):
    event_uuid: str | int
    event_type: str
    filter: _Filter | None = None
    payload: Raw = _NOTHING
    includes: Raw = _NOTHING


def opened(line: bytes) -> tuple[Sequence[Event], Sequence[Problem]]:
    """The events of a line, one as a rule, and what X complains of.  Raises FeedFailed for what cannot be read."""
    answer = Answer(line)
    return [_opened(one) for one in answer.rows(_Event)], answer.problems


def _opened(told: _Event) -> Event:
    payload = _Payload(msgspec.json.encode({"data": told.payload, "includes": told.includes}))
    return Event(str(told.event_uuid), told.event_type, told.filter.user_id if told.filter else "", payload)
