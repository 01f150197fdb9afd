"""A page of the console: every request goes guard → session → handler → HTML.

Handlers return values and raise errors that say what is wrong; what becomes of them is written here once.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web

from bot.clock import Clock
from bot.errors import Conflict, Invalid, LimitReached, NoCredits, NotFound, Unavailable, UserError
from bot.metrics import Metrics
from bot.rules import texts
from bot.rules.command_words import LANGUAGES
from bot.usecases.codes import TooManyCodes
from bot.usecases.console import signing_in
from bot.usecases.console.signing_in import Browser, Visitor
from bot.version import VERSION
from bot.web.console import dressing
from bot.web.console.forms import Form, natural
from bot.web.console.guard import Guard
from storage.database import Database, StorageError

FOLDER = Path(__file__).parent
BODY_SECONDS = 10.0
LARGEST_FORM = 256 * 1024
LIVE_SECONDS = 0.6  # between two looks for a page that shows what happens
LIVE_LONGEST = 900.0  # then the browser asks anew, with its session
LIVE_MOST = 64  # pages at once that one process keeps up to date
LIVE_EACH = 12  # of one session
THEMES = ("light", "dark")
LAST = 2**62  # above every id

log = structlog.get_logger("console")
Who = Literal["anyone", "account", "operator"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A template with what it shows.  ``status`` 422: a form that must be filled in anew."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Goto:
    """Look at another page of ours.  ``session``: the token of one that begins; empty: the present one ends."""

    path: str
    session: str | None = None
    choices: Mapping[str, str] = field(default_factory=dict)  # of looks, to be remembered


@dataclass(frozen=True, slots=True)
class File:
    """Something to keep."""

    name: str
    body: bytes | BinaryIO  # a file is closed when it has been sent
    media_type: str


Result = Shown | Goto | File
Handler = Callable[["Visit"], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Page:
    """One route.  ``live``: asked for as an event stream, it is sent again whenever it has changed."""

    method: str
    path: str  # below /console
    handler: Handler
    who: Who = "account"
    live: bool = False
    largest: int = LARGEST_FORM  # bytes of a form


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in."""

    request: web.Request
    visitor: Visitor | None
    language: str
    theme: str  # "": as the browser likes it
    address: str
    guard: Guard

    @property
    def account_id(self) -> int:
        """Of whoever is signed in; pages for anyone must not ask."""
        assert self.visitor is not None
        return self.visitor.account_id

    @property
    def browser(self) -> Browser:
        return Browser(self.address, self.request.headers.get("User-Agent", ""))

    @property
    def at_home(self) -> bool:
        """The browser runs on this very machine."""
        return self.address.startswith("127.") or self.address == "::1"

    @property
    def partial(self) -> bool:
        """Only a part of a page is wanted."""
        return self.request.headers.get("HX-Request") == "true"

    def say(self, text: str, n: int | None = None, /, **values: str | int) -> str:
        return texts.console(self.language, text, n, **values)

    def number(self, name: str) -> int:
        """Of the path.  Raises NotFound."""
        if (found := natural(self.request.match_info[name])) is None:
            raise NotFound(self.say("error.nothing_here"))
        return found

    @property
    def below(self) -> int:
        """Where the page of a list begins: its ids are below that."""
        found = natural(self.asked("before"))
        return LAST if found is None else found

    def asked(self, name: str) -> str:
        """Of the query; empty: nothing."""
        return self.request.query.get(name, "").replace("\0", "")[:2000]

    async def form(self) -> Form:
        """Raises Invalid."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                posted = await self.request.post()
        except TimeoutError:
            raise Invalid("the form did not arrive in time") from None
        except ValueError:
            raise Invalid("the form cannot be read") from None
        return Form(posted)


STATUSES: Mapping[type[UserError], int] = {
    Invalid: 422,
    LimitReached: 403,
    NoCredits: 402,
    NotFound: 404,
    Conflict: 409,
    TooManyCodes: 429,
    Unavailable: 503,
}


class Forbidden(UserError):
    """Only operators see this."""


class Frame:
    """Serves pages below /console.  ``address``: who asks, in the network."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        base_url: str,
        address: Callable[[web.Request], str],
        shown: Mapping[str, Any],
    ) -> None:
        """``shown``: what every template may show of the installation."""
        self._database, self._clock, self._metrics, self._address = database, clock, metrics, address
        self.guard = Guard(base_url)
        self._shown = {"version": VERSION, "languages": texts.NAMES, "base_url": base_url, **shown}
        self._streams: dict[asyncio.Task[Any], int] = {}  # by the session that watches

    def application(self, pages: Sequence[Page]) -> web.Application:
        """To be mounted at /console."""
        app = web.Application(middlewares=[self._around()])
        environment = aiohttp_jinja2.setup(
            app,
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(self._shown)
        environment.filters.update(dressing.FILTERS)
        for page in pages:
            app.router.add_route(page.method, page.path, self._serving(page))
        app.router.add_static("/static", FOLDER / "static", append_version=False)
        app.on_shutdown.append(self._hang_up)
        return app

    async def _hang_up(self, _app: web.Application) -> None:
        for task in list(self._streams):
            task.cancel()

    def _around(self) -> Any:
        @web.middleware
        async def around(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
            kept = request.path.startswith("/console/static/")
            try:
                response = await handler(request)
            except web.HTTPException as error:
                visit = await self._visit(request)
                response = self._error(visit, error.status, visit.say("error.nothing_here"))
            if not response.prepared:
                self.guard.protect(response, kept=kept and response.status == 200)
            return response

        return around

    def _serving(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            response = await self._answer(page, request)
            self._metrics.requests.labels(f"/console{page.path}", request.method, response.status).inc()
            return response

        return serve

    async def _answer(self, page: Page, request: web.Request) -> web.StreamResponse:
        visit = Visit(request, None, _language(request, self.guard), "", self._address(request), self.guard)
        try:
            if not self.guard.may_change(request):
                return self._error(visit, 403, visit.say("error.other_origin"))
            visit = await self._visit(request)
            if page.who != "anyone" and visit.visitor is None:
                return self._sign_in_first(visit)
            if page.who == "operator" and not (visit.visitor and visit.visitor.operator):
                raise Forbidden(visit.say("error.operators_only"))
            if page.largest != LARGEST_FORM:
                visit = replace(visit, request=request.clone(client_max_size=page.largest))
            if page.live and "text/event-stream" in request.headers.get("Accept", ""):
                return await self._stream(page, visit)
            return self._result(visit, await page.handler(visit))
        except Exception as error:
            return self._failed(visit, error, page)

    async def _visit(self, request: web.Request, *, watching: bool = False) -> Visit:
        """``watching``: nobody has done anything, a page that stands open asks.  Raises StorageError."""
        visitor = None
        if token := self.guard.token(request):
            visitor = await self._database.read(signing_in.visitor, token)
            if visitor and visitor.stale and not watching:
                await self._database.write(signing_in.seen, visitor.session_id)
        theme = self.guard.choice(request, "theme")
        return Visit(
            request,
            visitor,
            _language(request, self.guard),
            theme if theme in THEMES else "",
            self._address(request),
            self.guard,
        )

    # What becomes of a result

    def _result(self, visit: Visit, result: Result) -> web.Response:
        if isinstance(result, Shown):
            return self._html(visit, result)
        if isinstance(result, File):
            headers = {"Content-Disposition": f'attachment; filename="{result.name}"'}
            return web.Response(body=result.body, content_type=result.media_type, headers=headers)
        return self._redirect(visit, result)

    def _html(self, visit: Visit, shown: Shown) -> web.Response:
        text = aiohttp_jinja2.render_string(shown.template, visit.request, self._values(visit, shown.values))
        return web.Response(text=text, content_type="text/html", status=shown.status)

    def _values(self, visit: Visit, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "visit": visit,
            "visitor": visit.visitor,
            "say": visit.say,
            "now": self._clock(),
            "path": visit.request.path,
            "done": _done(visit),
            "plain": not self.guard.secure,
            **values,
        }

    def _redirect(self, visit: Visit, goto: Goto) -> web.Response:
        if visit.partial:  # a redirect would be followed, and its page put where the part belongs
            response = web.Response(status=204, headers={"HX-Redirect": goto.path})
        else:
            response = web.Response(status=303, headers={"Location": goto.path})
        if goto.session:
            self.guard.keep(response, goto.session)
        elif goto.session is not None:
            self.guard.drop(response)
        for name, value in goto.choices.items():
            self.guard.keep_choice(response, name, value)
        return response

    def _sign_in_first(self, visit: Visit) -> web.Response:
        if visit.request.method != "GET" or visit.partial:
            if visit.partial:
                return web.Response(status=401, headers={"HX-Redirect": "/console/sign-in"})
            return self._redirect(visit, Goto("/console/sign-in"))
        if "text/event-stream" in visit.request.headers.get("Accept", ""):
            return web.Response(status=204)  # the browser asks no more
        return self._redirect(visit, Goto(f"/console/sign-in?to={dressing.quoted(visit.request.path_qs)}"))

    # Pages that show what happens

    async def _stream(self, page: Page, visit: Visit) -> web.StreamResponse:
        """The handler's part of a page, each time that it has changed.  Costs what is looked at, not what happens."""
        session = visit.visitor.session_id if visit.visitor else 0
        if len(self._streams) >= LIVE_MOST or list(self._streams.values()).count(session) >= LIVE_EACH:
            return web.Response(status=204)  # the page stays as it is
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        self.guard.protect(response, kept=False)
        await response.prepare(visit.request)
        task = asyncio.create_task(self._tell(page, visit, response))
        self._streams[task] = session
        task.add_done_callback(self._streams.pop)
        await asyncio.wait([task])
        return response

    async def _tell(self, page: Page, visit: Visit, response: web.StreamResponse) -> None:
        told, loop = "", asyncio.get_running_loop()
        until = loop.time() + LIVE_LONGEST
        try:
            while loop.time() < until and _is_there(visit.request):
                result = await page.handler(visit)
                assert isinstance(result, Shown)
                text = aiohttp_jinja2.render_string(result.template, visit.request, self._values(visit, result.values))
                if text != told:
                    lines = "".join(f"data: {line}\n" for line in text.splitlines())
                    await response.write(f"{lines}\n".encode())
                    told = text
                elif int(loop.time() / LIVE_SECONDS) % 25 == 0:
                    await response.write(b":\n\n")  # whether anybody is still there
                await asyncio.sleep(LIVE_SECONDS)
                visit = await self._visit(visit.request, watching=True)
                if visit.visitor is None:
                    break
        except (ConnectionError, StorageError, UserError):  # UserError: what is shown is there no more
            return
        except Exception as error:
            log.error("a live page broke", route=page.path, exc_info=error)

    # What went wrong

    def _failed(self, visit: Visit, error: Exception, page: Page) -> web.Response:
        match error:
            case Forbidden():
                return self._error(visit, 403, str(error))
            case UserError():
                status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
                return self._error(visit, status, worded(visit, error))
            case StorageError():
                log.warning("storage failed", route=page.path, method=page.method, reason=str(error))
                return self._error(visit, 503, visit.say("error.storage"))
            case web.HTTPRequestEntityTooLarge():
                return self._error(visit, 413, visit.say("error.too_large"))
            case web.HTTPException():
                return self._error(visit, error.status, visit.say("error.nothing_here"))
        trace = secrets.token_hex(8)
        log.error("a page failed", route=page.path, method=page.method, trace=trace, exc_info=error)
        return self._error(visit, 500, visit.say("error.broken", trace=trace))

    def _error(self, visit: Visit, status: int, text: str) -> web.Response:
        if visit.partial:
            response = self._html(visit, Shown("parts/notice.html", {"text": text, "kind": "bad"}, status))
            response.headers["HX-Retarget"] = "#notices"
            response.headers["HX-Reswap"] = "innerHTML"
            return response
        return self._html(visit, Shown("error.html", {"text": text, "status": status}, status))


def _is_there(request: web.Request) -> bool:
    """Whether the browser still listens."""
    return request.transport is not None and not request.transport.is_closing()


def worded(visit: Visit, error: UserError) -> str:
    """What went wrong, in the visitor's language where we have words for it."""
    if error.code and texts.has_console(f"error.{error.code}"):
        return visit.say(f"error.{error.code}")
    return " – ".join(filter(None, [str(error), error.hint]))


def _done(visit: Visit) -> str:
    """What was just done, said on the page that comes after it."""
    told = visit.request.query.get("done", "")
    return visit.say(f"done.{told}") if told and texts.has_console(f"done.{told}") else ""


def _language(request: web.Request, guard: Guard) -> str:
    """The one that was chosen, else the first of the browser's that we speak."""
    if (chosen := guard.choice(request, "language")) in LANGUAGES:
        return chosen
    for one in request.headers.get("Accept-Language", "").split(",")[:20]:
        if found := texts.matching(one.partition(";")[0]):
            return found
    return "en"
