"""As little HTTP/1.1 as the two ends of a measurement need, so that neither end becomes what is measured."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import cast

import uvloop

from bench.children import Answer, obey

EMPTY = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = EMPTY % b"404 Not Found"


def header(head: bytes, name: bytes) -> bytes:
    """A header's value; empty when there is none.  ``name`` in lower case."""
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    end = head.find(b"\r\n", at + 2)
    return head[at + len(name) + 3 : end if end > 0 else len(head)].strip()


class Exchange(asyncio.Protocol, ABC):
    """One connection: requests with a Content-Length or no body, answered in order."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head, start = data[:end], end + 4
            stop = start + int(header(head, b"content-length") or 0)
            if len(data) < stop:
                break
            self.request(head, data[start:stop])
            data = data[stop:]
        self._rest = data

    @abstractmethod
    def request(self, head: bytes, body: bytes) -> None:
        """``head``: request line and headers, without the empty line."""


def path_of(head: bytes) -> bytes:
    return head.split(b" ", 2)[1]


Order = Callable[..., Answer]


def serve(exchange: Callable[[], Exchange], orders: dict[str, Order]) -> None:
    """Listen on a free loopback port, say which, and follow orders until the input ends."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(exchange, "127.0.0.1", 0, backlog=4096)
        port = server.sockets[0].getsockname()[1]
        await obey({name: partial(_follow, order) for name, order in orders.items()}, port=port)
        server.close()

    uvloop.run(main())


async def _follow(order: Order, **arguments: object) -> Answer:
    return order(**arguments)
