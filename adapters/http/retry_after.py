"""``Retry-After``: how long a server asks us to wait (RFC 9110, 10.2.3)."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait asked for, seconds or HTTP date; None when absent, unreadable or not in the future.

    Not bounded: that is for whoever knows the schedule (reliability 3.2).
    """
    value = (value or "").strip()
    wait = timedelta(seconds=int(value)) if _SECONDS.fullmatch(value) else _until(value, now)
    return wait if wait > timedelta(0) else None


def _until(date: str, now: datetime) -> timedelta:
    try:
        at = parsedate_to_datetime(date[:64])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)
