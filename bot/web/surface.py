"""A surface is one public API: its routes, who may call, and how errors are worded.

Every request goes the same way: authenticate → limit → read → handler → JSON.  Handlers return values and raise errors
that say what is wrong; what becomes of them is written here once, and in the surface's wording.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import msgspec
import structlog
from aiohttp import web

from bot.errors import Conflict, Invalid, LimitReached, NoCredits, NotFound, Unavailable, UserError
from bot.metrics import Metrics
from bot.rules import buckets
from bot.usecases import idempotency
from bot.usecases.codes import TooManyCodes
from bot.usecases.idempotency import Answer
from bot.usecases.keys import KeyHolder
from bot.web import wire
from bot.web.bodies import read_body
from bot.web.keys import Door, Forbidden, Standing, TooManyFailures, Unauthorised
from storage.database import StorageError

BODY_SECONDS = 10.0
TRY_AGAIN_SECONDS = 5

log = structlog.get_logger("web")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in, read."""

    account_id: int
    user_id: str  # the account, as APIs show it
    key_id: int
    address: str  # the caller's, in the network
    path: Mapping[str, str]
    body: Any = None  # of the route's ``body``; of one that ``takes`` something, the bytes
    media_type: str = ""  # of those bytes, as the caller says
    query: Any = None  # of the route's ``query``
    operation: str = ""  # "POST /phones/{phoneNumber}"
    once_key: str = ""  # the Idempotency-Key, where the route takes one and the caller sent one
    key_prefix: str = ""  # by which people know the key


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: what is served, and what is published of it."""

    method: str
    path: str  # "/phones/{phoneNumber}"
    handler: Callable[[Call], Awaitable[Any]]
    summary: str
    answer: Any  # a msgspec Struct, or a list of one; None: a file
    status: int = 200
    body: type[msgspec.Struct] | None = None
    takes: Mapping[str, Any] = field(default_factory=dict)  # instead of ``body``: types by media type, for the handler
    limit: int = 0  # bytes of what it ``takes``
    query: type[msgspec.Struct] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)  # of the path: what each is
    errors: Mapping[int, Sequence[str]] = field(default_factory=dict)  # by status: what may be said
    description: str = ""  # what the summary leaves out
    media_type: str = ""  # of a file that is the answer, instead of JSON
    once: bool = False  # takes an Idempotency-Key: what is asked again under the same one is done once

    @property
    def name(self) -> str:
        return self.handler.__name__


@dataclass(frozen=True, slots=True)
class Download:
    """A file as an answer; it is closed when it has been sent."""

    name: str
    media_type: str
    file: BinaryIO = field(repr=False)


class Refusal(UserError):
    """A handler's own answer, where no other error fits."""

    def __init__(self, status: int, text: str, **more: str) -> None:
        super().__init__(text, **more)
        self.status = status


class Wording(Protocol):
    """How a surface says what is wrong."""

    checks_values: bool  # what the types of fields say beyond their kind is checked before handlers are called

    def body(self, status: int, text: str, error: Exception | None = None) -> Any:
        """What is sent as JSON.  ``error``: what knows more than its text."""

    def not_an_object(self) -> str: ...
    def missing(self, field: str) -> str: ...
    def wrong_type(self, field: str, kind: str) -> str: ...
    def bad_value(self, field: str, reason: str) -> str: ...


STATUSES: Mapping[type[UserError], int] = {
    Invalid: 400,
    LimitReached: 400,
    NoCredits: 402,
    NotFound: 404,
    Conflict: 409,
    TooManyCodes: 429,
    Unavailable: 503,
}
REFUSED = {
    401: "Unauthorized",
    403: "Forbidden",
    408: "request timeout",
    413: "request body is too large",
    415: "content encoding is not supported",
    429: "rate limit exceeded",
    500: "Internal server error",
    503: "not available, try again later",
}


class Entrance(Protocol):
    """Who may come in, and how often: ``Door``, or what stands before it."""

    async def holder(self, request: web.Request) -> KeyHolder:
        """Raises Unauthorised, Forbidden, TooManyFailures, StorageError."""

    async def take_turn(self, key_id: int) -> buckets.Rate:
        """Raises Unauthorised, StorageError."""

    def standing(self, address: str) -> Standing: ...
    def address(self, request: web.Request) -> str: ...


KEYS: Mapping[str, Mapping[str, str]] = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


