"""The doors to the outside over real sockets: what goes out, what comes back, and what each failure is called."""

import asyncio
import gzip
import ssl
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.base import FeedFailed, FeedFault
from adapters.http import DENIED, Answer, Egress, Fetched, NoAnswer, NotSent, Outbound
from adapters.http import client
from adapters.http import outbound as doors
from tests.fakes.receiver import Receiver, Trick

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


# --- send -------------------------------------------------------------------------------------------------


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
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with outbound() as out:
        with pytest.raises(NotSent) as raised:  # the TLS handshake is never answered
            await post(out, f"https://127.0.0.1:{port}/", timeout_seconds=0.4)
        assert raised.value.code == "connect_timeout"
    server.close()
    await server.wait_closed()


async def test_a_certificate_nobody_vouches_for_is_not_sent(tmp_path: Path) -> None:
    async def never(request: web.Request) -> web.Response:
        raise AssertionError

    async with serving(never, self_signed(tmp_path)) as port, outbound() as out:
        with pytest.raises(NotSent, match="certificate") as raised:
            await post(out, f"https://127.0.0.1:{port}/")
        assert raised.value.code == "tls"


async def test_encryption_where_there_is_none_is_not_sent() -> None:
    async with Receiver() as receiver, outbound() as out:
        with pytest.raises(NotSent) as raised:
            await post(out, receiver.url().replace("http:", "https:"))
        assert raised.value.code == "tls"


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "self-signed.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


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


# --- what is never dialled ----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["https://127.0.0.1:{}/", "https://name.example:8443/", "https://①②⑦.⓪.⓪.①:8443/"])
async def test_an_inner_destination_is_not_dialled_and_nothing_is_said_of_it(url: str) -> None:
    async with Receiver() as receiver, outbound(allow="") as out:
        with pytest.raises(NotSent, match=f"^{DENIED}$") as raised:
            await post(out, url.format(8443))
        assert raised.value.code == "egress"
        with pytest.raises(FeedFailed, match=f"^{DENIED}$") as failed:
            await out.fetch(url.format(8443), {})
        assert failed.value.fault is FeedFault.BLOCKED
        assert receiver.received == []


async def test_a_name_that_changes_its_answer_is_refused_at_the_socket() -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    async with (
        Receiver(host="127.0.0.1") as receiver,
        outbound(f"127.0.0.1/32:{receiver.port}", lookup=lambda host: next(answers)) as out,
    ):
        for name in ("first.example", "rebound.example"):
            url = f"http://{name}:{receiver.port}/hook"
            assert out.egress.check_url(url, "webhook") == url
        assert (await post(out, f"http://first.example:{receiver.port}/hook")).status == 200
        with pytest.raises(NotSent, match=DENIED):
            await post(out, f"http://rebound.example:{receiver.port}/hook")
        assert len(receiver.received) == 1


async def test_of_several_addresses_only_those_allowed_are_dialled() -> None:
    dialled = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        dialled.append(request.transport.get_extra_info("sockname")[0])
        return web.Response()

    def lookup(host: str) -> Sequence[str]:
        return ["127.0.0.2", "::1", "169.254.169.254", "127.0.0.1"]

    async with serving(note) as port, outbound("127.0.0.1/32", lookup=lookup) as out:
        assert (await post(out, f"http://mixed.example:{port}/")).status == 200
    assert dialled == ["127.0.0.1"]


async def test_an_unencrypted_webhook_reaches_opened_networks_only() -> None:
    asked = []

    def lookup(host: str) -> Sequence[str]:
        asked.append(host)
        return ["203.0.113.1", "8.8.8.8"]

    async with outbound("127.0.0.1/32", lookup=lookup) as out:
        with pytest.raises(NotSent, match=f"^{DENIED}$"):
            await post(out, "http://public.example/")
    assert asked == ["public.example"]


async def test_our_own_listener_is_refused_though_its_network_is_open() -> None:
    async with Receiver() as receiver, outbound(own=[("127.0.0.1", receiver.port)]) as out:
        for url in (receiver.url(), receiver.url().replace("127.0.0.1", "[::ffff:127.0.0.1]")):
            with pytest.raises(NotSent, match=DENIED):
                await post(out, url)
        with pytest.raises(FeedFailed, match=DENIED):
            await out.fetch(f"http://name.example:{receiver.port}/", {})
        assert receiver.received == []


# --- fetch ------------------------------------------------------------------------------------------------


