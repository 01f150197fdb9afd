"""Names to addresses, so that a slow name delays nobody but those who ask for it (reliability 7.2).

The system's lookup blocks a thread and cannot be called off.  It therefore has threads of its own, one lookup
per name at a time that all who ask share, and a limit on how long anyone waits for it.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

Lookup = Callable[[str], Sequence[str]]
"""A name's addresses, best first; may block.  Raises OSError."""

LOOKUP_SECONDS = 5.0
REMEMBERED_SECONDS = 30.0
MAX_REMEMBERED = 4096
MAX_ADDRESSES = 6  # of one name: each may be dialled in turn, so a long answer would make us knock on many doors
THREADS = 16


def system_lookup(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(address[0]) for _, _, _, _, address in found]


class Resolver(AbstractResolver):
    """What aiohttp's connectors ask; shared by all of them, and their own caches are off."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dns")
        self._running: dict[str, asyncio.Future[Sequence[str]]] = {}
        self._known: dict[str, tuple[float, Sequence[str]]] = {}  # until when (loop time), addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 our connectors always want both
    ) -> list[ResolveResult]:
        addresses = await self._addresses(host)
        if not addresses:
            raise OSError(socket.EAI_NONAME, "no address")
        return [_result(host, address, port) for address in addresses[:MAX_ADDRESSES]]

    async def _addresses(self, host: str) -> Sequence[str]:
        now = asyncio.get_running_loop().time()
        until, addresses = self._known.get(host, (0.0, ()))
        if now < until:
            return addresses
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await asyncio.shield(self._running.get(host) or self._start(host))
        except TimeoutError:
            raise OSError(socket.EAI_AGAIN, "no answer in time") from None
        except UnicodeError:  # the system's own idea of what a name is
            raise OSError(socket.EAI_NONAME, "not a name") from None

    def _start(self, host: str) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        running = self._running[host] = loop.run_in_executor(self._threads, self._lookup, host)

        def finish(done: asyncio.Future[Sequence[str]]) -> None:
            del self._running[host]
            if not done.cancelled() and done.exception() is None:
                self._remember(host, loop.time() + REMEMBERED_SECONDS, done.result())

        running.add_done_callback(finish)
        return running

    def _remember(self, host: str, until: float, addresses: Sequence[str]) -> None:
        self._known.pop(host, None)
        if len(self._known) >= MAX_REMEMBERED:
            del self._known[next(iter(self._known))]  # the one looked up longest ago
        self._known[host] = until, addresses

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
