"""The client's connections: made in time and only where they may go, shared, kept, given up, and encrypted."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import ResolveResult
from yarl import URL

from adapters.http import Egress, NoAnswer, NotSent, Outbound, client
from adapters.http.connection import Connection
from adapters.http.request import Origin, target
from adapters.http.resolver import Resolver
from tests.adapters.doors import outbound, post
from tests.fakes.authority import Authority
from tests.fakes.receiver import Receiver
from tests.fakes.speaker import OK, Speaker, Turn

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


# --- kept ---------------------------------------------------------------------------------------------------


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with Speaker() as speaker, outbound() as out:
        for n in range(5):
            await post(out, f"{speaker.url()}/{n}", body=b"%d" % n)
        assert [request.split()[1][-1:] + request[-1:] for request in speaker.requests] == [
            b"%d%d" % (n, n) for n in range(5)
        ]
        assert speaker.connections == 1


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    async with Speaker(OK, Turn(then="close"), OK) as speaker, outbound() as out:
        for connections in (1, 1, 2):
            assert (await post(out, speaker.url())).status == 200
            assert speaker.connections == connections
            if len(speaker.requests) == 2:
                await speaker.open[0].wait_closed()


@pytest.mark.parametrize("linger", [False, True])
async def test_that_a_connection_was_closed_is_seen_before_the_loop_tells_of_it(linger: bool) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        async def serve() -> socket.socket:
            accepted, _ = await loop.sock_accept(listener)
            await loop.sock_recv(accepted, 65536)
            await loop.sock_sendall(accepted, OK)
            return accepted

        async with outbound() as out:
            first, _ = await asyncio.gather(serve(), post(out, url))
            if not linger:  # it is reset, not ended
                first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            first.close()
            second, answer = await asyncio.gather(serve(), post(out, url))
            assert answer.body == b"ok"
            second.close()


async def test_what_comes_unasked_ends_a_connection() -> None:
    async with Speaker() as speaker, outbound() as out:
        await post(out, speaker.url())
        speaker.open[0].write(OK)
        await speaker.until(gone=1)
        await post(out, speaker.url())
        assert speaker.connections == 2


async def test_a_request_whose_connection_breaks_is_not_sent_twice() -> None:
    async with Speaker(OK, Turn(b"", then="close")) as speaker, outbound() as out:
        await post(out, speaker.url())
        with pytest.raises(NoAnswer) as raised:
            await post(out, speaker.url())
        assert raised.value.code == "connection_lost"
        assert (len(speaker.requests), speaker.connections) == (2, 1)


async def test_unused_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "KEEP_SECONDS", 0.1)
    async with Speaker() as speaker, outbound() as out:
        await post(out, speaker.url())
        await post(out, speaker.url())
        assert (speaker.connections, speaker.gone) == (1, 0)
        await speaker.until(gone=1)
        await post(out, speaker.url())
        assert speaker.connections == 2


async def test_at_the_end_all_connections_are_closed() -> None:
    async with Speaker(OK, Turn(b"")) as speaker:
        async with outbound() as out:
            await post(out, speaker.url())
            running = asyncio.ensure_future(post(out, speaker.url()))
            await speaker.until(requests=2)
        await speaker.until(gone=1)
        with pytest.raises(NoAnswer):
            await running


async def test_what_is_still_connecting_at_the_end_goes_no_further() -> None:
    found = asyncio.Event()

    class Names(Resolver):
        async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
            await found.wait()
            return await super().resolve(*args, **kwargs)

    async with Speaker() as speaker:
        ending = client.Client(Names(lambda name: ["127.0.0.1"]), connections=1)
        url = URL(f"http://late.example:{speaker.port}/")
        running = asyncio.ensure_future(ending.exchange("POST", target(url, "x"), {}, b"", 5))
        await asyncio.sleep(0)
        await ending.close()
        found.set()
        with pytest.raises(NotSent):
            await running
        assert speaker.requests == []


# --- shared -------------------------------------------------------------------------------------------------


def narrow(connections: int) -> Outbound:
    return Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test", send_connections=connections)


async def test_no_more_connections_are_in_use_than_allowed() -> None:
    async with Speaker(Turn(b"")) as speaker, narrow(2) as out:
        running = [asyncio.ensure_future(post(out, speaker.url())) for _ in range(4)]
        await speaker.until(requests=2)
        await asyncio.sleep(0.05)
        assert len(speaker.requests) == 2
        for writer in list(speaker.open):
            writer.write(OK)
        await speaker.until(requests=4)
        assert speaker.connections == 2
        for writer in speaker.open:
            writer.write(OK)
        assert [answer.status for answer in await asyncio.gather(*running)] == [200] * 4


async def test_waiting_for_a_turn_is_bounded_and_what_waited_was_not_sent() -> None:
    async with Speaker(Turn(b"")) as speaker, narrow(1) as out:
        first = asyncio.ensure_future(post(out, speaker.url(), timeout_seconds=1))
        await speaker.until(requests=1)
        with pytest.raises(NotSent) as raised:
            await post(out, speaker.url(), timeout_seconds=0.2)
        assert raised.value.code == "connect_timeout"
        speaker.open[0].write(OK)
        await first
        assert len(speaker.requests) == 1


async def test_a_request_called_off_gives_up_its_turn_and_its_connection() -> None:
    async with Speaker(Turn(b""), OK) as speaker, narrow(1) as out:
        called_off = asyncio.ensure_future(post(out, speaker.url()))
        await speaker.until(requests=1)
        called_off.cancel()
        with pytest.raises(asyncio.CancelledError):
            await called_off
        await speaker.until(gone=1)
        assert (await post(out, speaker.url())).status == 200


# --- made ---------------------------------------------------------------------------------------------------


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address whose port takes no further connections and refuses none either."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.9", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.9", port))
        yield f"127.0.0.9:{port}"
        for one in crowd:
            one.close()


async def test_an_address_that_is_silent_is_not_sent_to(deaf: str) -> None:
    async with outbound() as out:
        with pytest.raises(NotSent) as raised:
            await post(out, f"http://{deaf}/", timeout_seconds=0.3)
        assert raised.value.code == "connect_timeout"


async def test_one_silent_address_leaves_time_for_the_next(deaf: str) -> None:
    host, _, port = deaf.partition(":")
    tries = ["127.0.0.8", host, "127.0.0.1"]  # nobody there, silent, served
    async with Receiver(port=int(port)) as receiver, outbound(lookup=lambda name: tries) as out:
        answer = await post(out, f"http://several.example:{port}/hook", timeout_seconds=1)
        assert answer.status == 200
        assert receiver.received[0].headers["Host"] == f"several.example:{port}"


async def test_a_refusal_outweighs_a_failure() -> None:
    async with Receiver() as receiver:
        port = receiver.port
    async with outbound(lookup=lambda name: ["127.0.0.1", "10.0.0.1"]) as out:
        with pytest.raises(NotSent) as raised:
            await post(out, f"http://several.example:{port}/")
        assert raised.value.code == "egress"


async def test_the_reason_names_no_address() -> None:
    async with Receiver() as receiver:
        port = receiver.port
    async with outbound() as out:
        with pytest.raises(NotSent, match=r"^no connection: Connection refused$"):
            await post(out, f"http://name.example:{port}/")


async def test_a_connection_closed_before_anything_was_written_is_not_sent_on() -> None:
    class Hesitant(client.Client):
        async def _attach(self, opened: socket.socket, origin: Origin) -> Connection:
            connection = await super()._attach(opened, origin)
            await asyncio.shield(connection.lost)
            return connection

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    with pytest.raises(NotSent) as raised:
        await Hesitant(Resolver(), connections=1).exchange("POST", target(url, "x"), {}, b"", 5)
    assert raised.value.code == "connect"
    server.close()
    await server.wait_closed()


async def test_a_receiver_on_ipv6_is_reached() -> None:
    async with Speaker(host="::1") as speaker, outbound("::1/128", lookup=lambda name: ["::1"]) as out:
        assert (await post(out, speaker.url())).status == 200
        assert (await post(out, f"http://six.example:{speaker.port}/")).status == 200
        assert b"\r\nHost: [::1]:%d\r\n" % speaker.port in speaker.requests[0]


async def test_what_the_operator_set_may_be_wrong_but_not_unreadable() -> None:
    async with outbound() as out:
        for url in ("ftp://127.0.0.1/", "", "http://user:secret@127.0.0.1/", "http://[::1"):
            with pytest.raises(NotSent):
                await out.call("GET", url, {}, b"", timeout_seconds=1)


# --- encrypted ----------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """One that the system trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    client.system_tls.cache_clear()
    yield authority
    client.system_tls.cache_clear()


