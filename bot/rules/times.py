"""Times as programs write them in requests, and as we write them in answers."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII | re.IGNORECASE
)
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d\Z)")  # what a query makes of "+08:00"
_MILLIS = re.compile(r"[0-9]{1,15}")


def instant(text: str) -> datetime:
    """ISO 8601 with any offset or none (UTC), with or without a fraction, or a date alone; or milliseconds since 1970.

    Raises ValueError.
    """
    try:
        if _MILLIS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
        day, rest = text[:10], text[10:]
        if not _ISO.fullmatch(text := day + rest[:1] + _LOST_PLUS.sub("+", rest[1:])):
            raise ValueError("not a time like 2026-03-19T00:00:00.000Z")
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time before the year 1 or after 9999") from None


def iso_millis(at: datetime) -> str:
    """``2026-03-19T00:00:00.000Z``; ``at``: in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
