"""A clock that tests move by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class MovableClock:
    """Answers the time it was set to; ``advance`` is how tests sleep."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta | None = None, **parts: float) -> None:
        """By a duration, or by its parts: ``advance(seconds=5)``."""
        self.now += by if by is not None else timedelta(**parts)
