"""The rarer doors: WebSockets, files and answers without an end, over real sockets."""

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
        case "/endless":
            response = web.StreamResponse(headers={"X-Who": request.headers.get("Authorization", "")})
            await response.prepare(request)
            for _ in range(3):
                await response.write(b"on and ")
            if request.query.get("then") == "silence":
                await asyncio.sleep(10)
            if request.query.get("then") == "break":
                assert request.transport is not None
                request.transport.abort()
            return response
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


async def test_an_answer_without_an_end_is_read_piece_by_piece(port: int) -> None:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as out:
        url = f"http://127.0.0.1:{port}/endless"
        async with out.stream(url, {"Authorization": "Bearer x"}, silence_seconds=5) as stream:
            assert (stream.status, stream.headers["x-who"]) == (200, "Bearer x")
            assert b"".join([piece async for piece in stream.pieces()]) == b"on and " * 3


@pytest.mark.parametrize("then", ["silence", "break"])
async def test_an_answer_that_falls_silent_or_breaks_off_is_a_lost_connection(port: int, then: str) -> None:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as out:
        heard = bytearray()

        async def listen() -> None:
            async with out.stream(f"http://127.0.0.1:{port}/endless?then={then}", {}, silence_seconds=0.1) as stream:
                async for piece in stream.pieces():
                    heard.extend(piece)

        with pytest.raises(NoConnection):
            await listen()
        assert heard == b"on and " * 3


async def test_a_stream_that_is_refused_says_why_and_one_that_is_not_there_is_no_connection(port: int) -> None:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as out:
        async with out.stream(f"http://127.0.0.1:{port}/refused", {}, silence_seconds=5) as stream:
            assert (stream.status, await stream.beginning(100)) == (403, b"")
        with pytest.raises(NoConnection):
            await out.stream("http://127.0.0.1:9/", {}, silence_seconds=5).__aenter__()
