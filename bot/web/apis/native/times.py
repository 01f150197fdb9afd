"""Times as the native API writes and reads them: RFC 3339, in UTC, to the millisecond."""

import re
from datetime import UTC, datetime

from bot.errors import Invalid

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def shown(at: datetime) -> str:
    """ "2026-01-31T12:00:03.120Z" """
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def shown_if(at: datetime | None) -> str | None:
    return None if at is None else shown(at)


def read(text: str, field: str) -> datetime:
    """Raises Invalid."""
    try:
        if _FORM.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid(f"{field} is no time", field=field, code="invalid_value", hint="write it like 2026-01-31T12:00:00Z")
