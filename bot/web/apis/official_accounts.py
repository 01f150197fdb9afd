"""The official-account history API, word for word: followed feeds as official accounts of a Tencent Cloud Chat app.

Every answer has status 200; what went wrong stands in its envelope (sources-wechat.md A1 and A2).  Without
OFFICIAL_SDKAPPID whatever is asked is answered with 60006: there is no such app.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web

from adapters.signatures import usersig
from bot.clock import Clock, monotonic
from bot.metrics import Metrics
from bot.rules import buckets
from bot.rules import official as rules
from bot.rules.official import Element, Place
from bot.rules.plain_text import cut
from bot.usecases import official
from bot.web import wire as reading
from bot.web.apis import official_accounts_wire as wire
from bot.web.bodies import read_body
from bot.web.keys import Door, Failures, Recent
from bot.web.surface import Call, Route, Surface
from storage.database import Database, StorageError

SERVICE = "/v4/official_account_open_http_svc"
PATH = f"{SERVICE}/official_account_msg_get_simple"
ABOUT = f"{SERVICE}/get_official_account_info"
MOST_ASKED = 50  # accounts in one request
LARGEST_REQUEST = 64 * 1024
NO_NAME = "Official_Account is not the id of an official account"
LONGEST_NAME = 150  # characters
BODIES = 2_000  # messages that are kept made, 12 KiB each at most

_APP = re.compile(r"[0-9]{1,10}", re.ASCII)
_RANDOM = re.compile(r"[0-9]{1,10}", re.ASCII)

S = TypeVar("S", bound=msgspec.Struct)

log = structlog.get_logger("official accounts")


class Fault(Exception):
    """What is answered instead of a page; ``code``: of the document, or of the common table."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Wording:
    """An envelope; what is wrong with a field is 10004."""

    checks_values = False

    def body(self, status: int, text: str, error: Exception | None = None) -> wire.Failed:  # noqa: ARG002
        return wire.Failed(10004, text)

    def not_an_object(self) -> str:
        return "the body is no JSON object"

    def missing(self, field: str) -> str:
        return f"{field} is required"

    def wrong_type(self, field: str, kind: str) -> str:
        return f"{field} must be {'an integer' if kind == 'number' else f'a {kind}'}"

    def bad_value(self, field: str, reason: str) -> str:
        return f"{field}: {reason}"


