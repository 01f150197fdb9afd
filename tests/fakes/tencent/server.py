"""The server: takes signed requests as the platform's REST interface does, and answers 200 whatever it has to say."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from hashlib import sha256
from json import JSONDecodeError, dumps, loads
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, web

from adapters.signatures import usersig
from adapters.sources.tencent import Config
from bot.clock import Clock, utc_now
from tests.fakes.tencent.model import Account, Body, Refused

KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
SDKAPPID, ADMINISTRATOR = 1_400_000_000, "administrator"
SERVICE = "official_account_open_http_svc"
CALLBACK_TOKEN, SENT = "a-callback-token", "OfficialAccount.CallbackAfterSendMsg"


@dataclass
class FakeTencent:
    """``async with FakeTencent(clock) as tencent``: ``account`` makes official accounts, ``fail`` scripts trouble."""

    clock: Clock = utc_now
    sdkappid: int = SDKAPPID
    administrators: set[str] = field(default_factory=lambda: {ADMINISTRATOR})
    accounts: dict[str, Account] = field(default_factory=dict)
    requests: list[tuple[str, Body]] = field(default_factory=list)  # command and body of those that were let in
    signatures: list[str] = field(default_factory=list)  # of all requests
    knows_names: bool = True
    fast: timedelta = timedelta(0)  # by which its clock is before ours
    content_type: str = "application/json"
    _script: deque[int | str] = field(default_factory=deque)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def config(self, **changes: Any) -> Config:
        """Settings that fit."""
        given: dict[str, Any] = {
            "base_url": self.url,
            "sdkappid": self.sdkappid,
            "secret_key": KEY,
            "identifier": ADMINISTRATOR,
        }
        return Config(**(given | changes))

    def account(self, name: str = "news") -> Account:
        """An official account; the same one for the same name."""
        return self.accounts.setdefault(f"@TOA#_{name}", Account(f"@TOA#_{name}", name.title()))

    def send(self, account: Account, *bodies: Any) -> None:
        """Messages that are there now."""
        for body in bodies:
            account.send(self._now.timestamp(), body)

    def fail(self, *how: int | str) -> None:
        """The next requests meet these, one each: a code, "html" (a proxy's 502), "garbage", "cut" (the body breaks
        off), "slow down" (429), "" (nothing)."""
        self._script.extend(how)

    async def call(self, url: str, account: Account, token: str = CALLBACK_TOKEN) -> int:
        """Tell a webhook that the account has sent a message; the status of its answer."""
        time = str(int(self._now.timestamp()))
        query = {
            "SdkAppid": str(self.sdkappid),
            "CallbackCommand": SENT,
            "contenttype": "json",
            "ClientIP": "127.0.0.1",
        }
        query |= {"OptPlatform": "RESTAPI", "RequestTime": time, "Sign": sha256(f"{token}{time}".encode()).hexdigest()}
        newest = account.messages[-1]
        body = {"CallbackCommand": SENT, "Official_Account": account.id, "MsgKey": newest.key, "MsgBody": newest.body}
        async with ClientSession() as session, session.post(url, params=query, json=body) as answer:
            return answer.status

    @property
    def pulls(self) -> int:
        return sum(command.endswith("msg_get_simple") for command, _ in self.requests)

    @property
    def _now(self) -> Any:
        return self.clock() + self.fast

    # --- The interface ---

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {"Date": format_datetime(self._now, usegmt=True)}
        if not request.path.startswith("/v4/"):
            return web.Response(status=404, text="not found", headers=headers)
        self.signatures.append(request.query.get("usersig", ""))
        how = self._script.popleft() if self._script else ""
        if how == "html":
            return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
        if how == "slow down":
            return web.Response(status=429, headers={"Retry-After": "7"})
        if how == "garbage":
            return web.Response(text="it works!")
        try:
            if isinstance(how, int):
                raise Refused(how, f"as told, with {request.query.get('usersig', '')}")
            document = await self._answer(request)
        except Refused as refused:
            document = {"ActionStatus": "FAIL", "ErrorCode": refused.code, "ErrorInfo": str(refused)}
        body = dumps(document).encode()
        if how == "cut":
            headers["Content-Length"] = str(len(body) + 100)
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(body)
            assert request.transport
            request.transport.close()
            return response
        return web.Response(body=body, content_type=self.content_type, headers=headers)

    async def _answer(self, request: web.Request) -> Body:
        _, _, service, command = [*request.path.split("/"), "", ""][:4]
        if request.method != "POST":
            raise Refused(60002, "HTTP method must be POST")
        if service != SERVICE:
            raise Refused(60009, "no such command")
        self._let_in(request)
        try:
            body = loads(await request.text())
        except JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise Refused(60003, "JSON parse error")
        self.requests.append((command, body))
        done = {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}
        if command == "official_account_msg_get_simple":
            return done | self._account(body).pull(body, self._now.timestamp())
        if command == "get_official_account_info" and self.knows_names:
            return done | {"OfficialAccountInfoList": [self._about(one) for one in body["OfficialAccountIdList"]]}
        raise Refused(10003, "Illegal Request Command Word")

    def _let_in(self, request: web.Request) -> None:
        query = request.query
        if query.get("sdkappid") != str(self.sdkappid):
            raise Refused(60006, "SDKAppID is not valid")
        if (
            not query.get("random", "").isdecimal()
            or int(query["random"]) >= 2**32
            or query.get("contenttype") != "json"
        ):
            raise Refused(60005, "a parameter of the address is missing")
        try:
            usersig.verify(query.get("usersig", ""), self.sdkappid, KEY, query.get("identifier", ""), self._now)
        except usersig.BadUserSig as error:
            raise Refused(error.code, str(error)) from None
        if query["identifier"] not in self.administrators:
            raise Refused(60010, "the account is no administrator")

    def _account(self, body: Body) -> Account:
        name = str(body.get("Official_Account", ""))
        if not name.startswith("@TOA#_"):
            raise Refused(10015, "Invalid Official Account User ID")
        account = self.accounts.get(name)
        if account is None or account.dissolved:
            raise Refused(10010, "Official Account User does not exist")
        return account

    def _about(self, wish: Body) -> Body:
        account = self._account(wish)
        face = f"{self.url}/{account.name}.png"
        return {"Official_Account": account.id, "Name": account.name, "FaceUrl": face, "Introduction": ""}
