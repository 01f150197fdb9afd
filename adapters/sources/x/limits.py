"""How often each endpoint may still be asked, as X tells with every answer, and what was paid today.

Kept in memory: what a restart forgets, X tells again.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

SILENT_SECONDS: Final = 60  # after a 429 without a time; doubled each time
LONGEST_SILENT: Final = timedelta(minutes=15)
LONGEST_WINDOW: Final = timedelta(hours=24)
MAX_BILLED: Final = 200_000


@dataclass(slots=True)
class _Window:
    remaining: int
    reset: datetime
    refusals: int = 0  # in a row, without a time


class Windows:
    """Of each endpoint the number of requests that remain, and until when (sources-x.md 10)."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def told(self, endpoint: str, headers: Mapping[str, str], now: datetime) -> None:
        reset, remaining = _number(headers, "x-rate-limit-reset"), _number(headers, "x-rate-limit-remaining")
        if reset is None or remaining is None:
            return
        until = min(_moment(reset, now), now + LONGEST_WINDOW)
        self._windows[endpoint] = _Window(remaining, until)

    def refused(self, endpoint: str, headers: Mapping[str, str], now: datetime) -> timedelta:
        """After a 429: how long to wait; a little longer than told, and not everybody at once."""
        self.told(endpoint, headers, now)
        window = self._windows.get(endpoint)
        if window is None or window.reset <= now or _number(headers, "x-rate-limit-reset") is None:
            refusals = window.refusals + 1 if window else 1
            wait = min(timedelta(seconds=SILENT_SECONDS << min(refusals - 1, 10)), LONGEST_SILENT)
            self._windows[endpoint] = _Window(0, now + wait, refusals)
            return wait
        window.remaining = 0
        return window.reset - now + timedelta(seconds=random.uniform(1, 3))  # noqa: S311 (spreads load, no secret)

    def wait(self, endpoint: str, now: datetime) -> timedelta:
        """Zero when it may be asked.  Asking is taken off at once: answers come too late for those that follow."""
        window = self._windows.get(endpoint)
        if window is None or window.reset <= now:
            return timedelta(0)
        if window.remaining <= 0:
            return window.reset - now
        window.remaining -= 1
        return timedelta(0)

    def remaining(self, endpoint: str, now: datetime) -> int | None:
        """None: X has not said."""
        window = self._windows.get(endpoint)
        return window.remaining if window and window.reset > now else None


class Bill:
    """Counts each post and user once a UTC day, as X does (sources-x.md 11)."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._billed: set[str] = set()

    def new(self, resources: Iterable[str], now: datetime) -> int:
        """How many of these have not been paid today."""
        today = now.astimezone(UTC).date()
        if today != self._day or len(self._billed) > MAX_BILLED:
            self._day, self._billed = today, set()
        fresh = set(resources) - self._billed
        self._billed |= fresh
        return len(fresh)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _moment(seconds: int, now: datetime) -> datetime:
    """Seconds since 1970, not from now."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return now
