"""A messages API as it is guessed to be (B2), and as it may also be (B3)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from aiohttp import web

from .accounts import Article, Form

Shape = Literal["proposed", "bare", "bridge"]
"""The proposed form; an array of flat items; the form of we-mp-rss, with Unix seconds."""


@dataclass(slots=True, kw_only=True)
class Service:
    """One key's messages."""

    key: str = "sk-wechat-1"
    form: Form = "long"
    shape: Shape = "proposed"
    clock: Callable[[], datetime]
    skew: timedelta = timedelta(0)  # by which its clock is ahead
    largest_page: int = 100
    ignores_page: bool = False
    ignores_since: bool = False
    ids_tell_nothing: bool = False  # else a later article has a higher one
    says_more: bool = True  # tells whether another page follows
    since_means: Literal["collected", "published"] = "collected"
    failure: tuple[int, Any] | None = None  # status and body of every answer
    retry_after: str = ""  # beside it
    between_pages: Callable[[int], None] | None = None  # called with the page's number before it is answered
    articles: list[Article] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        date = self.clock() + self.skew
        headers = {"Date": f"{date:%a, %d %b %Y %H:%M:%S} GMT"}
        if self.retry_after:
            headers["Retry-After"] = self.retry_after
        if self.failure:
            status, body = self.failure
            if isinstance(body, str):
                return web.Response(status=status, text=body, content_type="text/html", headers=headers)
            return web.json_response(body, status=status, headers=headers)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            body = {"success": False, "error": {"code": "unauthorized", "message": "Invalid API key"}}
            return web.json_response(body, status=401, headers=headers)
        number, size = int(query.get("page", 1)), min(int(query.get("pageSize", 20)), self.largest_page)
        if self.between_pages:
            self.between_pages(number)
        found = self._since(query.get("since", ""))
        first = 0 if self.ignores_page else (number - 1) * size
        return web.json_response(self._body(found[first : first + size], number, size, len(found)), headers=headers)

    def _since(self, since: str) -> list[Article]:
        """Newest first."""
        after = datetime.fromisoformat(since) if since and not self.ignores_since else datetime(1970, 1, 2, tzinfo=UTC)
        there = [one for one in self.articles if self._collected(one) <= self.clock()]
        moment = self._collected if self.since_means == "collected" else (lambda one: one.published)
        found = [one for one in there if moment(one) >= after]
        return sorted(found, key=lambda one: (self._collected(one), one.account.number, one.serial), reverse=True)

    @staticmethod
    def _collected(article: Article) -> datetime:
        return article.collected or article.published

    def _body(self, page: list[Article], number: int, size: int, total: int) -> Any:
        items = [self._item(one) for one in page]
        if self.shape == "bare":
            return items
        if self.shape == "bridge":
            return {"code": 0, "message": "success", "data": {"list": items, "total": total}}
        pagination: dict[str, Any] = {"page": number, "pageSize": size, "total": total}
        if self.says_more:
            pagination |= {"hasMore": number * size < total or self.ignores_page}
        return {"success": True, "data": items, "pagination": pagination}

    def _item(self, one: Article) -> dict[str, Any]:
        if self.shape == "proposed":
            return {
                "id": sha256(one.id.encode()).hexdigest() if self.ids_tell_nothing else one.id,
                "url": one.address(self.form, one.serial),
                "title": one.title,
                "summary": "摘要",
                "content": one.html,
                "contentType": "html",
                "coverUrl": None,
                "account": {"id": one.account.biz, "name": one.account.name, "alias": one.account.original_id},
                "publishedAt": f"{one.published:%Y-%m-%dT%H:%M:%S}.000Z",
                "createdAt": f"{self._collected(one):%Y-%m-%dT%H:%M:%S}.000Z",
                "recalled": one.recalled,
            }
        return {
            "id": one.id,
            "mp_id": one.account.mp_wxs,
            "mp_name": one.account.name,
            "link" if self.shape == "bare" else "url": one.address(self.form, one.serial),
            "title": one.title,
            "publish_time": int(one.published.timestamp()) * (1000 if self.shape == "bare" else 1),
        }
