"""What the tests of the doors to the outside share: a door, and servers to call."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from adapters.http import Answer, Egress, Outbound

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def outbound(
    allow: str = "127.0.0.0/8",
    own: Sequence[tuple[str, int]] = (),
    lookup: Callable[[str], Sequence[str]] = lambda host: ["127.0.0.1"],
) -> Outbound:
    return Outbound(Egress.parse(allow, own), user_agent="Postbell/test (+https://example.com)", lookup=lookup)


async def post(out: Outbound, url: str, *, body: bytes = b"{}", timeout_seconds: float = 5.0) -> Answer:
    return await out.send("POST", url, {"X-Test": "1"}, body, timeout_seconds=timeout_seconds)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve every path on every loopback address; gives the port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def talking(answer: bytes, *, stay: bool = False) -> AsyncIterator[str]:
    """A server that says ``answer`` to anything, byte for byte, and hangs up unless it is to ``stay``."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if stay:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        over.set()
        server.close()
        await server.wait_closed()
