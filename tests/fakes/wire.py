"""A small news agency to read from: a source as an adapter would be, polled and streamed, and the server behind it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Self

from aiohttp import web

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
    FeedInfo,
    FeedNotFound,
    FeedUnavailable,
    Found,
    Page,
    Post,
    SourceSuspended,
)
from adapters.http import NoAnswer, NotSent, Outbound

PATIENCE = 2.0  # seconds that the server holds a question of the stream back


class Wire:
    """Follows "wire:NAME"; each post that it is told counts as a read."""

    @dataclass(frozen=True, slots=True)
    class Config:
        base_url: str = field(default="", metadata={"help": "where the agency is"})
        poll_seconds: float = field(default=10.0, metadata={"help": "usual seconds between two polls"})
        monthly_budget: int = field(default=0, metadata={"help": "reads that a month may cost; 0: no bound"})
        stream: bool = field(default=False, metadata={"help": "listen to its stream"})

    kind = "wire"
    read_price = 0.005

    def __init__(self, outbound: Outbound, config: Config | None = None) -> None:
        self.config = config or Wire.Config()
        self._outbound = outbound
        self.interval = timedelta(seconds=self.config.poll_seconds)
        self.monthly_budget, self.streams, self.listening = self.config.monthly_budget, self.config.stream, False

    async def resolve(self, name: str, now: datetime) -> Found:
        if not name.startswith("wire:"):
            raise FeedNotFound("no wire")
        key = name.removeprefix("wire:")
        return Found(key, await self.poll(key, {}, now))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        return await self.poll_kinds(key, cursor, now, frozenset())

    async def poll_kinds(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        told = await self._ask(f"/posts/{key}?since={cursor.get('since', 0)}&kinds={','.join(sorted(kinds))}")
        return Page(
            cursor={"since": told["end"]}, posts=[_post(one) for one in told["posts"]], reads=len(told["posts"]),
            info=FeedInfo(title=f"The wire of {key}", name=key), via="polls", complete=False,
        )  # fmt: skip

    async def stream(
        self, keys: Callable[[], Awaitable[Sequence[str]]], heard: Callable[[str, Page], Awaitable[None]]
    ) -> None:
        after = None
        try:
            while True:
                followed = set(await keys())
                try:
                    told = await self._ask("/stream" if after is None else f"/stream?after={after}")
                except (FeedFailed, SourceSuspended, FeedUnavailable):
                    self.listening = False
                    await asyncio.sleep(0.05)
                    continue
                after, self.listening = told["end"], True
                for one in told["posts"]:
                    if one["key"] in followed:
                        await heard(one["key"], Page(cursor={}, posts=[_post(one)], info=FeedInfo(), reads=1))
        finally:
            self.listening = False

    def host(self, key: str) -> str:
        return "wire"

    async def close(self) -> None:
        """Holds nothing."""

    async def _ask(self, path: str) -> Any:
        try:
            answer = await self._outbound.call("GET", self.config.base_url + path, {}, b"", timeout_seconds=10)
        except (NotSent, NoAnswer) as error:
            raise FeedFailed(FeedFault.CONNECT, str(error)) from error
        if answer.status == 402:
            raise SourceSuspended("the credit is used up", timedelta(hours=1))
        if answer.status == 404:
            raise FeedUnavailable("nobody of that name is shown")
        if answer.status != 200:
            raise FeedFailed(FeedFault.HTTP, f"it answered {answer.status}", status=answer.status)
        return json.loads(answer.body)


def _post(told: dict[str, Any]) -> Post:
    return Post(
        key=blake2b(told["id"].encode(), digest_size=16).digest(), title=told["title"], url=told["url"],
        content=told["title"], is_html=False, kind=told["kind"],
    )  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A post that stands at the agency."""

    url: str


@dataclass(frozen=True)
class Desk:
    """One name at the agency, as tests/crash/traffic.py takes feeds."""

    agency: "Agency"
    key: str

    @property
    def url(self) -> str:
        return f"wire:{self.key}"

    def publish(self) -> Published:
        return Published(self.agency.publish(self.key))


@dataclass
class Told:
    """What the server was asked to do; ``status``: its answer to everything."""

    status: int = 200
    stream_status: int = 200
    polls: int = 0


class Agency:
    """``async with Agency() as agency``: what was published stays, for polls and for the stream."""

    def __init__(self) -> None:
        self.told = Told()
        self.published: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/posts/{key}", self._posts)
        app.router.add_get("/stream", self._stream)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def desk(self, key: str) -> Desk:
        return Desk(self, key)

    def publish(self, key: str, kind: str = "") -> str:
        """Returns the post's address."""
        number = len(self.published) + 1
        url = f"https://wire.example.org/{key}/{number}"
        post = {"key": key, "id": str(number), "title": f"{key} {number}", "url": url, "kind": kind}
        self.published.append(post)
        self._news.set()
        self._news = asyncio.Event()
        return url

    async def _posts(self, request: web.Request) -> web.Response:
        self.told.polls += 1
        since, key = int(request.query["since"]), request.match_info["key"]
        wanted = {"", *request.query["kinds"].split(",")}
        new = [one for one in self.published[since:] if one["key"] == key and one["kind"] in wanted]
        body = {"end": len(self.published), "posts": new}
        return web.json_response(body, status=self.told.status)

    async def _stream(self, request: web.Request) -> web.Response:
        """Answers as soon as there is something behind ``after``."""
        after = int(request.query.get("after", len(self.published)))
        if "after" in request.query and after == len(self.published) and self.told.stream_status == 200:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), PATIENCE)
        body = {"end": len(self.published), "posts": self.published[after:]}
        return web.json_response(body, status=self.told.stream_status)
