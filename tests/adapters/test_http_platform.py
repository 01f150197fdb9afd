"""The two rarer doors: WebSockets and files, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import WSMsgType, web

from adapters.http import Egress, HandshakeRefused, NoAnswer, NoConnection, Outbound, TooLarge


async def answer(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/echo":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("no bytes")
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    if message.data == b"end":
                        await socket.close()
                        break
                    await socket.send_bytes(message.data + request.headers["User-Agent"].encode())
            return socket
        case "/refused":
            return web.Response(status=403, headers={"Handshake-Status": "514"})
        case "/hangs":
            await asyncio.sleep(10)
            return web.Response()
        case "/moved":
            raise web.HTTPFound("/file")
        case "/file":
            return web.Response(body=bytes(100_000), headers={"X-Who": request.headers.get("Authorization", "")})
    raise web.HTTPNotFound


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    def nowhere(host: str) -> list[str]:
        raise OSError("no such host")

    async with Outbound(Egress.parse(""), user_agent="Postbell/test", lookup=nowhere) as outbound:
        yield outbound


async def test_bytes_go_both_ways_until_the_end(outbound: Outbound, port: int) -> None:
    async with outbound.websocket(f"ws://127.0.0.1:{port}/echo") as socket:
        await socket.send(b"hello ")
        assert await socket.receive() == b"hello Postbell/test"
        await socket.send(b"end")
        assert await socket.receive() is None
        with pytest.raises(NoConnection):
            await socket.send(b"more")


async def test_a_refused_handshake_has_its_headers(outbound: Outbound, port: int) -> None:
    with pytest.raises(HandshakeRefused) as raised:
        async with outbound.websocket(f"ws://127.0.0.1:{port}/refused?key=hidden"):
            pass
    assert (raised.value.status, raised.value.headers["handshake-status"]) == (403, "514")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/", "ws://nowhere.invalid/", "no address", "ftp://127.0.0.1/"])
async def test_no_connection_has_a_reason_without_the_address(outbound: Outbound, url: str) -> None:
    with pytest.raises(NoConnection) as raised:
        async with outbound.websocket(url):
            pass
    assert str(raised.value)
    assert url not in str(raised.value)


async def test_a_file_comes_whole_and_redirects_are_not_followed(outbound: Outbound, port: int) -> None:
    headers = {"Authorization": "Bearer t"}
    url = f"http://127.0.0.1:{port}"
    file = await outbound.download(f"{url}/file", headers, max_bytes=100_000, timeout_seconds=5)
    assert (file.status, len(file.body), file.headers["x-who"]) == (200, 100_000, "Bearer t")
    moved = await outbound.download(f"{url}/moved", headers, max_bytes=100_000, timeout_seconds=5)
    assert moved.status == 302


async def test_a_file_is_bounded_in_size_and_time(outbound: Outbound, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    with pytest.raises(TooLarge):
        await outbound.download(f"{url}/file", {}, max_bytes=99_999, timeout_seconds=5)
    with pytest.raises(NoAnswer) as raised:
        await outbound.download(f"{url}/hangs", {}, max_bytes=1, timeout_seconds=0.05)
    assert raised.value.code == "timeout"
    with pytest.raises(NoAnswer):
        await outbound.download("http://127.0.0.1:9/", {}, max_bytes=1, timeout_seconds=5)
