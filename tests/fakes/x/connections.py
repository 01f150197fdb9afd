"""Answers without an end, and what may go wrong with them (sources-x.md 7.3)."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.x.tricks import DISCONNECT, TOO_MANY_CONNECTIONS, Failure, Rules

Json = dict[str, Any]


@dataclass(eq=False)
class Connection:
    """Somebody who listens.  What is put into ``pieces`` goes out as one chunk each; None hangs up."""

    query: dict[str, str]
    pieces: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)


class Connections:
    """Those of one stream."""

    def __init__(self, limits: Rules, most: int = 1) -> None:
        self._limits, self._most = limits, most
        self.connections: list[Connection] = []
        self.stalled = False  # keeps connections open and says nothing, not even that it lives
        self.deaf = False  # posts are made and not told: as if they fell into a gap
        self.split = 0  # bytes in one chunk; 0: a line at once
        self.twice = False

    async def serve(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        """Until one side hangs up.  Raises Failure when there are too many."""
        if len(self.connections) >= self._most:
            raise Failure(429, TOO_MANY_CONNECTIONS)
        response = web.StreamResponse(headers=headers | {"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        connection = Connection(dict(request.query))
        self.connections.append(connection)
        try:
            await response.prepare(request)
            await self._talk(connection, response)
        except ConnectionError:
            pass
        finally:
            self.connections.remove(connection)
        return response

    async def _talk(self, connection: Connection, response: web.StreamResponse) -> None:
        while True:
            try:
                piece = await asyncio.wait_for(connection.pieces.get(), self._limits.keep_alive_seconds)
            except TimeoutError:
                piece = b"" if self.stalled else b"\r\n"
            if piece is None:
                return
            if piece and not self.stalled:
                await response.write(piece)

    def say(self, connection: Connection, message: Json) -> None:
        line = json.dumps(message, ensure_ascii=False).encode() + b"\r\n"
        for _ in range(2 if self.twice else 1):
            for piece in self._pieces(line):
                connection.pieces.put_nowait(piece)

    def disconnect(self) -> None:
        """Says why, and hangs up."""
        for one in self.connections:
            self.say(one, DISCONNECT)
            one.pieces.put_nowait(None)

    def hang_up(self) -> None:
        """Without a word."""
        for one in self.connections:
            one.pieces.put_nowait(None)

    def _pieces(self, line: bytes) -> Iterator[bytes]:
        size = self.split or len(line)
        for at in range(0, len(line), size):
            yield line[at : at + size]