class OfficialAccounts(Surface):
    """``app``: as which we are called; None: the API is off.  ``tick``: seconds, which only ever grow."""

    always_ok = True

    def __init__(
        self,
        database: Database,
        door: Door,
        clock: Clock,
        metrics: Metrics,
        app: rules.App | None,
        tick: Callable[[], float] = monotonic,
    ) -> None:
        routes = [
            Route(
                *("POST", PATH, self.history, "Messages of an official account, from the newest back", wire.History),
                body=wire.Pull,
                query=wire.Signed,
            ),
            Route(
                *("POST", ABOUT, self.about, "What official accounts are called, and their pictures", wire.Infos),
                body=wire.Ask,
                query=wire.Signed,
            ),
        ]
        super().__init__("Official-account history", routes, door=door, wording=Wording(), metrics=metrics)
        self._database, self._clock, self._app, self._tick = database, clock, app, tick
        self._failures, self._began = Failures(tick), (clock(), tick())
        self._full_at: datetime | None = None
        self._bodies: Recent[tuple[int, int], Sequence[Element]] = Recent(BODIES)

    def mount(self, app: web.Application) -> None:
        """Everything below /v4, for the envelope is the answer to what is not there, too."""
        for path in (PATH, ABOUT):
            app.router.add_route("POST", path, self._serve)
        for path in ("/v4", "/v4/{rest:.*}"):
            app.router.add_route("*", path, self._serve)

    def errors_of(self, route: Route) -> Mapping[int, Sequence[str]]:  # noqa: ARG002
        return {}

    async def _serve(self, request: web.Request) -> web.Response:
        answer = await self._envelope(request)
        method = request.method if request.method in ("GET", "POST") else "other"
        self._metrics.requests.labels(ABOUT if request.path == ABOUT else PATH, method, 200).inc()
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _envelope(self, request: web.Request) -> wire.History | wire.Infos:
        try:
            who = self._admitted(request)
            await self._take_turn(who)
            if request.path == ABOUT:
                return await self.about(_call(_asked(await _read(request, wire.Ask))))
            return await self.history(_call(_wanted(await _read(request, wire.Pull))))
        except (Fault, usersig.BadUserSig) as fault:
            return _failed(fault.code, str(fault))
        except official.NoAccount as error:
            return _failed(10010, str(error))
        except StorageError as error:
            log.warning("storage failed", reason=str(error))
            return _failed(10002, "internal error, please try again")
        except Exception as error:
            trace = secrets.token_hex(8)
            log.error("request failed", trace=trace, exc_info=error)
            return _failed(10002, f"internal error, please try again ({trace})")

    # Who may

    def _admitted(self, request: web.Request) -> rules.App:
        """As which app it is called.  Raises Fault, BadUserSig."""
        if self._app is None:
            raise Fault(60006, "SDKAppID is invalid: no official accounts are served here")
        _check_command(request)
        given = _Query(request)
        if given.sdkappid() != self._app.sdkappid:
            raise Fault(60006, "SDKAppID is invalid")
        who, signature = given.text("identifier"), given.text("usersig")
        try:
            usersig.verify(signature, self._app.sdkappid, self._app.secret, who, self._clock())
        except usersig.BadUserSig as bad:
            if bad.code != usersig.EXPIRED and self._failures.add(self._door.address(request)):
                raise Fault(70050, "UserSig verification failed too often, please wait a minute") from None
            raise
        if who not in self._app.admins:
            raise Fault(60010, "the identifier is no administrator of the app")
        given.check_rest()
        return self._app

    async def _take_turn(self, app: rules.App) -> None:
        """Raises Fault, StorageError."""
        if self._database.engine == "postgresql":
            rate = await self._database.write(official.take_turn, app.sdkappid)
        else:
            rate = buckets.take(self._full_at, self._steady_now(), rules.ONE, rules.WHOLE)
            self._full_at = rate.full_at
        if not rate.allowed:
            raise Fault(60007, "REST API call frequency exceeds 200 a second, please call less often")

    def _steady_now(self) -> datetime:
        """A time for measuring the rate: it goes on evenly when the clock is set."""
        began, at = self._began
        return began + timedelta(seconds=self._tick() - at)

    # The history

    async def history(self, call: Call) -> wire.History:
        """Raises NoAccount, StorageError."""
        wanted: official.Wanted = call.body
        listed = await self._database.read(official.page, wanted)
        bodies = await self._bodies_of([(one.id, one.version) for one in listed.messages if one.place is Place.WHOLE])
        messages = [_message(wanted.name, one, bodies.get((one.id, one.version))) for one in listed.messages]
        finished = int(listed.finished)
        return wire.History("OK", "", 0, wanted.name, finished, listed.last, messages)  # type: ignore[arg-type]

    async def about(self, call: Call) -> wire.Infos:
        """Raises NoAccount, StorageError."""
        found = await self._database.read(official.described, call.body)
        return wire.Infos("OK", "", 0, [_info(row) for row in found])

    async def _bodies_of(self, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Sequence[Element]]:
        found = {version: self._bodies[version] for version in wanted if version in self._bodies}
        if missing := [version for version in wanted if version not in found]:
            for version, body in (await self._database.read(official.bodies, missing)).items():
                found[version] = self._bodies[version] = body
        return found


def _message(account: str, message: official.Message, body: Sequence[Element] | None) -> wire.Message:
    place = message.place
    if body is None and place is Place.WHOLE:
        place = Place.HOLLOW  # it was taken back a moment ago
    at = int(message.at.timestamp())
    return wire.Message(account, int(place), list(body or ()), message.seq, message.key, at)  # type: ignore[arg-type]


