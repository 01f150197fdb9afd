"""The publisher as others use it: on its own, steered over HTTP, and slow or false on the wire when told to be."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientPayloadError, ClientSession, ClientTimeout

from tests.fakes.publisher import Answer, Publisher


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=5)) as client:
        yield client


async def test_as_a_process_it_is_steered_over_http(client: ClientSession) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.publisher", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    try:
        feeds = {"path": "/{}.xml", "count": 3, "posts": 2, "etag": "weak"}
        await (await client.post(f"{url}/_control/feeds", json=feeds)).json()
        post = {"path": "/{}.xml", "count": 2, "title": "Breaking"}
        await (await client.post(f"{url}/_control/publish", json=post)).json()
        assert [(await read(client, f"{url}/{n}.xml")).count("Breaking") for n in range(3)] == [1, 1, 0]
        answer = {"path": "/0.xml", "status": 503, "headers": {"Retry-After": "9"}, "body": "later"}
        await (await client.post(f"{url}/_control/answer", json=answer)).json()
        assert await read(client, f"{url}/0.xml") == "later"
        await (await client.post(f"{url}/_control/answer", json={"path": "/0.xml"})).json()
        assert "Breaking" in await read(client, f"{url}/0.xml")
        counts = await (await client.get(f"{url}/_control/counts")).json()
        assert counts == {
            "requests": {"/0.xml": 3, "/1.xml": 1, "/2.xml": 1},
            "conditional": {"/0.xml": 0, "/1.xml": 0, "/2.xml": 0},
        }
    finally:
        process.kill()
        await process.wait()


async def read(client: ClientSession, url: str) -> str:
    async with client.get(url) as response:
        return await response.text()


@pytest.mark.parametrize("where", ["slow_headers", "slow_body"])
async def test_a_slow_answer_comes_in_the_end(client: ClientSession, where: str) -> None:
    async with Publisher() as publisher:
        url = publisher.page("/a", "the whole text", **{where: 0.1})
        before = time.monotonic()
        assert await read(client, url) == "the whole text"
        assert time.monotonic() - before >= 0.1


@pytest.mark.parametrize("where", ["slow_headers", "slow_body"])
async def test_an_answer_may_never_come(client: ClientSession, where: str) -> None:
    async with Publisher() as publisher:
        url = publisher.page("/a", "the whole text", **{where: float("inf")})
        with pytest.raises(TimeoutError):
            async with client.get(url, timeout=ClientTimeout(total=0.1)) as response:
                await response.read()


@pytest.mark.parametrize("how", [Answer(body=b"x" * 99, cut=True), Answer(body=b"x" * 99, declared_length=100)])
async def test_a_body_may_break_off(client: ClientSession, how: Answer) -> None:
    async with Publisher() as publisher:
        publisher.pages["/a"] = how
        with pytest.raises(ClientPayloadError):
            await read(client, f"{publisher.url}/a")
