"""A server that answers byte for byte as it is told: for what no HTTP library would say."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Turn:
    """The answer to one request, and what becomes of the connection then."""

    answer: bytes | Sequence[bytes] = OK  # pieces go out one by one
    then: Literal["stay", "close", "reset", "silent"] = "stay"  # silent: nothing more is read
    unread: bool = False  # answered before the body was read


class Speaker:
    """Answers each request with the next turn, and with the last one ever after."""

    def __init__(self, *turns: Turn | bytes, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._turns = [turn if isinstance(turn, Turn) else Turn(turn) for turn in turns or (OK,)]
        self._host, self._tls = host, tls
        self.requests: list[bytes] = []  # whole, as they came
        self.connections = 0
        self.gone = 0  # connections that the other side closed
        self.open: list[asyncio.StreamWriter] = []
        self.changed = asyncio.Event()  # set by whatever happens here

    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}/hook"

    async def until(self, *, requests: int = 0, gone: int = 0) -> None:
        """Wait for as many requests and departures."""
        async with asyncio.timeout(5):
            while len(self.requests) < requests or self.gone < gone:
                self.changed.clear()
                await self.changed.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._converse, self._host, 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self.open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.append(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone += 1
            self.changed.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether there may be another."""
        head = await reader.readuntil(b"\r\n\r\n")
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        body = b"" if turn.unread or not length else await reader.readexactly(int(length[1]))
        self.requests.append(head + body)
        self.changed.set()
        for piece in [turn.answer] if isinstance(turn.answer, bytes) else turn.answer:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if turn.then == "close":
            writer.close()
        elif turn.then == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return turn.then == "stay"
