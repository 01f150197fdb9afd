"""Whether one way to X is worth trying: kept in memory, and tried again by itself (sources-x.md 9 and 14)."""

from datetime import datetime, timedelta
from typing import Final

from adapters.base import FeedFailed, FeedFault, FeedThrottled, FeedUnavailable, SourceError, SourceSuspended

IN_A_ROW: Final = 3  # failures of whatever accounts: then it is not theirs
FIRST_REST_SECONDS, LONGEST_REST = 5, timedelta(minutes=15)
REACHED: Final = frozenset((FeedFault.PARSE, FeedFault.NOT_A_FEED, FeedFault.TOO_LARGE, FeedFault.HOSTILE))


class Health:
    """Of one way."""

    def __init__(self, *, whole: bool) -> None:
        """``whole``: when it asks to wait, it means all that it is asked; the API means one endpoint."""
        self._whole = whole
        self._failures = 0
        self._until: datetime | None = None
        self._error: SourceError | None = None

    def refusal(self, now: datetime) -> SourceError | None:
        """The error to raise instead of trying; None when it may be tried."""
        if self._until is None or now >= self._until:
            return None
        after = self._until - now
        if isinstance(self._error, SourceSuspended):
            return SourceSuspended(str(self._error), after)
        return FeedThrottled(str(self._error), after)

    def well(self) -> None:
        self._failures, self._until = 0, None

    def ill(self, error: SourceError, now: datetime) -> None:
        match error:
            case SourceSuspended(after=after):
                self._until, self._error = now + after, error
            case FeedThrottled(after=after) if self._whole:
                self._until, self._error = now + after, error
            case FeedUnavailable():
                self.well()  # it answered
            case FeedFailed(fault=fault, status=status) if fault not in REACHED and (status is None or status >= 500):
                self._failures += 1
                if self._failures >= IN_A_ROW:
                    self._until, self._error = now + rest(self._failures - IN_A_ROW), error
            case _:
                pass


def rest(times: int) -> timedelta:
    return min(timedelta(seconds=FIRST_REST_SECONDS << min(times, 10)), LONGEST_REST)
