"""Accounts and their providers on a real socket, and the source that reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import Cursor, Page
from adapters.http import Egress, Outbound
from adapters.sources.wechat import WeChat
from adapters.sources.wechat.messages import Pause
from adapters.sources.wechat.settings import Config
from tests.clock import MovableClock
from tests.fakes.wechat import Town


@pytest.fixture
async def town(clock: MovableClock) -> AsyncIterator[Town]:
    async with Town(clock) as town:
        yield town


Making = Callable[..., Awaitable[WeChat]]


@pytest.fixture
async def source(town: Town) -> AsyncIterator[Making]:
    """``await source("wewe-rss", "messages")`` reads through these; nothing inside this machine is opened to feeds."""
    async with AsyncExitStack() as opened:
        outbound = await opened.enter_async_context(Outbound(Egress.parse(""), user_agent="Postbell/test"))

        async def make(*providers: str, pause: Pause = asyncio.sleep, **more: Any) -> WeChat:
            made = WeChat(outbound, Config(**town.settings(*providers, **more)), pause=pause)
            opened.push_async_callback(made.close)
            return made

        yield make


class Follower:
    """Polls one account as the core does: keeps the cursor as JSON, and knows posts by their keys."""

    def __init__(self, source: WeChat, key: str, clock: MovableClock) -> None:
        self._source, self.key, self._clock = source, key, clock
        self.cursor: Cursor = {}
        self.known: set[bytes] = set()
        self.delivered: list[str] = []  # titles, as they came
        self.first = True

    async def poll(self, after: timedelta = timedelta(minutes=1)) -> Page:
        self._clock.advance(after)
        page = await self._source.poll(self.key, self.cursor, self._clock())
        self.take(page)
        return page

    def take(self, page: Page) -> None:
        self.cursor = json.loads(json.dumps(page.cursor))
        if page.info is None:
            assert not page.posts
            return
        new = {post.key: post for post in page.posts if post.key not in self.known}
        assert len(new) == sum(post.key not in self.known for post in page.posts)
        self.known |= new.keys()
        if not self.first:
            self.delivered += [post.title for post in new.values()]
        self.first = False


@pytest.fixture
def follow(clock: MovableClock) -> Callable[[WeChat, str], Follower]:
    return lambda source, key: Follower(source, key, clock)