async def test_a_receiver_is_reached_by_its_name_over_tls(authority: Authority) -> None:
    asked_for: list[str | None] = []
    tls = authority.server("hook.example")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    tls.sni_callback = lambda _, name, __: asked_for.append(name)
    async with Speaker(tls=tls) as speaker, outbound() as out:
        for _ in range(3):
            answer = await post(out, f"https://hook.example:{speaker.port}/hook", body=bytes(200_000))
            assert answer.status == 200
        assert speaker.open[0].get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        assert len(speaker.requests[2]) > 200_000
        assert speaker.connections == 1
    assert asked_for == ["hook.example"]


async def test_addresses_have_certificates_too(authority: Authority) -> None:
    async with Speaker(tls=authority.server("127.0.0.1")) as speaker, outbound() as out:
        assert (await post(out, speaker.url())).status == 200


async def test_over_tls_too_a_body_may_end_with_the_connection(authority: Authority) -> None:
    turn = Turn(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", then="close")
    async with Speaker(turn, tls=authority.server("127.0.0.1")) as speaker, outbound() as out:
        for _ in range(2):
            assert (await post(out, speaker.url())).body == b"until the end"
        assert speaker.connections == 2


@pytest.mark.parametrize(("name", "days"), [("other.example", 1), ("127.0.0.1", -1)])
async def test_a_certificate_for_others_or_of_the_past_is_not_accepted(
    authority: Authority, name: str, days: int
) -> None:
    async with Speaker(tls=authority.server(name, expires=timedelta(days=days))) as speaker, outbound() as out:
        with pytest.raises(NotSent, match="the certificate is not accepted") as raised:
            await post(out, speaker.url())
        assert raised.value.code == "tls"
        assert speaker.requests == []


async def test_old_versions_of_tls_are_not_spoken(authority: Authority) -> None:
    tls = authority.server("127.0.0.1")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    async with Speaker(tls=tls) as speaker, outbound() as out:
        with pytest.raises(NotSent, match="no secure connection") as raised:
            await post(out, speaker.url())
        assert raised.value.code == "tls"
