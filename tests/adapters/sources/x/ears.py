"""Who listens to a stream of X in the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal

from adapters.base import Page, Post, Streaming
from adapters.http import Outbound
from adapters.sources.x import X
from adapters.sources.x.stream import KEYS_SECONDS
from tests.fakes.x import FakeX
from tests.fakes.x.connections import Connections


class Ear:
    """Follows accounts by a stream; rests are over at once but for the looks at who is followed."""

    def __init__(self, x: FakeX, stream: Connections) -> None:
        self.x, self.stream = x, stream
        self.followed = [str(x.user(name).id) for name in ("nasa", "esa")]
        self.posts: list[Post] = []
        self.withdrawn: list[bytes] = []
        self.pages: list[tuple[str, Page]] = []
        self.rests: list[float] = []
        self.look = asyncio.Event()
        self.seconds = 0.0  # that storing takes
        self.full = False
        self.source: X

    async def keys(self) -> Sequence[str]:
        return [*self.followed, "@not_a_number"]

    async def heard(self, key: str, page: Page) -> None:
        if self.full:
            raise OSError("no space left")
        await asyncio.sleep(self.seconds)
        self.pages.append((key, page))
        self.posts += page.posts
        self.withdrawn += page.withdrawn

    async def rest(self, seconds: float) -> None:
        if seconds == KEYS_SECONDS:
            await self.look.wait()
            self.look.clear()
        else:
            self.rests.append(seconds)
            await asyncio.sleep(0.001)

    @property
    def texts(self) -> list[str]:
        return [one.content for one in self.posts]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not reached():  # noqa: ASYNC110 (a fake tells nobody)
                await asyncio.sleep(0.002)

    async def connected(self) -> None:
        await self.until(lambda: bool(self.stream.connections))


@asynccontextmanager
async def listening(
    outbound: Outbound, x: FakeX, stream: Literal[True, "activity"] = True, *, threads: bool = True, **how: float
) -> AsyncIterator[Ear]:
    """To the filtered stream, or to the Activity API."""
    ear = Ear(x, x.activity if stream == "activity" else x.streaming)
    ear.source = source = X(outbound, x.config(stream=stream, threads=threads), rest=ear.rest, **how)
    assert isinstance(source, Streaming)
    assert source.streams
    task = asyncio.create_task(source.stream(ear.keys, ear.heard))
    try:
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await source.close()
