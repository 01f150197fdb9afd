"""What operators ask with: ids in paths, pages, times, and the words for what is wrong with them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.errors import Invalid, NotFound, UserError
from bot.usecases.idempotency import KeyUsed
from bot.web import surface
from bot.web.apis.admin import wire
from bot.web.surface import Call

PAGE, LARGEST_PAGE = 50, 200
LAST = 2**63 - 1  # above every id

_ID = re.compile(r"[1-9][0-9]{0,17}")
STATUSES: Mapping[type[UserError], int] = {**surface.STATUSES, KeyUsed: 422}
_CODES = {
    400: "invalid", 401: "unauthorized", 402: "no_credits", 403: "forbidden", 404: "not_found", 405: "not_allowed",
    408: "timeout", 409: "conflict", 413: "too_large", 415: "unsupported", 422: "key_used", 429: "rate_limited",
    503: "unavailable",
}  # fmt: skip


class Wording:
    """A code for programs and a sentence for people."""

    checks_values = False  # handlers do

    def body(self, status: int, text: str, error: Exception | None = None) -> wire.Failure:  # noqa: ARG002
        return wire.Failure(wire.Fault(_CODES.get(status, "internal"), text))

    def not_an_object(self) -> str:
        return "the body must be a JSON object"

    def missing(self, field: str) -> str:
        return f"{field} is missing"

    def wrong_type(self, field: str, kind: str) -> str:
        return f"{field} must be a {kind}"

    def bad_value(self, field: str, reason: str) -> str:
        return f"{field}: {reason}"


def number(call: Call, name: str) -> int:
    """The id in the path.  Raises NotFound: what is no id is nobody's."""
    text = call.path[name]
    if not _ID.fullmatch(text):
        raise NotFound(f"there is no {name} {text[:40]}" if text.isalnum() else f"there is no such {name}")
    return int(text)


def place(query: Any) -> tuple[int, int]:
    """(below which id, how many) of a page.  Raises Invalid."""
    limit = PAGE if query.limit is None else query.limit
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"limit must be from 1 to {LARGEST_PAGE}")
    return below(query), limit


def below(query: Any) -> int:
    """Raises Invalid."""
    if query.before is None:
        return LAST
    if query.before < 1:
        raise Invalid("before must be what an answer said")
    return int(query.before)


def one_of(name: str, value: str | None, words: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Raises Invalid."""
    if value is not None and value not in words:
        raise Invalid(f"{name} must be one of {', '.join(words)}")
    return value or ""


def moment(name: str, text: str | None) -> datetime | None:
    """Raises Invalid."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None or not 1970 <= at.year <= 9000:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{name} must be a time with its zone, like 2026-03-01T12:00:00Z") from None
