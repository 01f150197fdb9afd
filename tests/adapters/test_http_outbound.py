"""The doors to the outside over real sockets: what is never dialled, and how feeds are fetched."""

import asyncio
import gzip
import re
import zlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.base import FeedFailed, FeedFault
from adapters.http import DENIED, Egress, Fetched, NotSent, documents
from adapters.http import outbound as doors
from adapters.http.request import target
from tests.adapters.doors import outbound, post, serving, talking
from tests.fakes.authority import Authority
from tests.fakes.receiver import Receiver
from tests.fakes.speaker import OK, Speaker, Turn

# --- what is asked for ---------------------------------------------------------------------------------------

PLAIN = st.from_regex(doors._PLAIN, fullmatch=True)
ODD = st.from_regex(r"https?://[a-zA-Z0-9.:@%/-]{1,30}/[a-zA-Z0-9.%/?#=&+~_-]{0,30}", fullmatch=True)


@given(PLAIN | ODD)
@example("http://feeds.example:80/a").via("a port that goes without saying")
@example("https://feeds.example/a/../b").via("a path that leads elsewhere")
@example("https://feeds.example/?").via("a query that is none")
@example("https://feeds.example/?a=/../b&c=d@e:f,g").via("a query that looks like a path")
@example("https://user@feeds.example/a").via("a user")
@example("https://127.0.0.1/a").via("an inner address")
@example("https://2130706433/a").via("an inner address in disguise")
def test_a_feeds_address_is_read_alike_with_and_without_the_short_way(url: str) -> None:
    egress = Egress.parse("127.0.0.0/8:8080")
    out = doors.Outbound(egress, user_agent="test/1")
    try:
        checked = egress.target(url, "feed")
        expected = str(checked), target(checked, "test/1")
    except ValueError as error:
        with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
            out._feed_target(url)
    else:
        assert out._feed_target(url) == expected


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


async def test_a_feed_that_says_it_is_too_large_is_not_waited_for() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n<rss>" % ((5 << 20) + 1)
    async with talking(answer, stay=True) as url, outbound() as out:
        with pytest.raises(FeedFailed) as raised:
            await out.fetch(url, {})
    assert raised.value.fault is FeedFault.TOO_LARGE


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n0\r\n\r\n",
        [b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", *[bytes(50_000)] * 4],
    ],
)
async def test_a_connection_serves_one_feed_after_the_other(first: bytes | list[bytes]) -> None:
    async with Speaker(Turn(first), OK) as speaker, outbound() as out:
        await out.fetch(speaker.url(), {})
        assert (await out.fetch(speaker.url(), {})).body == b"ok"
        assert speaker.connections == 1
        assert b"content-length" not in speaker.requests[0].lower()


async def test_a_kept_connection_that_is_lost_costs_one_more_request() -> None:
    async with Speaker(OK, Turn(b"", then="close"), OK) as speaker, outbound() as out:
        for _ in range(2):
            assert (await out.fetch(speaker.url(), {})).body == b"ok"
        assert (len(speaker.requests), speaker.connections) == (3, 2)


async def test_a_new_connection_that_is_lost_is_a_failure_at_once() -> None:
    async with Speaker(Turn(b"", then="close"), OK) as speaker, outbound() as out:
        with pytest.raises(FeedFailed):
            await out.fetch(speaker.url(), {})
        assert len(speaker.requests) == 1


async def test_header_fields_come_as_they_would_be_sent_back() -> None:
    tag = '"\u00e9t\u00e9"'
    async with Speaker(b"HTTP/1.1 304 X\r\nETag: %b\r\n\r\n" % tag.encode()) as speaker, outbound() as out:
        got = await out.fetch(speaker.url(), {})
        await out.fetch(speaker.url(), {"If-None-Match": got.headers["etag"]})
        assert b"If-None-Match: " + tag.encode() in speaker.requests[1]


async def test_a_body_may_end_with_the_connection() -> None:
    async with talking(b"HTTP/1.1 200 OK\r\n\r\n<rss/>") as url, outbound() as out:
        got = await out.fetch(url, {})
    assert (got.body, got.truncated) == (b"<rss/>", False)


async def test_a_slow_body_is_waited_for_as_long_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "STALL_SECONDS", 0.3)

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(5):
            await response.write(b"<rss/>")
            await asyncio.sleep(0.1)
        return response

    assert (await fetched(serving(slow))).body == b"<rss/>" * 5


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
    monkeypatch.setattr(documents if limit != "HEAD_SECONDS" else doors, limit, 0.1)
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
    async with serving(never, Authority(tmp_path).server("127.0.0.1")) as tls_port, outbound(lookup=lookup) as out:
        for url, fault in (
            (f"http://127.0.0.1:{port}/", FeedFault.CONNECT),
            ("https://nowhere.example/", FeedFault.DNS),
            (f"https://127.0.0.1:{tls_port}/", FeedFault.TLS),
            ("https://8.8.8.8:22/", FeedFault.BLOCKED),
        ):
            with pytest.raises(FeedFailed) as raised:
                await out.fetch(url, {})
            assert raised.value.fault is fault


# --- what operators' platforms answer ------------------------------------------------------------------------


async def test_a_platform_is_consulted_at_any_address_and_its_long_answers_are_read_whole() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/refused":
            return web.Response(status=402, text="no credits" + request.query.get("more", "") * 300_000)
        response = web.Response(body=request.path_qs.encode() + bytes(200_000))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(answer) as port, outbound(allow="") as out:
        got = await out.consult(f"http://127.0.0.1:{port}/a?query=from%3A1%20OR%20b", {"Authorization": "Bearer x"})
        assert (got.status, got.truncated) == (200, False)
        assert got.body == b"/a?query=from%3A1%20OR%20b" + bytes(200_000)
        refused = await out.consult(f"http://127.0.0.1:{port}/refused", {})
        assert (refused.status, refused.body) == (402, b"no credits")
        long = await out.consult(f"http://127.0.0.1:{port}/refused?more=x", {})
        assert (long.status, long.body[:12], long.truncated) == (402, b"no creditsxx", True)
        with pytest.raises(FeedFailed) as failed:
            await out.consult("http://127.0.0.1:9/", {})
        assert failed.value.fault is FeedFault.CONNECT
        with pytest.raises(FeedFailed):
            await out.consult("ftp://127.0.0.1/", {})