def answering(body: bytes = b"", status: int = 200, **headers: str) -> AbstractAsyncContextManager[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return serving(answer)


async def fetched(handler: AbstractAsyncContextManager[int]) -> Fetched:
    async with handler as port, outbound() as out:
        return await out.fetch(f"http://127.0.0.1:{port}/feed#top", {"Accept": "text/xml"})


async def failure(handler: AbstractAsyncContextManager[int]) -> FeedFault:
    with pytest.raises(FeedFailed) as raised:
        await fetched(handler)
    return raised.value.fault


async def test_a_feed_is_asked_for_packed_and_comes_unpacked() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(body=gzip.compress(b"<rss/>" * 100), headers={"Content-Encoding": "gzip", "ETag": '"1"'})

    got = await fetched(serving(answer))
    assert (got.status, got.body, got.headers["etag"], got.truncated) == (200, b"<rss/>" * 100, '"1"', False)
    assert got.url.endswith("/feed")
    assert asked[0]["Accept"] == "text/xml"
    assert asked[0]["Accept-Encoding"] == "gzip, deflate"
    assert asked[0]["User-Agent"].startswith("Postbell/")


async def test_not_modified_has_headers_and_no_body() -> None:
    got = await fetched(answering(status=304, ETag='"2"'))
    assert (got.status, got.body, got.headers["ETag"]) == (304, b"", '"2"')


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_one_hop_is_fetched_and_the_next_left_to_the_caller(status: int) -> None:
    got = await fetched(answering(b"moved", status, Location="/elsewhere"))
    assert (got.status, got.body, got.headers["location"]) == (status, b"", "/elsewhere")


@pytest.mark.parametrize("status", [404, 410, 429, 500])
async def test_an_error_page_is_not_a_failure_of_the_fetch(status: int) -> None:
    got = await fetched(answering(b"sorry" * 100_000, status, Retry_After="60"))
    assert (got.status, got.body, got.headers["retry-after"]) == (status, b"", "60")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (bytes((5 << 20) + 1), ""),
        (gzip.compress(bytes((10 << 20) + 1), mtime=0), "gzip"),
        (zlib.compress(bytes(50 << 20)), "deflate"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_feed_past_its_limits_is_too_large(body: bytes, encoding: str, chunked: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": encoding} if encoding else {})
        if not chunked:
            response.content_length = len(body)
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(body)
        return response

    assert await failure(serving(answer)) is FeedFault.TOO_LARGE


async def test_a_feed_at_its_limits_is_taken() -> None:
    body = bytes(5 << 20)
    assert (await fetched(answering(body))).body == body
    assert len((await fetched(answering(gzip.compress(body * 2)))).body) == 10 << 20


async def test_a_body_that_breaks_off_is_given_as_far_as_it_came() -> None:
    async with talking(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss><item/>") as url, outbound() as out:
        got = await out.fetch(url, {})
    assert (got.body, got.truncated) == (b"<rss><item/>", True)


async def test_chunks_that_break_off_are_given_as_far_as_they_came() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n"
    async with talking(answer) as url, outbound() as out:
        got = await out.fetch(url, {})
    assert (got.body, got.truncated) == (b"<rss>", True)


async def test_a_packed_body_that_breaks_off_is_given_as_far_as_it_came() -> None:
    packed = gzip.compress(b"<rss>" + bytes(1000))
    got = await fetched(answering(packed[:-12]))
    assert got.truncated
    assert got.body.startswith(b"<rss>")


@pytest.mark.parametrize(
    ("limit", "answer"),
    [
        ("HEAD_SECONDS", b""),
        ("HEAD_SECONDS", b"HTTP/1.1 200 OK\r\nX-"),
        ("STALL_SECONDS", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<rss>"),
        ("FETCH_SECONDS", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<rss>"),
    ],
)
async def test_silence_ends_a_fetch(monkeypatch: pytest.MonkeyPatch, limit: str, answer: bytes) -> None:
    monkeypatch.setattr(doors, limit, 0.1)
    async with talking(answer, stay=True) as url, outbound() as out:
        with pytest.raises(FeedFailed) as raised:
            await out.fetch(url, {})
        assert raised.value.fault is FeedFault.TIMEOUT


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"", FeedFault.CONNECT),
        (b"220 mail.example.com ESMTP\r\n", FeedFault.HTTP),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n", FeedFault.HTTP),
    ],
)
async def test_servers_that_do_not_answer_properly(answer: bytes, fault: FeedFault) -> None:
    async with talking(answer) as url, outbound() as out:
        with pytest.raises(FeedFailed) as raised:
            await out.fetch(url, {})
        assert raised.value.fault is fault


async def test_feeds_that_cannot_be_reached(tmp_path: Path) -> None:
    def lookup(host: str) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    async def never(request: web.Request) -> web.Response:
        raise AssertionError

    async with serving(never) as port:
        pass
    async with serving(never, self_signed(tmp_path)) as tls_port, outbound(lookup=lookup) as out:
        for url, fault in (
            (f"http://127.0.0.1:{port}/", FeedFault.CONNECT),
            ("https://nowhere.example/", FeedFault.DNS),
            (f"https://127.0.0.1:{tls_port}/", FeedFault.TLS),
            ("https://8.8.8.8:22/", FeedFault.BLOCKED),
        ):
            with pytest.raises(FeedFailed) as raised:
                await out.fetch(url, {})
            assert raised.value.fault is fault
