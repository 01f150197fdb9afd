"""The server of all stand-ins: every provider under a path of its own."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from . import documents
from .accounts import START, Account, Article, Form
from .service import Service


@dataclass(slots=True)
class Shelf:
    """What one bridge has."""

    form: Form = "short"
    follows: list[Account] = field(default_factory=list)
    hidden: set[Article] = field(default_factory=set)  # not collected yet, or never
    keep: int = 20  # newest articles in a document
    frozen: bool = False  # its login died: everything answers, nothing is new
    trouble: tuple[int, str] | None = None  # status and HTML of every answer
    asked: Counter[str] = field(default_factory=Counter)  # by path
    _held: dict[str, list[Article]] = field(default_factory=dict)

    def of(self, account: Account) -> list[Article]:
        """Newest first."""
        if not self.frozen or account.number not in self._held:
            there = [one for one in account.articles if one not in self.hidden]
            self._held[account.number] = sorted(there, key=lambda one: (one.published, -one.idx))[-self.keep :][::-1]
        return self._held[account.number]


class Town:
    """``async with Town() as town``; then ``town.settings(...)`` names the providers that are used."""

    def __init__(self, clock: Callable[[], datetime] = lambda: START) -> None:
        self.accounts: list[Account] = []
        self.wewe, self.we_mp, self.wechat2rss, self.rsshub = Shelf(), Shelf("long"), Shelf("long"), Shelf("short")
        self.messages = Service(clock=clock)
        self.token = "t0ken/&"
        self.page_trouble = ""  # HTML shown instead of articles
        self.visits = 0
        self.pages_read = 0
        self.url = ""
        self._runner: web.ServerRunner | None = None

    def account(self, name: str = "港口新闻", articles: int = 0, number: str = "") -> Account:
        """Known to every provider."""
        account = Account(number or str(3070376195 + len(self.accounts)), name)
        self.accounts.append(account)
        for shelf in self.shelves:
            shelf.follows.append(account)
        for _ in range(articles):
            self.publish(account)
        return account

    def publish(self, account: Account, title: str = "", **about: Any) -> Article:
        article = account.publish(title, **about)
        self.messages.articles.append(article)
        return article

    @property
    def shelves(self) -> tuple[Shelf, ...]:
        return (self.wewe, self.we_mp, self.wechat2rss, self.rsshub)

    def settings(self, *providers: str, **more: Any) -> dict[str, Any]:
        """Of the source, for these providers in this order."""
        of = {
            "wewe-rss": {"wewe_url": f"{self.url}/wewe"},
            "we-mp-rss": {"we_mp_url": f"{self.url}/wemp/"},
            "wechat2rss": {"wechat2rss_url": f"{self.url}/w2r", "wechat2rss_token": self.token},
            "rsshub": {"rsshub_url": f"{self.url}/rsshub/wechat/{{biz}}"},
            "messages": {"messages_base_url": self.url, "messages_key": self.messages.key},
        }
        chosen: dict[str, Any] = {"providers": ",".join(providers), "article_base_url": self.url}
        for name in providers:
            chosen |= of[name]
        return chosen | more

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.5)  # type: ignore[arg-type]
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        first, _, rest = request.path.strip("/").partition("/")
        bridges: Mapping[str, tuple[Shelf, Callable[[Shelf, str, web.Request], web.Response]]] = {
            "wewe": (self.wewe, self._wewe),
            "wemp": (self.we_mp, self._we_mp),
            "w2r": (self.wechat2rss, self._wechat2rss),
            "rsshub": (self.rsshub, self._rsshub),
        }
        if request.path == "/api/v1/wechat/messages":
            return self.messages.answer(request)
        if first == "s":
            return self._page(rest, request)
        if first not in bridges:
            return web.Response(status=404)
        shelf, answer = bridges[first]
        self.visits += 1
        shelf.asked[f"/{rest}"] += 1
        if shelf.trouble:
            status, html = shelf.trouble
            return web.Response(status=status, text=html, content_type="text/html")
        return answer(shelf, rest, request)

    def _wewe(self, shelf: Shelf, path: str, request: web.Request) -> web.Response:
        if path == "feeds":
            return web.json_response([{"id": one.mp_wxs, "name": one.name, "intro": ""} for one in shelf.follows])
        id, _, format = path.removeprefix("feeds/").rpartition(".")
        account = self._followed(shelf, lambda one: one.mp_wxs == id)
        if account is None:
            return web.json_response({"statusCode": 400, "message": "不存在的 feed"}, status=400)
        articles = shelf.of(account)[: int(request.query.get("limit", 10))]
        return _document(*documents.wewe(account, articles, format, shelf.form, self.visits))

    def _we_mp(self, shelf: Shelf, path: str, _: web.Request) -> web.Response:
        if path == "rss":
            return _document(documents.accounts_as_feed(shelf.follows, f"{self.url}/wemp"), "application/xml")
        account = self._followed(shelf, lambda one: one.mp_wxs == path.removeprefix("rss/"))
        if account is None:
            return web.json_response({"code": 40401, "message": "not found", "data": None}, status=404)
        return _document(*documents.we_mp(account, shelf.of(account), shelf.form, self.visits))

    def _wechat2rss(self, shelf: Shelf, path: str, request: web.Request) -> web.Response:
        if request.query.get("k") != self.token:
            return web.json_response({"err": "token错误"})  # with 200, as it does
        if path == "list":
            rows = [{"id": one.number, "name": one.name} for one in shelf.follows]
            return web.json_response({"err": "", "data": rows})
        account = self._followed(shelf, lambda one: f"feed/{one.number}.xml" == path)
        if account is None:
            return web.Response(status=404, text="not found")
        return _document(*documents.wechat2rss(account, shelf.of(account), shelf.form, self.visits))

    def _rsshub(self, shelf: Shelf, path: str, _: web.Request) -> web.Response:
        wanted = unquote(path.removeprefix("wechat/"))
        account = self._followed(shelf, lambda one: wanted in (one.biz, one.name, one.number))
        if account is None:
            return web.Response(status=404, text="<html>NotFoundError: Page Not Found</html>", content_type="text/html")
        return _document(*documents.wechat2rss(account, shelf.of(account), shelf.form, self.visits))

    def _page(self, short: str, request: web.Request) -> web.Response:
        self.pages_read += 1
        if self.page_trouble:
            return web.Response(text=self.page_trouble, content_type="text/html")
        every = (one for account in self.accounts for one in account.articles)
        found = next((one for one in every if short == one.short), None)
        assert found, request.path_qs
        return web.Response(text=documents.page(found), content_type="text/html")

    @staticmethod
    def _followed(shelf: Shelf, wanted: Callable[[Account], bool]) -> Account | None:
        return next((one for one in shelf.follows if wanted(one)), None)


def _document(body: str, content_type: str) -> web.Response:
    return web.Response(text=body, content_type=content_type)
