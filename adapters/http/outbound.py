"""The connections to the outside and their doors: ``send`` and ``call`` out, ``fetch`` in.

Behind the doors is aiohttp; nothing of it shows, so that it can be exchanged without touching an adapter
(design, 7).  One session per kind of target: what one may reach never rubs off on another.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

from aiohttp import (
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from adapters.base import FeedFailed, FeedFault
from adapters.http import platform, trouble
from adapters.http.egress import Egress, SocketFactory
from adapters.http.inflate import Inflater, TooLarge
from adapters.http.resolver import Lookup, Resolver, system_lookup

CONNECT_SECONDS: Final = 5.0  # for TCP and TLS; looking the name up has its own five
HEAD_SECONDS: Final = CONNECT_SECONDS + 10  # until a feed's first byte (reliability 8.1)
STALL_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 30.0
MAX_ANSWER: Final = 64 * 1024  # bytes of an answer that are read (reliability 3.1)
MAX_WIRE: Final = 5 * 1024 * 1024  # bytes of a feed as they come, and as unpacked (reliability 8.1)
MAX_BODY: Final = 10 * 1024 * 1024
MAX_IDLE_HOSTS: Final = 256  # hosts to which connections are kept that nobody uses just now
MAX_CHECKED_URLS: Final = 16_384  # destinations whose address need not be parsed anew for each message

# Connecting bounds itself.  The rest of a fetch runs against one timer that is moved on, for timers are a good
# part of what a 304 costs; and requests out are given aiohttp's own.
_CONNECTING: Final = ClientTimeout(connect=2 * CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.  Names in ``headers`` match in any case; ``body`` ends after 64 KiB or where it broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """One hop's answer.  Names in ``headers`` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes  # unpacked; empty unless the status is 2xx
    url: str  # the normal form of what was asked for
    truncated: bool = False  # the body broke off, or what it was packed in is damaged


class NotSent(Exception):
    """Nothing of the request left.  ``code``: "dns", "connect", "connect_timeout", "tls" or "egress"."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class NoAnswer(Exception):
    """The request may have arrived.  ``code``: "timeout", "connection_lost" or "bad_answer"."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Outbound:
    """Opened once, around all that uses it: ``async with Outbound(...) as outbound``."""

    def __init__(
        self,
        egress: Egress,
        *,
        user_agent: str,
        send_connections: int = 64,
        fetch_connections: int = 64,
        lookup: Lookup = system_lookup,
    ) -> None:
        """``user_agent``: "Postbell/1.2 (+https://whom.to/ask)".  Connections: how many may be in use at once."""
        self.egress = egress
        self._user_agent = user_agent
        self._send_connections, self._fetch_connections = send_connections, fetch_connections
        self._lookup = lookup
        self._open = AsyncExitStack()
        self._checked = lru_cache(MAX_CHECKED_URLS)(self._check)
        self._feed_target = lru_cache(MAX_CHECKED_URLS)(lambda url: self.egress.target(url, "feed"))

    async def __aenter__(self) -> Self:
        self._resolver = Resolver(self._lookup)
        self._open.push_async_callback(self._resolver.close)
        guarded, inside = self.egress.socket_factory(), self.egress.socket_factory(inside_only=True)
        self._provider = await self._session(self._send_connections, None)
        self._webhook = await self._session(self._send_connections, guarded)
        self._plain_webhook = await self._session(self._send_connections, inside)  # http: only there
        self._feed = await self._session(self._fetch_connections, guarded, **{"Accept-Encoding": "gzip, deflate"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checked.cache_clear()
        await self._open.aclose()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float
    ) -> Answer:
        """One request to an address a user chose; redirects are an answer like any other.

        The answer counts from its status line on: when its body breaks off or is slow, what came is returned.
        ``timeout_seconds`` is for all of it, and connecting may take half of that.  Raises NotSent, NoAnswer.
        """
        try:
            session, target = self._checked(url)
        except ValueError as error:
            raise NotSent("egress", str(error)) from None
        return await _exchange(session, method, target, headers, body, timeout_seconds)

    async def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float
    ) -> Answer:
        """As ``send``, to an address the operator set: no check."""
        return await _exchange(self._provider, method, URL(url), headers, body, timeout_seconds)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """GET one hop of a feed; a redirect is for the caller to judge and to follow.  Raises FeedFailed."""
        try:
            target = self._feed_target(url)
        except ValueError as error:
            raise FeedFailed(FeedFault.BLOCKED, str(error)) from None
        try:
            async with asyncio.timeout(HEAD_SECONDS) as deadline:
                response = await self._feed.get(target, headers=headers, allow_redirects=False)
                body, truncated = await _document(response, deadline)
        except (ClientError, OSError) as error:
            what = trouble.read(error)
            raise FeedFailed(_FAULTS[what.code], what.reason) from error
        return Fetched(response.status, response.headers, body, str(target), truncated)

    async def download(self, url: str, headers: Mapping[str, str], *, max_bytes: int, timeout_seconds: float) -> Answer:
        """GET a file from an address the operator set; all of it.  Raises TooLarge, NoAnswer."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return Answer(*await platform.file(self._resolver, self._user_agent, url, headers, max_bytes))
        except (ClientError, OSError) as error:
            what = trouble.read(error)
            raise NoAnswer(what.code, what.reason) from error

    def websocket(self, url: str) -> AbstractAsyncContextManager[platform.Socket]:
        """Open one to an address that an operator's platform gave.  Raises NoConnection when none comes about."""
        return platform.websocket(self._resolver, self._user_agent, url)

    def _check(self, url: str) -> tuple[ClientSession, URL]:
        target = self.egress.target(url, "webhook")
        return (self._webhook if target.scheme == "https" else self._plain_webhook), target

    async def _session(self, connections: int, socket_factory: SocketFactory | None, **headers: str) -> ClientSession:
        session = ClientSession(
            connector=_Connector(
                limit=connections,
                resolver=self._resolver,
                use_dns_cache=False,  # the resolver has one for all sessions
                socket_factory=socket_factory,
            ),
            timeout=_CONNECTING,
            headers={"User-Agent": self._user_agent, **headers},
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=DummyCookieJar(),
        )
        return await self._open.enter_async_context(session)


