"""A small platform to talk through: a channel as an adapter would be, and the server that people "chat" on."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Self

import msgspec
from aiohttp import web

from adapters.base import AddressGone, Message, Receipt, TryAgain
from adapters.http import NoAnswer, NotSent, Outbound
from adapters.inbound import (
    AnyEvent,
    Callback,
    ChatMessage,
    HttpAnswer,
    Parsed,
    Receive,
    Refused,
    Reply,
    decode_event,
)

HEADER = "X-Talk-Secret"


class Talk:
    """Takes `{sender, chat, text, id}` and whole events, under a shared secret."""

    @dataclass(frozen=True, slots=True)
    class Config:
        secret: str = field(default="", repr=False, metadata={"help": "what callers must send"})
        base_url: str = field(default="", metadata={"help": "where messages go"})
        largest: int = field(default=64 * 1024, metadata={"help": "bytes of a callback"})

    lane = "chat"
    max_text = 4000
    in_flight = 1
    dedupe_window: timedelta | None = None
    needs_secret = False
    nudges = True

    def __init__(self, outbound: Outbound, name: str, config: Config) -> None:
        self.name, self.config, self.max_body = name, config, config.largest
        self._outbound = outbound
        self.seen_messages: list[str] = []
        self.asked_managers: list[str] = []
        self.group: Sequence[str] | Exception | None = None

    def normal_address(self, address: str) -> str:
        return address

    async def send(self, message: Message) -> Receipt:
        body = {"to": message.address, "id": message.id, "event": message.event, "text": message.text}
        body["reply_to"] = message.reply_to
        if message.post:
            body["text"] = message.post.title
        try:
            answer = await self._outbound.call(
                "POST", f"{self.config.base_url}/messages", {}, json.dumps(body).encode(), timeout_seconds=5
            )
        except (NotSent, NoAnswer) as error:
            raise TryAgain(str(error), code=error.code) from error
        if answer.status == 410:
            raise AddressGone("nobody lives there", code="gone")
        if answer.status != 200:
            raise TryAgain(f"it answered {answer.status}", code=f"http_{answer.status}")
        return Receipt(message_id=json.loads(answer.body)["id"], status=answer.status)

    async def close(self) -> None:
        """Holds nothing."""

    async def parse(self, callback: Callback) -> Parsed:
        if callback.method == "GET":
            return Parsed(answer=HttpAnswer(body=callback.query["challenge"].encode(), content_type="text/plain"))
        if not compare_digest(callback.headers.get(HEADER, "").encode(), self.config.secret.encode()):
            raise Refused("wrong secret")
        try:
            body = json.loads(callback.body)
        except ValueError:
            raise Refused("no JSON", 400) from None
        return Parsed([self._event(one, callback.received_at) for one in (body if isinstance(body, list) else [body])])

    def _event(self, body: dict[str, Any], now: datetime) -> AnyEvent:
        if "is" in body:
            event: AnyEvent = decode_event(json.dumps(body).encode())
            return event
        return said(**body, at=now)

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:
        return HttpAnswer(body=json.dumps({"reply": reply.text if reply else None}).encode())

    async def managers(self, chat: str) -> Sequence[str] | None:
        self.asked_managers.append(chat)
        if isinstance(self.group, Exception):
            raise self.group
        return self.group

    async def seen(self, message: ChatMessage) -> None:
        self.seen_messages.append(message.key)

    async def download(self, message: ChatMessage) -> bytes:
        return f"file {message.file}".encode()


class ListeningTalk(Talk):
    """Hears what ``tell`` says over a connection that it holds open."""

    def __init__(self, outbound: Outbound, name: str, config: Talk.Config) -> None:
        super().__init__(outbound, name, config)
        self._told: asyncio.Queue[tuple[Parsed, asyncio.Future[HttpAnswer]]] = asyncio.Queue()

    async def listen(self, receive: Receive) -> None:
        while True:
            parsed, answer = await self._told.get()
            answer.set_result(await receive(parsed))

    async def tell(self, *events: AnyEvent) -> HttpAnswer:
        """What the events are answered."""
        answer: asyncio.Future[HttpAnswer] = asyncio.get_running_loop().create_future()
        self._told.put_nowait((Parsed(events), answer))
        return await answer


def said(*, sender: str, chat: str, text: str, id: str, at: datetime | None = None, **more: Any) -> ChatMessage:
    """What a person says; a chat that begins with "#" is a group."""
    usual: dict[str, Any] = {"direct": not chat.startswith("#"), "message_id": id}
    return ChatMessage(key=f"m:{id}", chat=chat, sender=sender, text=text, at=at, **usual | more)


def as_json(event: AnyEvent) -> dict[str, Any]:
    """An event as a callback of this platform has it."""
    return dict(msgspec.to_builtins(event))


class TalkServer:
    """What people see: ``async with TalkServer() as platform``; messages are kept, each under the id it gave."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.status = 200

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/messages", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def texts(self, to: str) -> list[str]:
        """What a chat has been shown, each message once however often it came."""
        unlike = {one["id"]: one["text"] for one in self.shown if one["to"] == to}
        return list(unlike.values())

    async def _take(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status)
        self.shown.append(await request.json())
        return web.json_response({"id": f"t{len(self.shown)}"})
