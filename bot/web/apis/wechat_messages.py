"""The WeChat messages API: what the WeChat accounts that a caller follows have posted, page by page or since a time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from bot.errors import Invalid
from bot.rules import ids
from bot.rules.times import instant, iso_millis
from bot.usecases import messages
from bot.web.apis import wechat_messages_wire as wire
from bot.web.surface import Call, Route
from storage.database import Database

PATH = "/api/v1/wechat/messages"
PAGE, LARGEST_PAGE = 20, 100
CODES = {
    400: "invalid_parameter",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


class Wording:
    """A code for programs and a sentence for people."""

    checks_values = False

    def body(self, status: int, text: str, error: Exception | None = None) -> wire.Failure:  # noqa: ARG002
        return wire.Failure(wire.Trouble(CODES[status], "Invalid API key" if status == 401 else text))

    def not_an_object(self) -> str:
        return "the body must be JSON"

    def missing(self, field: str) -> str:
        return f"{field} is required"

    def wrong_type(self, field: str, kind: str) -> str:
        return f"{field} must be a {kind}"

    def bad_value(self, field: str, reason: str) -> str:
        return f"{field}: {reason}"


class WeChatMessages:
    """Its one operation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        return [
            Route(
                *("GET", PATH, self.messages, "Messages of the WeChat accounts you follow, the latest first"),
                wire.Messages,
                query=wire.MessagePage,
                errors={400: [_AT_LEAST.format("page"), _AT_LEAST.format("pageSize"), _SINCE]},
            )
        ]

    async def messages(self, call: Call) -> wire.Messages:
        asked: wire.MessagePage = call.query
        page, size = _at_least_one("page", asked.page, 1), _at_least_one("pageSize", asked.pageSize, PAGE)
        size = min(size, LARGEST_PAGE)
        wanted = messages.Wanted(call.account_id, (page - 1) * size, size, _since(asked.since))
        found = await self._database.read(messages.page, wanted)
        pages = -(-found.total // size)
        standing = wire.Pagination(page, size, found.total, pages, hasMore=page < pages)
        return wire.Messages([_message(row) for row in found.messages], standing)


_AT_LEAST = "{} must be 1 or more"
_SINCE = "since must be a time like 2026-03-19T00:00:00.000Z"


def _at_least_one(name: str, value: int | None, default: int) -> int:
    if value is not None and value < 1:
        raise Invalid(_AT_LEAST.format(name))
    return value or default


def _since(text: str | None) -> datetime | None:
    try:
        return None if text is None else instant(text)
    except ValueError:
        raise Invalid(_SINCE) from None


def _message(row: Any) -> wire.Message:
    """What was taken back keeps its place and its names, and nothing of what it said."""
    recalled = row.withdrawn_at is not None
    content = "" if recalled else row.content
    account = wire.MessageAccount(
        row.feed_key, row.feed_title or row.feed_name or row.feed_key, row.feed_name or None, row.feed_image or None
    )
    return wire.Message(
        id=ids.article_on_wechat(row.url) or str(UUID(str(row.uid))),
        url=row.url,
        title=row.title,
        summary=None if recalled else row.summary or None,
        author=row.author or None,
        content=content or None,
        contentType=("html" if row.is_html else "text") if content else None,
        coverUrl=None if recalled else row.image or None,
        account=account,
        publishedAt=iso_millis(row.published_at) if row.published_at else None,
        createdAt=iso_millis(row.found_at),
        updatedAt=iso_millis(max(filter(None, (row.found_at, row.edited_at, row.withdrawn_at)))),
        recalled=recalled,
    )
