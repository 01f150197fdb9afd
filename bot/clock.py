"""Where time and ids come from: tests hand in other clocks, nothing else may ask the machine."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Clock = Callable[[], datetime]
"""Answers the time, always aware, always UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds for measuring durations; says nothing about the time of day."""
    return time.monotonic()


def to_millis(at: datetime) -> int:
    """Whole milliseconds since 1970, the form in which the alerts API speaks of time."""
    return (at - _EPOCH) // _MILLISECOND


def uuid7(now: datetime) -> UUID:
    """A UUID that sorts by ``now``, to the millisecond (RFC 9562, 5.7; built in from 3.14)."""
    millis = int(now.timestamp() * 1000)
    random = secrets.randbits(74)
    value = (millis & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)
