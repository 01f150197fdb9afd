"""A WebSub hub on a real socket: right when left alone, wrong on demand (feeds.md 11.6)."""

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from secrets import token_urlsafe
from typing import Literal, Self

from aiohttp import ClientSession, web

Method = Literal["sha1", "sha256", "sha384", "sha512", "md5"]


@dataclass(slots=True)
class Subscriber:
    """Who subscribed, by callback and topic."""

    callback: str
    topic: str
    secret: str
    lease_seconds: int


@dataclass(slots=True, kw_only=True)
class Switches:
    """How the hub behaves."""

    status: int = 202  # of the answer to a request
    verify: Literal["after", "before", "never"] = "after"  # the answer to it
    topic: str = ""  # to ask about instead of the right one
    lease_seconds: int | None = 600  # None: it does not say
    deny: str = ""  # a reason: instead of verifying
    location: str = ""  # where a redirect leads


class Hub:
    """``async with Hub() as hub: hub.url``; ``push`` sends what is new to everybody who has subscribed."""

    def __init__(self) -> None:
        self.switches = Switches()
        self.requests: list[Mapping[str, str]] = []  # forms, as they came
        self.answers: list[tuple[int, str]] = []  # of callbacks to our questions: status and body
        self.headers: list[Mapping[str, str]] = []  # of these answers
        self.subscribers: dict[tuple[str, str], Subscriber] = {}
        self.url = ""
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hub", self._requested)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hub"
        self._session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settled()
        await self._session.close()
        await self._runner.cleanup()

    async def settled(self) -> None:
        """All that it wanted to ask has been answered."""
        while self._asking:
            await asyncio.gather(*self._asking)

    async def _requested(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(form)
        if self.switches.location:
            return web.Response(status=307, headers={"Location": self.switches.location})
        if self.switches.status == 202 and self.switches.verify == "before":
            await self._come_back(form)
        elif self.switches.status == 202 and self.switches.verify == "after":
            task = asyncio.create_task(self._come_back(form))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return web.Response(status=self.switches.status, text="as told")

    async def _come_back(self, form: Mapping[str, str]) -> None:
        callback, topic = form["hub.callback"], form["hub.topic"]
        if self.switches.deny:
            await self.ask(callback, {"hub.mode": "denied", "hub.topic": topic, "hub.reason": self.switches.deny})
            return
        challenge, lease = token_urlsafe(16), self.switches.lease_seconds
        query = {"hub.mode": form["hub.mode"], "hub.topic": self.switches.topic or topic, "hub.challenge": challenge}
        if lease is not None:
            query["hub.lease_seconds"] = str(lease)
        if await self.ask(callback, query) != (200, challenge):
            return
        if form["hub.mode"] == "subscribe":
            secret = form.get("hub.secret", "")
            self.subscribers[callback, topic] = Subscriber(callback, topic, secret, lease or 0)
        else:
            self.subscribers.pop((callback, topic), None)

    async def ask(self, callback: str, query: Mapping[str, str]) -> tuple[int, str]:
        """A question to a callback; its status and body."""
        async with self._session.get(callback, params=query) as answer:
            self.headers.append(answer.headers)
            self.answers.append((answer.status, await answer.text()))
        return self.answers[-1]

    async def push(
        self,
        body: bytes,
        *,
        method: Method = "sha256",
        signature: str | None = None,
        content_type: str = "application/atom+xml",
        link: str = "",
    ) -> list[int]:
        """The statuses that subscribers answer; ``signature``: instead of the right one; empty: none."""
        statuses = []
        for one in list(self.subscribers.values()):
            right = f"{method}={hmac.new(one.secret.encode(), body, method).hexdigest()}"
            given = right if signature is None else signature
            headers = {
                "Content-Type": content_type,
                "Link": link or f'<{self.url}>; rel="hub", <{one.topic}>; rel="self"',
            }
            if given:
                headers["X-Hub-Signature"] = given
            async with self._session.post(one.callback, data=BytesIO(body), headers=headers) as answer:
                statuses.append(answer.status)
        return statuses
