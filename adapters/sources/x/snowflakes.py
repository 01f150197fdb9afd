"""Ids of X, which tell the time they were made (sources-x.md 12)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)
_FIRST: Final = 29_700_859_247  # lower ones were counted, and tell nothing
_MILLISECOND: Final = timedelta(milliseconds=1)
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


def number(text: str) -> int | None:
    """An id as it is written; None when it is none."""
    return int(text) if _ID.fullmatch(text) else None


def floor_id(at: datetime) -> int:
    """The smallest id that something made in that millisecond can have."""
    return max(0, (at - _EPOCH) // _MILLISECOND) << 22


def made_at(identifier: int) -> datetime | None:
    """To the millisecond; None for those that do not tell."""
    return _EPOCH + (identifier >> 22) * _MILLISECOND if identifier >= _FIRST else None
