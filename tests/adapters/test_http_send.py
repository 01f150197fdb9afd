"""What goes out, what comes back, and what each failure is called, over real sockets."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.http import NoAnswer, NotSent, client
from tests.adapters.doors import outbound, post, serving, talking
from tests.fakes.authority import Authority
from tests.fakes.receiver import Receiver, Trick

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_the_bytes_given_are_the_bytes_sent() -> None:
    async with Receiver() as receiver, outbound() as out:
        url = receiver.behave(statuses=[202], headers={"X-Reply": "yes"}, body=b"taken")
        body = bytes(range(256)) * 300
        answer = await post(out, url, body=body)
        (received,) = receiver.received
    assert (answer.status, answer.body, answer.headers["x-reply"]) == (202, b"taken", "yes")
    assert received.body == body
    assert {"User-Agent": "Postbell/test (+https://example.com)", "X-Test": "1"}.items() <= received.headers.items()
    assert received.headers.keys() & {"Accept", "Accept-Encoding", "Cookie"} == set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    async with Receiver() as receiver, outbound() as out:
        url = receiver.behave("/a", statuses=[status], headers={"Location": receiver.url("/b")})
        assert (await post(out, url)).status == status
        assert [one.path for one in receiver.received] == ["/a"]


async def test_cookies_are_not_kept() -> None:
    async with Receiver() as receiver, outbound() as out:
        url = receiver.behave(headers={"Set-Cookie": "a=b; Path=/"})
        await post(out, url)
        await post(out, url)
        assert all("Cookie" not in one.headers for one in receiver.received)


@pytest.mark.parametrize(("trick", "body"), [("reset", b""), ("short", b"only this"), ("drip", b".")])
async def test_an_answer_counts_from_its_status_on(trick: Trick, body: bytes) -> None:
    async with Receiver() as receiver, outbound() as out:
        answer = await post(out, receiver.behave(trick=trick), timeout_seconds=0.3)
        assert answer.status == 200
        assert answer.body.startswith(body)


@pytest.mark.parametrize("trick", ["endless", "huge"])
async def test_no_more_than_64_kib_of_an_answer_are_read(trick: Trick) -> None:
    async with Receiver() as receiver, outbound() as out:
        answer = await post(out, receiver.behave(trick=trick))
        assert len(answer.body) == 64 * 1024


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"trick": "hang"}, "timeout"),
        ({"delay_seconds": 60.0}, "timeout"),
        ({"trick": "not_http"}, "bad_answer"),
    ],
)
async def test_a_request_without_an_answer_may_have_arrived(how: dict[str, Any], code: str) -> None:
    async with Receiver() as receiver, outbound() as out:
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(NoAnswer) as raised:
            await post(out, receiver.behave(**how), timeout_seconds=0.3)
        assert raised.value.code == code
        assert loop.time() - started < 2
        assert len(receiver.received) == 1


async def test_a_connection_lost_after_the_request_is_no_answer() -> None:
    async with talking(b"") as url, outbound() as out:
        with pytest.raises(NoAnswer) as raised:
            await post(out, url)
        assert raised.value.code == "connection_lost"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_answer(answer: bytes) -> None:
    async with talking(answer) as url, outbound() as out:
        with pytest.raises(NoAnswer):
            await post(out, url)


async def test_nobody_listening_is_not_sent() -> None:
    async with Receiver() as receiver:
        url = receiver.url()
    async with outbound() as out:
        with pytest.raises(NotSent) as raised:
            await post(out, url)
        assert raised.value.code == "connect"


async def test_a_name_without_an_address_is_not_sent() -> None:
    def lookup(host: str) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    async with outbound(lookup=lookup) as out:
        with pytest.raises(NotSent) as raised:
            await post(out, "https://nowhere.example/")
        assert raised.value.code == "dns"


async def test_a_connection_that_does_not_come_about_in_time_is_not_sent() -> None:
    over = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        over.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with outbound() as out:
        with pytest.raises(NotSent) as raised:  # the TLS handshake is never answered
            await post(out, f"https://127.0.0.1:{port}/", timeout_seconds=0.4)
        assert raised.value.code == "connect_timeout"
    await over.wait()
    server.close()
    await server.wait_closed()


async def test_a_certificate_nobody_vouches_for_is_not_sent(tmp_path: Path) -> None:
    async def never(request: web.Request) -> web.Response:
        raise AssertionError

    async with serving(never, Authority(tmp_path).server("127.0.0.1")) as port, outbound() as out:
        with pytest.raises(NotSent, match="certificate") as raised:
            await post(out, f"https://127.0.0.1:{port}/")
        assert raised.value.code == "tls"


async def test_encryption_where_there_is_none_is_not_sent() -> None:
    async with Receiver() as receiver, outbound() as out:
        with pytest.raises(NotSent) as raised:
            await post(out, receiver.url().replace("http:", "https:"))
        assert raised.value.code == "tls"


async def test_connections_are_used_again_but_not_kept_to_all_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_IDLE", 5)
    connections: Counter[str] = Counter()
    open_now: set[object] = set()

    async def count(request: web.Request) -> web.Response:
        assert request.transport is not None
        if request.transport not in open_now:
            connections[request.host] += 1
        open_now.add(request.transport)
        return web.Response()

    async with serving(count) as port, outbound() as out:
        for last in [*range(1, 21), *range(16, 21), 1]:
            await post(out, f"http://127.0.0.{last}:{port}/")
    assert connections[f"127.0.0.20:{port}"] == 1  # among the five kept
    assert connections[f"127.0.0.1:{port}"] == 2  # given up in between


async def test_the_operators_own_addresses_are_called_unchecked() -> None:
    async with Receiver() as receiver, outbound(allow="") as out:
        answer = await out.call("POST", receiver.url("/api"), {}, b"{}", timeout_seconds=5)
        assert answer.status == 200
        with pytest.raises(NotSent):
            await post(out, receiver.url("/api"))