def _info(account: official.Described) -> wire.Info:
    made, last = account.created_at, account.last_new_at
    return wire.Info(
        account.name,
        cut(account.title, LONGEST_NAME),
        int(made.timestamp()),
        int(last.timestamp()) if last else 0,
        "",
        account.image,
    )


# What was asked


def _check_command(request: web.Request) -> None:
    """Raises Fault."""
    if request.path not in (PATH, ABOUT):
        if request.path.startswith(f"{SERVICE}/"):
            raise Fault(10003, "illegal request command word")
        raise Fault(60009, "there is no such resource")
    if request.method != "POST":
        raise Fault(60002, "only POST is taken")


class _Query:
    """What stands behind the question mark; names that stand there twice say nothing certain."""

    def __init__(self, request: web.Request) -> None:
        self._values = request.query

    def sdkappid(self) -> int | None:
        """None: it is none.  Raises Fault."""
        given = self._single("sdkappid")
        if given is None:
            raise Fault(60012, "sdkappid is missing in the URL")
        return int(given) if _APP.fullmatch(given) else None

    def text(self, name: str) -> str:
        """Raises Fault."""
        given = self._single(name)
        if given is None or (not given and name == "identifier"):
            raise Fault(60004, f"{name} is missing in the URL")
        return given

    def check_rest(self) -> None:
        """Raises Fault."""
        number = self._single("random") or ""
        if not _RANDOM.fullmatch(number) or int(number) >= 2**32:
            raise Fault(60002, "random must be an integer from 0 to 4294967295")
        if self._single("contenttype") != "json":
            raise Fault(60002, "contenttype must be json")

    def _single(self, name: str) -> str | None:
        given = self._values.getall(name, [])
        return given[0] if len(given) == 1 else None


async def _read(request: web.Request, model: type[S]) -> S:
    """Whatever the content type says, the body is JSON.  Raises Fault."""
    try:
        given = reading.read_object(await read_body(request, LARGEST_REQUEST))
        return reading.take(model, given)
    except web.HTTPRequestTimeout:
        raise Fault(60008, "the body took too long") from None
    except web.HTTPException as error:
        raise Fault(60002, f"the request cannot be read: {error.reason}") from None
    except reading.NotAnObject:
        raise Fault(60003, Wording().not_an_object()) from None
    except reading.Missing as error:
        raise Fault(10004, Wording().missing(error.field)) from None
    except reading.WrongType as error:
        raise Fault(10004, Wording().wrong_type(error.field, error.kind)) from None


def _wanted(pull: wire.Pull) -> official.Wanted:
    """Raises Fault."""
    if not rules.is_name(pull.Official_Account):
        raise Fault(10015, NO_NAME)
    if pull.LastMsgKey and rules.seq_of(pull.LastMsgKey) is None:
        raise Fault(10004, "LastMsgKey is no MsgKey")
    number = rules.MOST if pull.ReqMsgNumber is None else pull.ReqMsgNumber
    if number < 1:
        raise Fault(10004, "ReqMsgNumber must be 1 or more")
    return official.Wanted(pull.Official_Account, pull.LastMsgKey or "", number, pull.WithRecalledMsg == 1)


def _asked(ask: wire.Ask) -> Sequence[str]:
    """Raises Fault."""
    listed: Sequence[Any] = ask.OfficialAccountIdList
    if not 1 <= len(listed) <= MOST_ASKED:
        raise Fault(10004, f"OfficialAccountIdList has 1 to {MOST_ASKED} accounts")
    return [_named(one) for one in listed]


def _named(one: Any) -> str:
    """Raises Fault."""
    name = one.get("Official_Account") if isinstance(one, dict) else None
    if not isinstance(name, str) or not rules.is_name(name):
        raise Fault(10015, NO_NAME)
    return name


def _call(body: Any) -> Call:
    return Call(0, "", 0, "", {}, body=body)


def _failed(code: int, reason: str) -> wire.History:
    return wire.History("FAIL", reason, code)
