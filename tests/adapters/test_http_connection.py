"""Answers byte for byte: which count, what of them is read, and after which the connection is used again."""

import asyncio

import pytest

from adapters.http import NoAnswer
from tests.adapters.doors import outbound, post
from tests.fakes.receiver import Receiver
from tests.fakes.speaker import OK, Speaker, Turn

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

KIB_64 = 64 * 1024
FILLS_A_READ = b"HTTP/1.1 200 OK\r\nContent-Length: 32726\r\n\r\n" + b"." * 32_726
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        (b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", 500, b""),
        (b"HTTP/1.1 200 \xfc\r\nX: \xff\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (CHUNKED + b"2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"." * KIB_64, 200, b"." * KIB_64),
    ],
)
async def test_after_an_answer_with_a_clear_end_the_connection_is_used_again(
    answer: bytes, status: int, body: bytes
) -> None:
    bytewise = [answer[n : n + 1] for n in range(min(len(answer), 200))] + [answer[200:]]
    async with Speaker(Turn(answer), Turn(bytewise), Turn(answer)) as speaker, outbound() as out:
        for _ in range(3):
            got = await post(out, speaker.url())
            assert (got.status, got.body) == (status, body)
            assert not {"x-trailer", "x-early"} & got.headers.keys()
    assert speaker.connections == 1


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nY: \x01\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: \rContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 103 Hints\n\nHTTP/1.1 200 OK\nContent-Length: 40000\n\n" + b"x" * 40_000, 200, b"x" * 40_000),
        (CHUNKED + b"2\r\nok\r\n0  \r\n\r\n", 200, b"ok"),
        (OK + b"H", 200, b"ok"),
        (OK + b"\r\nsurplus", 200, b"ok"),
        (OK + OK, 200, b"ok"),
        (FILLS_A_READ + OK, 200, b"." * 32_726),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, b""),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"." * 65537, 200, b"." * KIB_64),
        (CHUNKED + b"2\r\nok\r\nnot a size\r\n", 200, b"ok"),
        (CHUNKED + b"2\r\nok\r\n-1\r\n", 200, b"ok"),
        (CHUNKED + b"2\r\nok\r\nFFFFFFFFFFFFFFFFF\r\n", 200, b"ok"),
        (CHUNKED + b"1\r\nx\r\n" * 100_000, 200, None),
        (CHUNKED + b"2\r\nok\r\n0\r\nX-Trailer: " + b"x" * 500_000, 200, b"ok"),
    ],
)
async def test_after_an_answer_without_a_clear_end_it_is_not(answer: bytes, status: int, body: bytes | None) -> None:
    async with Speaker(answer) as speaker, outbound() as out, asyncio.timeout(2):  # nor is it waited for
        for _ in range(2):
            got = await post(out, speaker.url())
            assert got.status == status
            assert got.body == (b"x" * len(got.body) if body is None else body)
            assert len(got.body) <= KIB_64
        assert speaker.connections == 2
        await speaker.until(gone=1)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok", b"2\r\nok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok", b"2\r\nok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"short"),
        (CHUNKED + b"5\r\nsho", b"sho"),
    ],
)
async def test_a_body_may_end_with_the_connection(answer: bytes, body: bytes) -> None:
    async with Speaker(Turn(answer, then="close")) as speaker, outbound() as out:
        for _ in range(2):
            got = await post(out, speaker.url())
            assert (got.status, got.body) == (200, body)
    assert speaker.connections == 2


async def test_an_answer_counts_though_the_connection_is_reset_after_it() -> None:
    async with (
        Speaker(Turn(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", then="reset")) as speaker,
        outbound() as out,
    ):
        assert (await post(out, speaker.url())).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX Y: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
        b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 Short\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 40_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000 + OK,
    ],
)
async def test_what_cannot_be_read_for_sure_is_no_answer(answer: bytes) -> None:
    async with Speaker(answer) as speaker, outbound() as out:
        with pytest.raises(NoAnswer) as raised:
            await post(out, speaker.url())
        assert raised.value.code == "bad_answer"
        await speaker.until(gone=1)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nX: y\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
async def test_an_answer_that_never_has_a_status_is_none(answer: bytes) -> None:
    async with Speaker(answer, Turn(answer, then="close")) as speaker, outbound() as out:
        for code in ("timeout", "connection_lost"):
            with pytest.raises(NoAnswer) as raised:
                await post(out, speaker.url(), timeout_seconds=0.2)
            assert raised.value.code == code
    assert speaker.connections == 2


async def test_a_body_that_is_late_is_not_waited_for_beyond_the_time() -> None:
    async with Speaker(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as speaker, outbound() as out:
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await post(out, speaker.url(), timeout_seconds=0.2)
        assert 0.15 < loop.time() - started < 1
        assert (answer.status, answer.body) == (200, b"half")
        await speaker.until(gone=1)


async def test_each_request_on_a_connection_has_its_own_time() -> None:
    async with Receiver() as receiver, outbound() as out:
        slow, late = receiver.behave("/slow", delay_seconds=0.25), receiver.behave("/late", trick="hang")
        assert (await post(out, slow, timeout_seconds=30)).status == 200
        with pytest.raises(NoAnswer):
            await post(out, late, timeout_seconds=0.1)  # less than the timer of the first
        assert (await post(out, slow, timeout_seconds=0.35)).status == 200
        assert (await post(out, slow, timeout_seconds=0.35)).status == 200  # its time is past the first one's


async def test_an_answer_before_the_request_was_read_counts_and_the_connection_does_not() -> None:
    early = Turn(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", then="silent", unread=True)
    async with Speaker(early, OK) as speaker, outbound() as out:
        assert (await post(out, speaker.url(), body=bytes(20 << 20))).status == 413
        assert (await post(out, speaker.url())).status == 200
    assert speaker.connections == 2
