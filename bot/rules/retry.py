"""What follows an attempt: the only place that knows the waits (reliability page, section 3)."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.base import (
    AddressGone,
    Ambiguous,
    ChannelThrottled,
    Receipt,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    WindowClosed,
)
from bot.rules.breaker import LONGEST_PAUSE

Jitter = Callable[[], float]
"""Answers a factor for a delay."""

SLOW_RECEIVER = timedelta(seconds=60)  # least wait after a timeout or a 429 of a webhook
SUSPENDED_PAUSE = timedelta(minutes=1)  # before a message is tried again whose account needs a person
UNKNOWN_END = {"chat": timedelta(seconds=120)}  # by lane: time for the platform's own word, where repeats show
UNKNOWN_END_SOON = timedelta(seconds=5)  # codes and replies: rather twice than too late (reliability 3.4)
MANUAL_TTL = timedelta(hours=1)  # for what a person sends again after its time


def jitter() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311 (spreads load, no secret)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Delays after attempt 1, 2, …, and how long a message is worth sending."""

    delays: tuple[timedelta, ...]
    expires: timedelta

    @property
    def longest(self) -> timedelta:
        return max(self.delays, default=timedelta(0))


Schedules = Mapping[str, Schedule]
"""By lane: code, reply, chat, webhook."""


@dataclass(frozen=True, slots=True)
class Try:
    """What a decision needs to know of the attempt that just ended."""

    lane: str
    attempts: int  # begun, this one included
    throttled: int  # of them, those that were only told to wait
    expires_at: datetime
    first_ambiguous_at: datetime | None
    dedupe_window: timedelta | None  # how long the receiver knows a repeated id; None: for ever; zero: it knows none


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of the delivery.  ``again_at`` None and not ``held``: it ends here, sent or failed."""

    outcome: (
        str  # as attempts record it: "ok", "retry", "throttled", "suspended", "held", "ambiguous", "permanent", "gone"
    )
    again_at: datetime | None = None
    held: bool = False  # until the person writes
    code: str = ""
    error: str = ""
    exhausted: bool = False  # it failed because no attempt or time was left
    pause_until: datetime | None = None  # nothing more to this destination before
    rest_until: datetime | None = None  # nothing more through this channel before

    @property
    def ends(self) -> bool:
        """Whether the delivery is sent or failed now."""
        return self.again_at is None and not self.held

    @property
    def free(self) -> bool:
        """Whether it uses up no attempt."""
        return self.outcome in ("throttled", "suspended", "held")


SENT = Next("ok")
"""What follows a success."""


def after(result: Receipt | SendError, one: Try, schedules: Schedules, now: datetime, spread: Jitter = jitter) -> Next:
    """Decide from what an attempt came to.  Pure but for ``spread``."""
    if isinstance(result, Receipt):
        return SENT
    schedule = schedules[one.lane]
    used = one.attempts - one.throttled
    match result:
        case Rejected():
            return Next("permanent", code=result.code, error=str(result))
        case AddressGone():
            return Next("gone", code=result.code, error=str(result))
        case WindowClosed():
            return Next("held", held=True, code=result.code, error=str(result))
        case Suspended():
            return _again("suspended", result, one, now + SUSPENDED_PAUSE * spread())
        case ChannelThrottled():
            wait = _asked(result, _delay(schedule, max(used - 1, 1)) * spread(), one.lane)
            return _again("throttled", result, one, now + wait, rest_until=now + wait)
        case Throttled():
            wait = _asked(result, _delay(schedule, max(used - 1, 1)) * spread(), one.lane)
            return _again("throttled", result, one, now + wait, pause_until=now + min(wait, LONGEST_PAUSE))
        case Ambiguous():
            outcome = "ambiguous"
        case _:
            outcome = "retry"
    if used > len(schedule.delays):
        return Next(outcome, code=result.code, error=f"{result} (no attempt left)", exhausted=True)
    wait = _asked(result, _delay(schedule, used) * spread(), one.lane)
    if outcome == "ambiguous" and one.dedupe_window == timedelta(0):
        wait = max(wait, UNKNOWN_END.get(one.lane, UNKNOWN_END_SOON))
    if outcome == "ambiguous" and _forgotten(one, now + wait):
        return Next(outcome, code=result.code, error=f"{result} (a repeat might arrive twice)", exhausted=True)
    return _again(outcome, result, one, now + wait)


def _again(
    outcome: str,
    result: SendError,
    one: Try,
    at: datetime,
    *,
    pause_until: datetime | None = None,
    rest_until: datetime | None = None,
) -> Next:
    code, error = result.code, str(result)
    if at >= one.expires_at:
        return Next(outcome, code=code, error=f"{error} (no time left)", exhausted=True, rest_until=rest_until)
    return Next(outcome, at, code=code, error=error, pause_until=pause_until, rest_until=rest_until)


def _delay(schedule: Schedule, used: int) -> timedelta:
    """The wait after so many attempts, from 1."""
    return schedule.delays[min(used, len(schedule.delays)) - 1] if schedule.delays else timedelta(0)


def _asked(result: SendError, delay: timedelta, lane: str) -> timedelta:
    """The schedule's delay, and what the receiver asked for, within bounds: a user's endpoint may ask for
    little more than we would wait anyway, a provider for an hour."""
    if lane != "webhook":
        return max(delay, min(result.after or timedelta(0), timedelta(hours=1)))
    if isinstance(result, Throttled | Ambiguous):
        delay = max(delay, SLOW_RECEIVER)
    if result.after is None:
        return delay
    return min(max(result.after, delay), max(2 * delay, timedelta(minutes=15)))


def _forgotten(one: Try, at: datetime) -> bool:
    """Whether the receiver would take a repeat at that time for a new message, where silence is the better choice.

    One that never knew repeats is no reason for silence: a code twice is better than none.
    """
    if not one.dedupe_window or one.first_ambiguous_at is None or one.lane not in ("code", "reply"):
        return False
    return at > one.first_ambiguous_at + one.dedupe_window
