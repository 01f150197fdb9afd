"""A webhook receiver that listens on a real socket, keeps what it gets and misbehaves as told.

In a test: ``async with Receiver(secret) as receiver``.  As a process of its own:
``python -m tests.fakes.receiver --secret whsec_… [--port N]`` prints its address, then one line per request.
"""

import argparse
import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

from aiohttp import web

from adapters.signatures import BadSignature, verify
from bot.clock import Clock, utc_now

Trick = Literal["none", "hang", "reset", "drip", "endless", "huge", "short", "not_http", "redirect_loop"]

HUGE_BYTES: Final = 100 * 1024 * 1024


@dataclass
class Path:
    """How requests to one path are answered: by ``statuses`` in order, then by 200."""

    statuses: list[int] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"thank you"
    delay_seconds: float = 0.0
    trick: Trick = "none"


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    id: str  # webhook-id
    body: bytes
    headers: Mapping[str, str]
    at: datetime
    verified: bool


class Receiver:
    """Answers 401 to what is not signed with ``secret``; without one nothing is verified."""

    def __init__(
        self,
        secret: str = "",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock = utc_now,
        seen: Callable[[Received], None] | None = None,
    ) -> None:
        """``seen`` is called for each request; without it they are kept in ``received``."""
        self.secret = secret
        self.received: list[Received] = []
        self.counts: Counter[str] = Counter()  # requests per webhook-id
        self._paths: dict[str, Path] = {}
        self._host, self.port = host, port
        self._clock, self._seen = clock, seen or self.received.append
        self._closing = asyncio.Event()

    def url(self, path: str = "/hook") -> str:
        return f"http://{self._host}:{self.port}{path}"

    def behave(self, path: str = "/hook", **how: Any) -> str:
        """Set how a path behaves, by ``Path``'s fields, and return its address."""
        self._paths[path] = Path(**how)
        return self.url(path)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message_id = request.headers.get("webhook-id", "")
        verified = self._verified(request.headers, body)
        self.counts[message_id] += 1
        self._seen(Received(request.path, message_id, body, request.headers, self._clock(), verified))
        if self.secret and not verified:
            return web.Response(status=401, text="bad signature")
        how = self._paths.get(request.path, Path())
        if how.delay_seconds:
            await self._rest(how.delay_seconds)
        if how.trick != "none":
            return await self._misbehave(request, how)
        status = how.statuses.pop(0) if how.statuses else 200
        return web.Response(status=status, headers=how.headers, body=how.body)

    def _verified(self, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            verify([self.secret.encode()] if self.secret else [], headers, body, self._clock())
        except BadSignature:
            return False
        return True

    async def _misbehave(self, request: web.Request, how: Path) -> web.StreamResponse:
        if how.trick == "redirect_loop":
            return web.Response(status=307, headers={"Location": str(request.url)})
        if how.trick == "hang":
            await self._rest(3600)
        elif how.trick in ("endless", "huge", "drip"):
            await self._stream(request, how.trick)
        else:
            _write_raw(request, _RAW[how.trick])
        return web.Response()  # into a connection that is closed by now

    async def _stream(self, request: web.Request, trick: Trick) -> None:
        response = web.StreamResponse()
        if trick == "huge":
            response.content_length = HUGE_BYTES
        await response.prepare(request)
        piece = b"." if trick == "drip" else b"." * 65536
        left = HUGE_BYTES if trick == "huge" else sys.maxsize
        with contextlib.suppress(ConnectionError):
            while left > 0 and not self._closing.is_set():
                await response.write(piece[:left])
                left -= len(piece)
                await self._rest(0.02 if trick == "drip" else 0)

    async def _rest(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the test."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()


_RAW: Final[Mapping[Trick, bytes]] = {
    "reset": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
    "not_http": b"220 mail.example.com ESMTP\r\n",
}


def _write_raw(request: web.Request, data: bytes) -> None:
    assert request.transport is not None
    request.transport.write(data)
    request.transport.close()


async def _serve(secret: str, port: int) -> None:
    def show(one: Received) -> None:
        print(f"{one.at:%H:%M:%S} {'ok ' if one.verified else 'BAD'} {one.id} {one.body.decode(errors='replace')}")

    async with Receiver(secret, port=port, seen=show) as receiver:
        print(receiver.url(), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    options = argparse.ArgumentParser(description="Show the webhooks that arrive, and whether they are signed.")
    options.add_argument("--secret", default="", help="whsec_…; without it nothing is verified")
    options.add_argument("--port", type=int, default=0)
    given = options.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.secret, given.port))


if __name__ == "__main__":
    main()