class Surface:
    """``title``: in the published document.  ``statuses``: of errors that this surface answers otherwise.

    ``prefixes``: of all its paths; what is asked below one and not there is refused in its wording, too.
    ``security``: the ways to say who calls, by name, as OpenAPI describes them; any one will do.  ``challenge``: the
    header ``WWW-Authenticate`` of its 401.
    """

    always_ok = False  # errors stand in the body and have status 200, too, and who calls is told by the request itself

    def __init__(
        self,
        title: str,
        routes: Sequence[Route],
        *,
        door: Entrance,
        wording: Wording,
        metrics: Metrics,
        statuses: Mapping[type[UserError], int] = STATUSES,
        prefixes: Sequence[str] = (),
        security: Mapping[str, Mapping[str, str]] = KEYS,
        challenge: str = "",
    ) -> None:
        self.title, self.routes, self.wording, self.prefixes = title, tuple(routes), wording, prefixes
        self.security = security
        self._door, self._metrics, self._statuses = door, metrics, statuses
        self._challenge = challenge

    def mount(self, app: web.Application) -> None:
        for route in self.routes:
            serve = self._serving(route)
            app.router.add_route(route.method, route.path, serve)
            if route.method == "GET":
                app.router.add_route("HEAD", route.path, serve)

    def errors_of(self, route: Route) -> Mapping[int, Sequence[str]]:
        """By status: its own, and those that its fields may have."""
        found = {status: list(texts) for status, texts in route.errors.items()}
        fields = [one for model in (route.body, route.query) if model for one in wire.fields(model)]
        if route.body:
            found.setdefault(400, []).append(self.wording.not_an_object())
        for one in fields:
            texts = [self.wording.missing(one.name)] if one.required else []
            found.setdefault(400, []).extend([*texts, self.wording.wrong_type(one.name, wire.KINDS[one.type])])
        if route.once:
            for status, text in ((400, BAD_KEY), (409, idempotency.UNREADABLE), (422, idempotency.USED)):
                found.setdefault(status, []).append(text)
        return found

    def _serving(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            response = await self._answer(route, request)
            self._metrics.requests.labels(route.path, request.method, response.status).inc()
            return response

        return serve

    async def _answer(self, route: Route, request: web.Request) -> web.Response:
        told: Standing | None = None
        try:
            holder = await self._door.holder(request)
            rate = await self._door.take_turn(holder.key_id)
            told = Standing(buckets.SIZE, rate.remaining, rate.reset)
            if not rate.allowed:
                response = self._refused(429, retry_after=rate.retry_after)
            else:
                call = await self._read(route, request, holder)
                response = _answered(route.status, await route.handler(call))
        except Exception as error:
            response = self._failed(error, route)
        told = told or self._door.standing(self._door.address(request))
        response.headers.update(told.headers())
        return response

    async def _read(self, route: Route, request: web.Request, holder: KeyHolder) -> Call:
        if not all(map(str.isprintable, request.match_info.values())):
            raise web.HTTPNotFound  # nothing is called so, and PostgreSQL takes no NUL
        body: Any = None
        query = None
        exact = self.wording.checks_values
        if route.takes:
            body = await read_body(request, route.limit)
        if route.body:
            body = wire.take(route.body, await self._object(route.body, request), exact=exact)
        if route.query:
            query = wire.take_query(route.query, _single(request, route.query), exact=exact)
        whose = (holder.account_id, holder.user_id, holder.key_id)
        once_key = _once_key(request) if route.once else ""
        more = (f"{route.method} {route.path}", once_key, holder.prefix)
        address = self._door.address(request)
        return Call(*whose, address, request.match_info, body, request.content_type, query, *more)

    async def _object(self, model: type[msgspec.Struct], request: web.Request) -> dict[str, Any]:
        """Raises NotAnObject, Refusal."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refusal(415, REFUSED[415])
        try:
            async with asyncio.timeout(BODY_SECONDS):  # nothing else ends a body that drips
                raw = await request.read()
        except TimeoutError:
            raise Refusal(408, REFUSED[408]) from None
        if not raw and not any(field.required for field in wire.fields(model)):
            return {}  # nothing to say
        return wire.read_object(raw)

    # What went wrong

    def _failed(self, error: Exception, route: Route) -> web.Response:
        match error:
            case Unauthorised():
                return self._refused(401)
            case Forbidden():
                return self._refused(403)
            case TooManyFailures():
                return self._refused(429, retry_after=60)
            case wire.NotAnObject():
                return self._worded(400, self.wording.not_an_object())
            case wire.WrongType():
                return self._worded(400, self.wording.wrong_type(error.field, error.kind), error=error)
            case wire.Missing():
                return self._worded(400, self.wording.missing(error.field), error=error)
            case wire.BadValue():
                return self._worded(400, self.wording.bad_value(error.field, error.reason), error=error)
            case Refusal():
                return self._worded(error.status, str(error), error=error)
            case TooManyCodes():
                after = max(1, int(error.after.total_seconds()))
                return self._worded(self._status(error), str(error), retry_after=after, error=error)
            case Unavailable():
                return self._worded(503, str(error), retry_after=TRY_AGAIN_SECONDS, error=error)
            case UserError():
                return self._worded(self._status(error), str(error), error=error)
            case StorageError():
                log.warning("storage failed", route=route.path, method=route.method, reason=str(error))
                return self._refused(503, retry_after=TRY_AGAIN_SECONDS)
            case web.HTTPException():
                return (
                    self._refused(error.status) if error.status in REFUSED else self._worded(error.status, error.reason)
                )
        return self._broken(error, route)

    def _status(self, error: UserError) -> int:
        return next(self._statuses[kind] for kind in type(error).__mro__ if kind in self._statuses)

    def _broken(self, error: Exception, route: Route) -> web.Response:
        """A fault of ours: callers get a name under which the log has it, and nothing else."""
        trace = secrets.token_hex(8)
        log.error("request failed", route=route.path, method=route.method, trace=trace, exc_info=error)
        response = self._refused(500)
        response.headers["X-Request-Id"] = trace
        return response

    def _refused(self, status: int, *, retry_after: int | None = None) -> web.Response:
        return self._worded(status, REFUSED[status], retry_after=retry_after)

    def _worded(
        self, status: int, text: str, *, retry_after: int | None = None, error: Exception | None = None
    ) -> web.Response:
        response = _json(status, self.wording.body(status, text, error))
        if status == 401 and self._challenge:
            response.headers["WWW-Authenticate"] = self._challenge
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response


def tell_standing(door: Door) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """For an application's ``on_response_prepare``: what matches no route says as much of limits as what does."""

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        if request.match_info.http_exception is not None:
            response.headers.update(door.standing(door.address(request)).headers())

    return tell


def unknown_paths(surfaces: Sequence[Surface]) -> Any:
    """Middleware: what is below a surface's prefix and not there, or asked otherwise than it takes, is refused in that
    surface's wording."""
    own = {route.path: surface for surface in surfaces for route in surface.routes if surface.prefixes}
    below = {prefix: surface for surface in surfaces for prefix in surface.prefixes}
    longest_first = sorted(below, key=len, reverse=True)

    def whose(path: str) -> Surface | None:
        found = (below[prefix] for prefix in longest_first if f"{path}/".startswith(f"{prefix}/"))
        return own.get(path) or next(found, None)

    @web.middleware
    async def refuse(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if (surface := whose(request.path)) is None:
                raise
            response = _json(error.status, surface.wording.body(error.status, error.reason))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response

    return refuse


_encode = msgspec.json.Encoder().encode


def as_json(value: Any) -> bytes:
    """As every answer is written."""
    return _encode(value)


def _answered(status: int, value: Any) -> web.Response:
    if isinstance(value, Download):
        headers = {"Content-Disposition": f'attachment; filename="{value.name}"', "Cache-Control": "no-store"}
        return web.Response(status=status, body=value.file, content_type=value.media_type, headers=headers)
    if not isinstance(value, Answer):
        return _json(status, value)
    response = web.Response(status=value.status, body=value.body, content_type="application/json")
    if value.again:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=_encode(value), content_type="application/json")


BAD_KEY = "Idempotency-Key must be 1 to 255 printable ASCII characters"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def _once_key(request: web.Request) -> str:
    """Empty: none was sent.  Raises Refusal."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return ""
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Refusal(400, BAD_KEY, field="Idempotency-Key")
    return given[0]


def _single(request: web.Request, model: type[msgspec.Struct]) -> dict[str, str]:
    """A query's fields; one that stands twice says nothing certain.  Raises WrongType."""
    for field_ in wire.fields(model):
        if len(request.query.getall(field_.name, [])) > 1:
            raise wire.WrongType(field_.name, wire.KINDS[field_.type])
    return dict(request.query)
