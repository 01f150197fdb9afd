"""A small HTTP/1.1 client for many small requests: connections that stay open, each used by one request at a time.

It follows no redirects, keeps no cookies, knows no proxies and sends nothing twice: a request whose connection broke
may have arrived, and whether it is sent again is for the caller to judge (reliability 3.4).
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import Any, Final

from aiohttp.abc import AbstractResolver

from adapters.http.answer import Answer, NoAnswer, NotSent
from adapters.http.connection import Connection
from adapters.http.egress import EgressDenied, SocketFactory
from adapters.http.request import Origin, Target, encode

CONNECT_SECONDS: Final = 5.0  # for TCP and TLS; waiting for a turn and looking the name up have as much again
KEEP_SECONDS: Final = 15.0  # an unused connection
MAX_IDLE: Final = 256  # unused connections; those to a thousand receivers would use up the process's files


def any_socket(candidate: tuple[Any, ...]) -> socket.socket:
    """For addresses nobody but the operator chose."""
    family, kind, protocol, *_ = candidate
    return socket.socket(family, kind, protocol)


@lru_cache(1)
def system_tls() -> ssl.SSLContext:
    """Whom the system trusts (or SSL_CERT_FILE names).  Made when first needed: it takes tens of milliseconds."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Client:
    """One for each kind of target: what one may reach never rubs off on another."""

    def __init__(
        self,
        resolver: AbstractResolver,
        socket_factory: SocketFactory = any_socket,
        *,
        connections: int,
        kind: type[Connection] = Connection,
    ) -> None:
        """``socket_factory``: makes the socket for an address, or raises EgressDenied.

        ``connections``: how many may be in use at once; further requests wait for their turn.
        """
        self._resolver, self._socket_factory, self._kind = resolver, socket_factory, kind
        self._turns = asyncio.Semaphore(connections)
        self._loop = asyncio.get_running_loop()
        self._all: set[Connection] = set()
        self._idle: dict[Origin, dict[Connection, None]] = {}  # in the order in which they were left
        self._idle_count = 0
        self._closed = False

    async def exchange(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        """``seconds`` is for all of it, and connecting may take half of that.

        Raises NotSent, NoAnswer; ValueError for a method or header field that must not be sent.
        """
        request = encode(method, target, headers, body)
        now = self._loop.time()
        connect_until = now + min(2 * CONNECT_SECONDS, seconds / 2)
        await self._turn(connect_until)
        try:
            kept = self._take(target.origin)
            connection = kept or await self._connect(target.origin, connect_until)
            try:
                answer = await connection.ask(request, now + seconds)
            except BaseException as error:
                connection.close()
                if isinstance(error, NoAnswer):
                    error.kept = kept is not None
                raise
            if connection.reusable:
                self._keep(target.origin, connection)
            else:
                connection.close()
            return answer
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Break off what still runs, too."""
        self._closed = True
        for connection in self._all:
            connection.close()
        if self._all:
            await asyncio.wait([connection.lost for connection in self._all])

    async def _turn(self, until: float) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError:
            raise NotSent("connect_timeout") from None

    # --- connections kept -------------------------------------------------------------------------------------

    def _take(self, origin: Origin) -> Connection | None:
        """The one used last, for it is the likeliest to be still open."""
        while kept := self._idle.get(origin):
            connection = next(reversed(kept))
            self._forget(origin, connection)
            if connection.is_up():
                return connection
            connection.close()
        return None

    def _keep(self, origin: Origin, connection: Connection) -> None:
        self._idle.setdefault(origin, {})[connection] = None
        self._idle_count += 1
        connection.rest(self._loop.time() + KEEP_SECONDS)
        if self._idle_count > MAX_IDLE:
            stalest = next(iter(self._idle))
            given_up = next(iter(self._idle[stalest]))
            self._forget(stalest, given_up)
            given_up.close()

    def _forget(self, origin: Origin, connection: Connection) -> None:
        kept = self._idle.get(origin, {})
        if connection in kept:
            del kept[connection]
            self._idle_count -= 1
            if not kept:
                del self._idle[origin]

    def _lost(self, origin: Origin, connection: Connection, _: asyncio.Future[None]) -> None:
        self._all.discard(connection)
        self._forget(origin, connection)

    # --- connections made -------------------------------------------------------------------------------------

    async def _connect(self, origin: Origin, until: float) -> Connection:
        try:
            async with asyncio.timeout_at(until) as patience:
                addresses = await self._addresses(origin.host)
                until = min(until, self._loop.time() + CONNECT_SECONDS)
                patience.reschedule(until)
                connection = await self._attach(await self._dial(addresses, origin.port, until), origin)
        except TimeoutError:
            raise NotSent("connect_timeout") from None
        if self._closed:
            connection.close()
        if not connection.is_open():
            raise NotSent("connect", "no connection: it was closed at once")
        self._all.add(connection)
        connection.lost.add_done_callback(partial(self._lost, origin, connection))
        return connection

    async def _addresses(self, host: str) -> list[tuple[socket.AddressFamily, str]]:
        try:
            literal = ip_address(host)
        except ValueError:
            pass
        else:
            return [(socket.AF_INET if literal.version == 4 else socket.AF_INET6, host)]
        try:
            found = await self._resolver.resolve(host)
        except OSError:
            raise NotSent("dns") from None
        return [(socket.AddressFamily(one["family"]), one["host"]) for one in found]

    async def _dial(self, addresses: list[tuple[socket.AddressFamily, str]], port: int, until: float) -> socket.socket:
        """One address after the other, none longer than its share of the time.  A refusal outweighs a failure."""
        denied, failure = False, OSError()
        for left, (family, host) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return await self._open(family, host, port, (until - self._loop.time()) / left)
            except EgressDenied:
                denied = True
            except OSError as error:
                failure = error
        if denied:
            raise NotSent("egress")
        if isinstance(failure, TimeoutError):
            raise NotSent("connect_timeout")
        raise NotSent("connect", f"no connection: {os.strerror(failure.errno) if failure.errno else 'refused'}")

    async def _open(self, family: socket.AddressFamily, host: str, port: int, seconds: float) -> socket.socket:
        opened = self._socket_factory((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)))
        try:
            opened.setblocking(False)
            async with asyncio.timeout(seconds):
                await self._loop.sock_connect(opened, (host, port))
        except BaseException:
            opened.close()
            raise
        return opened

    async def _attach(self, opened: socket.socket, origin: Origin) -> Connection:
        try:
            _, connection = await self._loop.create_connection(
                lambda: self._kind(opened),
                sock=opened,
                ssl=system_tls() if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException as error:
            opened.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise NotSent("tls", f"the certificate is not accepted: {error.verify_message}") from None
            if isinstance(error, OSError):
                raise NotSent("tls") from None
            raise
        return connection
