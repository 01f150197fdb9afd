"""Calls of the Open API: with a token that is fetched once for all, and renewed when it is refused (feishu.md 2)."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from yarl import URL

from adapters.base import Ambiguous, SendError, Suspended, TryAgain
from adapters.channels.feishu import codes
from adapters.channels.feishu.codes import Said
from adapters.channels.feishu.flights import Flights
from adapters.channels.feishu.settings import Config, setting
from adapters.http import Answer, NoAnswer, NotSent, Outbound

TOKEN_PATH: Final = "/open-apis/auth/v3/tenant_access_token/internal"  # noqa: S105 (a path)
TOKEN_SECONDS: Final = 5.0
CALL_SECONDS: Final = 10.0
EARLY_SECONDS: Final = 600.0  # before its end a token is renewed

JSON: Final = "application/json; charset=utf-8"


class OpenApi:
    """One app's calls.  Calls may overlap."""

    def __init__(
        self, outbound: Outbound, name: str, config: Config, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """``name``: the channel's, for errors that name a setting."""
        self._outbound, self._name, self._config, self._monotonic = outbound, name, config, monotonic
        self._token, self._renew_at, self._ends_at = "", 0.0, 0.0
        self._flights: Flights[str] = Flights()

    def need_app(self) -> None:
        """Raises Suspended when no app is set up."""
        for field in ("app_id", "app_secret"):
            if not getattr(self._config, field):
                raise Suspended(f"{setting(self._name, field)} is not set", code="not_set_up")

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = JSON,
        writes: bool = False,
        seconds: float = CALL_SECONDS,
        now: datetime | None = None,
        attempt: int = 1,
    ) -> Said:
        """The answer, always a good one.  Raises SendError.

        ``path``: after the domain, "/open-apis/…".  ``writes``: a second call could do what the first did already,
        so that silence is Ambiguous.  ``now`` and ``attempt``: of the message, for how long to wait.
        """
        headers = {"Content-Type": content_type} if body else {}
        url = str(URL(self._config.base_url + path, encoded=True).with_query(query or {}))
        said = await self._once(method, url, headers, body, seconds, writes=writes)
        if said.code in codes.RENEW:
            self.forget_token()
            said = await self._once(method, url, headers, body, seconds, writes=writes)
        if not said.good:
            raise codes.failure(said, now, attempt=attempt, writes=writes)
        return said

    async def authorization(self) -> Mapping[str, str]:
        """The header that names us.  Raises SendError."""
        return {"Authorization": f"Bearer {await self._current()}"}

    def forget_token(self) -> None:
        """It was refused."""
        self._token = ""

    async def close(self) -> None:
        await self._flights.close()

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float, *, writes: bool
    ) -> Said:
        return codes.read(
            await call(self._outbound, method, url, {**headers, **await self.authorization()}, body, seconds, writes)
        )

    async def _current(self) -> str:
        now = self._monotonic()
        if self._token and now < self._renew_at:
            return self._token
        self.need_app()
        try:
            return await self._flights.join("token", self._fetch)
        except TryAgain:
            if self._token and self._monotonic() < self._ends_at:  # the old one is still good
                return self._token
            raise

    async def _fetch(self) -> str:
        asked = self._monotonic()
        body = msgspec.json.encode({"app_id": self._config.app_id, "app_secret": self._config.app_secret})
        url = self._config.base_url + TOKEN_PATH
        answer = await call(self._outbound, "POST", url, {"Content-Type": JSON}, body, TOKEN_SECONDS, writes=False)
        said = codes.read(answer)
        token, lasts = said.document.get("tenant_access_token"), said.document.get("expire")
        if not said.good:
            raise _without_response(codes.failure(said, None, writes=False))
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or type(lasts) is not int:
            raise TryAgain("the platform's answer holds no token", code="bad_answer", status=answer.status)
        self._token, self._ends_at = token, asked + lasts
        self._renew_at = asked + max(lasts - EARLY_SECONDS, lasts / 2)
        return token


async def call(
    outbound: Outbound,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    seconds: float,
    writes: bool,
) -> Answer:
    """One request to the platform.  Raises TryAgain, and Ambiguous when silence may hide that it was done."""
    try:
        return await outbound.call(method, url, headers, body, timeout_seconds=seconds)
    except NotSent as error:
        raise TryAgain(str(error), code=error.code) from None
    except NoAnswer as error:
        raise (Ambiguous if writes else TryAgain)(str(error), code=error.code) from None


def message_body(fields: Mapping[str, Any]) -> bytes:
    """A body whose ``content`` is JSON within JSON, as the Open API wants it (feishu.md 3)."""
    content = msgspec.json.encode(fields["content"]).decode()
    return msgspec.json.encode({**fields, "content": content})


def _without_response(error: SendError) -> SendError:
    """What answers a request for a token is not to be kept."""
    error.response = ""
    return error
