"""What platforms need beside ``Outbound.call``: a WebSocket, answers that are files, and answers without an end.

All are rare, so each opens a session of aiohttp for itself.  Nothing of it shows, but for the errors of ``file``,
which its door translates.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    DummyCookieJar,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from adapters.http import trouble
from adapters.http.inflate import TooLarge

CONNECT_SECONDS: Final = 10.0  # handshakes included
CLOSE_SECONDS: Final = 2.0
MAX_MESSAGE: Final = 4 * 1024 * 1024

_PATIENT: Final = ClientTimeout(total=None, connect=CONNECT_SECONDS)


class NoConnection(Exception):
    """No WebSocket came about, or it was lost.  The text says why, and not where."""


class HandshakeRefused(NoConnection):
    """The server answered, and not with a WebSocket.  Names in ``headers`` match in any case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"the server refused the connection with {status}")
        self.status, self.headers = status, headers


class Socket:
    """An open WebSocket for binary messages.  Sending may overlap with receiving."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes | None:
        """The next message; None when the connection has ended.  What is not binary is passed over."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                data: bytes = message.data
                return data
        return None

    async def send(self, message: bytes) -> None:
        """Raises NoConnection."""
        try:
            await self._socket.send_bytes(message)
        except (ClientError, OSError) as error:
            raise NoConnection("the connection was lost") from error


class Stream:
    """An answer that goes on and on.  Names in ``headers`` match in any case."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """Until the other side ends it.  Raises NoConnection when it breaks off or falls silent."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (ClientError, OSError) as error:
            raise NoConnection(trouble.read(error).reason) from error

    async def beginning(self, most: int) -> bytes:
        """The first bytes, for an answer that is a refusal.  Raises NoConnection."""
        try:
            return await self._response.content.read(most)
        except (ClientError, OSError) as error:
            raise NoConnection(trouble.read(error).reason) from error


@asynccontextmanager
async def stream(
    resolver: AbstractResolver, user_agent: str, url: str, headers: Mapping[str, str], silence_seconds: float
) -> AsyncIterator[Stream]:
    """Raises NoConnection when none comes about."""
    timeout = ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=silence_seconds)
    async with _session(resolver, user_agent, timeout) as session:
        try:
            response = await session.get(URL(url, encoded=True), headers=headers, allow_redirects=False)
        except (ClientError, OSError, ValueError) as error:
            raise NoConnection(trouble.read(error).reason) from None
        try:
            yield Stream(response)
        finally:
            response.close()


@asynccontextmanager
async def websocket(resolver: AbstractResolver, user_agent: str, url: str) -> AsyncIterator[Socket]:
    """Raises NoConnection when none comes about."""
    async with _session(resolver, user_agent) as session:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await session.ws_connect(URL(url), max_msg_size=MAX_MESSAGE)
        except WSServerHandshakeError as error:
            raise HandshakeRefused(error.status, error.headers or {}) from None
        except (ClientError, OSError, ValueError) as error:
            reason = "an address of another kind" if isinstance(error, ValueError) else trouble.read(error).reason
            raise NoConnection(reason) from None
        try:
            yield Socket(socket)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await socket.close()


async def file(
    resolver: AbstractResolver, user_agent: str, url: str, headers: Mapping[str, str], max_bytes: int
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and the whole body.  Raises TooLarge, ClientError, OSError."""
    async with (
        _session(resolver, user_agent) as session,
        session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response,
    ):
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > max_bytes:
                raise TooLarge
        return response.status, response.headers, bytes(body)


def _session(resolver: AbstractResolver, user_agent: str, timeout: ClientTimeout = _PATIENT) -> ClientSession:
    return ClientSession(
        connector=TCPConnector(resolver=resolver, use_dns_cache=False),
        connector_owner=True,
        timeout=timeout,
        headers={"User-Agent": user_agent},
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
        trust_env=False,
        cookie_jar=DummyCookieJar(),
    )
