"""The connections to the outside and their doors: ``send`` and ``call`` out, ``fetch`` in.

Behind ``fetch`` is aiohttp, behind the others a client of our own, which takes a fraction of the CPU for a small
request (design, 7); nothing of either shows, so that each can be exchanged without touching an adapter.  One for
each kind of target: what one may reach never rubs off on another.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
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
from adapters.http import trouble
from adapters.http.answer import MAX_ANSWER, Answer, NotSent
from adapters.http.client import CONNECT_SECONDS, Client, any_socket
from adapters.http.egress import Egress, SocketFactory
from adapters.http.inflate import Inflater, TooLarge
from adapters.http.request import Target, target
from adapters.http.resolver import Lookup, Resolver, system_lookup

HEAD_SECONDS: Final = CONNECT_SECONDS + 10  # until a feed's first byte (reliability 8.1)
STALL_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 30.0
MAX_WIRE: Final = 5 * 1024 * 1024  # bytes of a feed as they come, and as unpacked (reliability 8.1)
MAX_BODY: Final = 10 * 1024 * 1024
MAX_IDLE_HOSTS: Final = 256  # hosts to which connections are kept that nobody uses just now
MAX_CHECKED_URLS: Final = 16_384  # destinations whose address need not be parsed anew for each message

# Connecting bounds itself.  The rest of a fetch runs against one timer that is moved on, for timers are a good
# part of what a 304 costs.
_CONNECTING: Final = ClientTimeout(connect=2 * CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One hop's answer.  Names in ``headers`` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes  # unpacked; empty unless the status is 2xx
    url: str  # the normal form of what was asked for
    truncated: bool = False  # the body broke off, or what it was packed in is damaged


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
        guarded = self.egress.socket_factory()
        self._provider = self._client(any_socket)
        self._webhook = self._client(guarded)
        self._plain_webhook = self._client(self.egress.socket_factory(inside_only=True))  # http: only there
        self._feed = await self._session(guarded)
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
        ``timeout_seconds`` is for all of it, and connecting may take half of that.  Raises NotSent, NoAnswer;
        ValueError for a header field that must not be sent.
        """
        try:
            client, checked = self._checked(url)
        except ValueError as error:
            raise NotSent("egress", str(error)) from None
        return await client.exchange(method, checked, headers, body, timeout_seconds)

    async def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float
    ) -> Answer:
        """As ``send``, to an address the operator set: no check."""
        try:
            called = target(URL(url), self._user_agent)
        except ValueError as error:
            raise NotSent("egress", str(error)) from None
        return await self._provider.exchange(method, called, headers, body, timeout_seconds)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """GET one hop of a feed; a redirect is for the caller to judge and to follow.  Raises FeedFailed."""
        try:
            feed = self._feed_target(url)
        except ValueError as error:
            raise FeedFailed(FeedFault.BLOCKED, str(error)) from None
        try:
            async with asyncio.timeout(HEAD_SECONDS) as deadline:
                response = await self._feed.get(feed, headers=headers, allow_redirects=False)
                body, truncated = await _document(response, deadline)
        except (ClientError, OSError) as error:
            what = trouble.read(error)
            raise FeedFailed(_FAULTS[what.code], what.reason) from error
        return Fetched(response.status, response.headers, body, str(feed), truncated)

    def _check(self, url: str) -> tuple[Client, Target]:
        checked = self.egress.target(url, "webhook")
        client = self._webhook if checked.scheme == "https" else self._plain_webhook
        return client, target(checked, self._user_agent)

    def _client(self, socket_factory: SocketFactory) -> Client:
        client = Client(self._resolver, socket_factory, connections=self._send_connections)
        self._open.push_async_callback(client.close)
        return client

    async def _session(self, socket_factory: SocketFactory) -> ClientSession:
        session = ClientSession(
            connector=_Connector(
                limit=self._fetch_connections,
                resolver=self._resolver,
                use_dns_cache=False,  # the resolver has one for all
                socket_factory=socket_factory,
            ),
            timeout=_CONNECTING,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=DummyCookieJar(),
        )
        return await self._open.enter_async_context(session)


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
