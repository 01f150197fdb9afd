"""What the tests of this channel share: messages as the dispatcher makes them, and a server for callbacks."""

from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from adapters.base import Message
from adapters.channels.whatsapp import WhatsApp
from adapters.inbound import AnyEvent, Callback, ChatMessage, Refused
from tests.clock import START, MovableClock

ANA = "+34600123456"


def message(text: str = "", **changes: Any) -> Message:
    """A reply with that text; with ``post`` a post."""
    event = "post.created" if "post" in changes else "reply"
    given: dict[str, Any] = {
        "id": "msg_1",
        "address": ANA,
        "created_at": START,
        "sent_at": START,
        "text": text,
        "event": event,
    }
    return Message(**(given | changes))


def chat_message(**changes: Any) -> ChatMessage:
    given: dict[str, Any] = {"key": "m:wamid.1", "chat": ANA, "direct": True, "sender": ANA, "message_id": "wamid.1"}
    return ChatMessage(**(given | changes))


@dataclass
class Monotonic:
    """A clock for durations, moved on by who rests on it."""

    now: float = 1000.0
    rests: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


class Hook:
    """Our webhook, as far as the platform can tell: hands callbacks to the channel and keeps the events."""

    def __init__(self, channel: WhatsApp, clock: MovableClock) -> None:
        self.events: list[AnyEvent] = []
        self.statuses: list[int] = []  # to answer before anything is taken
        self._channel, self._clock = channel, clock

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=self._channel.max_body)
        app.router.add_route("*", "/webhooks/whatsapp", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhooks/whatsapp"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.statuses and request.method == "POST":
            return web.Response(status=self.statuses.pop(0))
        callback = Callback(request.method, request.query, request.headers, body, self._clock())
        try:
            parsed = await self._channel.parse(callback)
        except Refused as refused:
            return web.Response(status=refused.status)
        self.events += parsed.events
        answer = parsed.answer or self._channel.answer(chat_message(), None)
        return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
