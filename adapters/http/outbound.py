"""The connections to the outside and their doors: ``send`` and ``call`` out, ``fetch`` and ``consult`` in.

Behind these is a client of our own, which takes a fraction of what aiohttp's does for a small request (design, 7);
nothing of it shows, so that it can be exchanged without touching an adapter.  One for each kind of target: what one
may reach never rubs off on another.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

from aiohttp import ClientError
from msgspec import Struct
from yarl import URL

from adapters.base import FeedFailed, FeedFault
from adapters.http import platform, trouble
from adapters.http.answer import Answer, NoAnswer, NotSent
from adapters.http.client import Client, any_socket
from adapters.http.connection import Connection
from adapters.http.documents import HEAD_SECONDS, Document, DocumentConnection
from adapters.http.egress import MAX_URL, Egress, SocketFactory
from adapters.http.inflate import Inflater, TooLarge
from adapters.http.request import Target, target
from adapters.http.resolver import Lookup, Resolver, system_lookup

MAX_BODY: Final = 10 * 1024 * 1024  # bytes of a feed, unpacked (reliability 8.1)
MAX_CHECKED_URLS: Final = 16_384  # destinations whose address need not be parsed anew for each message
MAX_CHECKED_ORIGINS: Final = 4_096  # of feeds; their own addresses come round too seldom to be remembered

# An address that is in normal form as it stands, for a look at its characters: parsing it costs a tenth of a poll.
_PLAIN: Final = re.compile(
    r"(https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-9][0-9]*+)?)(/[\w/=&,:@~.-]*+(?:\?[\w/?=&,:@~.-]++)?)", re.ASCII
)


class Fetched(Struct, frozen=True, gc=False):
    """One hop's answer.  Names in ``headers`` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes  # unpacked; of a ``fetch`` empty unless the status is 2xx
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
        self._feed_origin = lru_cache(MAX_CHECKED_ORIGINS)(self._check_origin)

    async def __aenter__(self) -> Self:
        self._resolver = Resolver(self._lookup)
        self._open.push_async_callback(self._resolver.close)
        guarded = self.egress.socket_factory()
        self._provider = self._client(any_socket, self._send_connections)
        self._webhook = self._client(guarded, self._send_connections)
        inside = self.egress.socket_factory(inside_only=True)
        self._plain_webhook = self._client(inside, self._send_connections)  # http: only there
        self._feed = self._client(guarded, self._fetch_connections, DocumentConnection)
        self._consulted = self._client(any_socket, self._fetch_connections, DocumentConnection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checked.cache_clear()
        self._feed_origin.cache_clear()
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
            address, feed = self._feed_target(url)
        except ValueError as error:
            raise FeedFailed(FeedFault.BLOCKED, str(error)) from None
        document = await self._document(self._feed, feed, headers)
        if not 200 <= document.status < 300:
            return Fetched(document.status, document.headers, b"", address)
        return _fetched(document, address)

    async def consult(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Fetched:
        """As ``fetch``, from an address the operator set: no check, and what is refused comes with its body.

        ``body``: of a question that has to be put as a POST.
        """
        try:
            consulted = target(URL(url, encoded=True), self._user_agent)
        except ValueError as error:
            raise FeedFailed(FeedFault.BLOCKED, str(error)) from None
        return _fetched(await self._document(self._consulted, consulted, headers, body), url)

    async def _document(
        self, client: Client, asked: Target, headers: Mapping[str, str], body: bytes | None = None
    ) -> Document:
        """Asked for twice when the server may have closed the connection while the request was on its way."""
        headers = {**headers, "Accept-Encoding": "gzip, deflate"}
        method = "GET" if body is None else "POST"
        try:
            try:
                answer = await client.exchange(method, asked, headers, body or b"", HEAD_SECONDS)
            except NoAnswer as error:
                if not (error.kept and error.code == "connection_lost"):
                    raise
                answer = await client.exchange(method, asked, headers, body or b"", HEAD_SECONDS)
        except (NotSent, NoAnswer) as error:
            raise FeedFailed(_FAULTS[error.code], str(error)) from error
        assert isinstance(answer, Document)  # by the kind of its connections
        return answer

    async def download(self, url: str, headers: Mapping[str, str], *, max_bytes: int, timeout_seconds: float) -> Answer:
        """GET a file from an address the operator set; all of it.  Raises TooLarge, NoAnswer."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return Answer(*await platform.file(self._resolver, self._user_agent, url, headers, max_bytes))
        except (ClientError, OSError) as error:
            what = trouble.read(error)
            raise NoAnswer(what.code, what.reason) from error

    def stream(
        self, url: str, headers: Mapping[str, str], *, silence_seconds: float
    ) -> AbstractAsyncContextManager[platform.Stream]:
        """GET an answer without an end from an address the operator set.

        ``silence_seconds`` without a byte are its end.  Raises NoConnection when none comes about.
        """
        return platform.stream(self._resolver, self._user_agent, url, headers, silence_seconds)

    def websocket(self, url: str) -> AbstractAsyncContextManager[platform.Socket]:
        """Open one to an address that an operator's platform gave.  Raises NoConnection when none comes about."""
        return platform.websocket(self._resolver, self._user_agent, url)

    def _check(self, url: str) -> tuple[Client, Target]:
        checked = self.egress.target(url, "webhook")
        client = self._webhook if checked.scheme == "https" else self._plain_webhook
        return client, target(checked, self._user_agent)

    def _feed_target(self, url: str) -> tuple[str, Target]:
        """With the normal form of the address.  Raises ValueError."""
        if len(url) <= MAX_URL and "/." not in url and (plain := _PLAIN.fullmatch(url)):
            origin, path = plain.groups()
            if there := self._feed_origin(origin):
                return url, there.at(path)
        checked = self.egress.target(url, "feed")
        return str(checked), target(checked, self._user_agent)

    def _check_origin(self, origin: str) -> Target | None:
        """None: it is spelt otherwise in normal form."""
        checked = self.egress.target(f"{origin}/", "feed")
        return target(checked, self._user_agent) if str(checked) == f"{origin}/" else None

    def _client(self, socket_factory: SocketFactory, connections: int, kind: type[Connection] = Connection) -> Client:
        client = Client(self._resolver, socket_factory, connections=connections, kind=kind)
        self._open.push_async_callback(client.close)
        return client


def _fetched(document: Document, url: str) -> Fetched:
    """With the body as it was before it was packed; of a refusal its beginning is enough.  Raises FeedFailed."""
    inflater = Inflater(document.headers.get("Content-Encoding", ""), MAX_BODY)
    try:
        if document.too_large and 200 <= document.status < 300:
            raise TooLarge
        body = inflater.feed(document.body) + inflater.finish()
    except TooLarge:
        raise FeedFailed(FeedFault.TOO_LARGE, "the feed is too large", status=document.status) from None
    truncated = not document.complete or document.too_large or inflater.broken
    return Fetched(document.status, document.headers, body, url, truncated)


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