async def _exchange(
    session: ClientSession,
    method: str,
    target: URL,
    headers: Mapping[str, str],
    body: bytes,
    timeout_seconds: float,
) -> Answer:
    try:
        response = await session.request(
            method,
            target,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=_deadline(timeout_seconds),
        )
    except (ClientError, OSError) as error:
        what = trouble.read(error)
        raise (NoAnswer if what.sent else NotSent)(what.code, what.reason) from error
    return Answer(response.status, response.headers, await _beginning(response))


@lru_cache(16)
def _deadline(seconds: float) -> ClientTimeout:
    """Exact (aiohttp would round up to whole seconds), with connecting over before all is over."""
    half = seconds / 2
    return ClientTimeout(
        total=seconds,
        connect=min(2 * CONNECT_SECONDS, half),
        sock_connect=min(CONNECT_SECONDS, half),
        ceil_threshold=seconds + 1,
    )


async def _beginning(response: ClientResponse) -> bytes:
    """Up to MAX_ANSWER bytes of the body, as far as they come.  A connection with more on it is closed."""
    content = response.content
    body = b""
    try:
        while len(body) < MAX_ANSWER and not content.at_eof():
            body += await content.readany()
    except (ClientError, OSError):
        response.close()
    if not content.at_eof():
        response.close()
    return body[:MAX_ANSWER]


async def _document(response: ClientResponse, deadline: asyncio.Timeout) -> tuple[bytes, bool]:
    """The unpacked body of a feed and whether it is cut short.  Raises FeedFailed, ClientError, TimeoutError."""
    if response.status == 304:
        return b"", False
    if not 200 <= response.status < 300:
        await _beginning(response)  # so that the connection can be used again
        return b"", False
    try:
        return await _unpacked(response, deadline)
    except TooLarge:
        raise FeedFailed(FeedFault.TOO_LARGE, "the feed is too large", status=response.status) from None
    finally:
        if not response.content.at_eof():
            response.close()


async def _unpacked(response: ClientResponse, deadline: asyncio.Timeout) -> tuple[bytes, bool]:
    if (response.content_length or 0) > MAX_WIRE:
        raise TooLarge
    inflater = Inflater(response.headers.get("Content-Encoding", ""), MAX_BODY)
    body = bytearray()
    truncated = False
    try:
        async for piece in _pieces(response, deadline):
            body += inflater.feed(piece)
    except ClientPayloadError:
        truncated = True
    body += inflater.finish()
    return bytes(body), truncated or inflater.broken


async def _pieces(response: ClientResponse, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The body as it comes, each piece in its time.  Raises TooLarge, ClientError, TimeoutError."""
    loop, content, size = asyncio.get_running_loop(), response.content, 0
    end = loop.time() + FETCH_SECONDS
    while not content.at_eof():
        deadline.reschedule(min(end, loop.time() + STALL_SECONDS))
        piece = await content.readany()
        size += len(piece)
        if size > MAX_WIRE:
            raise TooLarge
        yield piece


_FAULTS: Final = {
    "dns": FeedFault.DNS,
    "connect": FeedFault.CONNECT,
    "connect_timeout": FeedFault.TIMEOUT,
    "connection_lost": FeedFault.CONNECT,
    "tls": FeedFault.TLS,
    "egress": FeedFault.BLOCKED,
    "timeout": FeedFault.TIMEOUT,
    "bad_answer": FeedFault.HTTP,
}


class _Connector(TCPConnector):
    """Bounds the idle connections.

    aiohttp keeps any number of them for 15 s; a thousand receivers in that time would use up the process's files.
    """

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        if len(self._conns) > MAX_IDLE_HOSTS:
            oldest = next(iter(self._conns))  # a host moves to the end when its last idle connection is taken
            for idle, _ in self._conns.pop(oldest):
                idle.close()
