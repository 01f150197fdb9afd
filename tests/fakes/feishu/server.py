"""The platform as a whole: what people do in it, and where their doing is told."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot.clock import Clock, utc_now
from bot.simulator.feishu_checks import check_card
from tests.fakes.feishu import wire
from tests.fakes.feishu.connection import Connections
from tests.fakes.feishu.console import Console
from tests.fakes.feishu.custom_bots import CustomBot, CustomBots
from tests.fakes.feishu.model import Chat, Person, Script, Shown
from tests.fakes.feishu.openapi import OpenApi

REPEATS = (timedelta(seconds=15), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))


@dataclass
class Pending:
    """An event that was not taken yet."""

    document: dict[str, Any]
    due: Sequence[datetime]


class FakeFeishu:
    """One tenant with one app.  People talk by ``say`` and ``press``; ``shown`` is what a chat shows of the bot.

    Events go to an open long connection, else to ``callback_url``; ``events`` keeps all of them.
    """

    def __init__(
        self,
        *,
        clock: Clock = utc_now,
        host: str = "127.0.0.1",
        port: int = 0,
        callback_url: str = "",
        encrypt_key: str = "test key",
        verification_token: str = "v-token",
    ) -> None:
        self.clock, self._host, self.port = clock, host, port
        self.callback_url, self.encrypt_key, self.verification_token = callback_url, encrypt_key, verification_token
        self.app_id, self.app_secret, self.bot_id = "cli_bell", "app-secret-1", "ou_the_bot"
        self.limits = False
        self.scripts: deque[Script] = deque()
        self.token_gate: asyncio.Event | None = None  # token requests wait for it
        self.token_broken = False  # token requests get a proxy's page
        self.images_refused = False
        self.people: dict[str, Person] = {}
        self.chats: dict[str, Chat] = {}
        self.events: list[dict[str, Any]] = []
        self.pending: list[Pending] = []
        self.toasts: list[str] = []
        self.console = Console(bot_id=self.bot_id)
        self.api = OpenApi(self)
        self.custom_bots = CustomBots(clock, self.api.images)
        self.connections = Connections(self)
        self._numbers = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=12 * 1024 * 1024)
        for part in (self.api, self.custom_bots, self.connections):
            part.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port).start()
        self.port = self._runner.addresses[0][1]
        self._client = ClientSession(timeout=ClientTimeout(total=3))

    async def stop(self) -> None:
        await self.connections.drop()
        await self._client.close()
        await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self.port}"

    # --- Who there is

    def person(self, name: str) -> Person:
        person = Person(f"ou_{name.lower()}", name)
        self.people[person.open_id] = person
        return person

    def group(self, name: str, owner: Person | None = None, *members: Person) -> Chat:
        chat = Chat(self._id("oc"), name, False, [*([owner] if owner else []), *members], owner)
        self.chats[chat.id] = chat
        return chat

    def private(self, person: Person) -> Chat:
        """The person's chat with the bot."""
        for chat in self.chats.values():
            if chat.direct and chat.members == [person]:
                return chat
        chat = Chat(self._id("oc"), person.name, True, [person])
        self.chats[chat.id] = chat
        return chat

    def custom_bot(self, **how: Any) -> tuple[str, CustomBot]:
        """Its address, and what it got."""
        token = f"hook-{self._next()}"
        bot = self.custom_bots.bots[token] = CustomBot(token, **how)
        return f"{self.base_url}/open-apis/bot/v2/hook/{token}", bot

    # --- What they do

    async def say(
        self,
        chat: Chat,
        person: Person,
        text: str,
        *,
        mention: bool = False,
        answers: Shown | None = None,
        also_mention: Sequence[Person] = (),
    ) -> Shown:
        """Write; in a group, ``mention`` puts the bot's mention in front."""
        mentions: list[Any] = []
        words: list[str] = []
        if mention:
            mentions.append(self.mention(len(mentions) + 1, self.bot_id, "Bell", "bot"))
            words.append("@_user_1")
        words.append(text)
        for one in also_mention:
            mentions.append(self.mention(len(mentions) + 1, one.open_id, one.name, "user"))
            words.append(f"@_user_{len(mentions)}")
        message = self.show(chat, "text", {"text": " ".join(words)}, person.open_id)
        message.parent_id = answers.id if answers else ""
        await self.push("im.message.receive_v1", self.received(message, person, mentions))
        return message

    async def send_file(self, chat: Chat, person: Person, name: str, content: bytes) -> Shown:
        key = f"file_v3_{self._next()}"
        self.api.files[key] = content
        message = self.show(chat, "file", {"file_key": key, "file_name": name}, person.open_id)
        await self.push("im.message.receive_v1", self.received(message, person, []))
        return message

    async def press(self, message: Shown, label: str, by: Person) -> Any:
        """Press a button; the answer changes the card and shows its notice."""
        behavior = message.offered[label]
        assert behavior["type"] == "callback", "that button opens an address"
        event = self.pressed(message, behavior["value"], by)
        answer = await self.push("card.action.trigger", event, repeats=False)
        self.api.press_tokens[event["token"]] = (message, self.clock(), 0)
        assert answer.keys() <= {"toast", "card"}, answer
        if toast := answer.get("toast"):
            assert toast["type"] in ("info", "success", "warning", "error")
            self.toasts.append(toast["content"])
        if card := answer.get("card"):
            assert card["type"] == "raw"
            check_card(card["data"], set(self.api.images))
            message.edits.append(message.content)
            message.content = card["data"]
        return answer

    async def add_bot(self, chat: Chat, by: Person) -> None:
        chat.bot_in = True
        await self.push("im.chat.member.bot.added_v1", self._group_event(chat, by))

    async def remove_bot(self, chat: Chat, by: Person) -> None:
        chat.bot_in = False
        await self.push("im.chat.member.bot.deleted_v1", self._group_event(chat, by))

    def shown(self, chat: Chat) -> list[Shown]:
        """What the bot has written there, oldest first."""
        return [message for message in chat.messages if message.sender == self.app_id]

    # --- How events look

    def received(self, message: Shown, person: Person, mentions: Sequence[Any]) -> dict[str, Any]:
        now = str(int(self.clock().timestamp() * 1000))
        told: dict[str, Any] = {
            "message_id": message.id,
            "create_time": now,
            "update_time": now,
            "chat_id": message.chat.id,
            "chat_type": "p2p" if message.chat.direct else "group",
            "message_type": message.msg_type,
            "content": json.dumps(message.content),
            "user_agent": "Mozilla/5.0",
        }
        if mentions:
            told["mentions"] = list(mentions)
        if message.parent_id:
            told |= {"root_id": message.parent_id, "parent_id": message.parent_id}
        return {"sender": {"sender_id": person.ids, "sender_type": "user", "tenant_key": "tk1"}, "message": told}

    def mention(self, number: int, open_id: str, name: str, kind: str) -> dict[str, Any]:
        ids = {"open_id": open_id, "union_id": open_id.replace("ou_", "on_"), "user_id": ""}
        return {"key": f"@_user_{number}", "id": ids, "name": name, "mentioned_type": kind, "tenant_key": "tk1"}

    def pressed(self, message: Shown, value: Any, by: Person) -> dict[str, Any]:
        return {
            "operator": {"tenant_key": "tk1", **by.ids},
            "token": f"c-{self._next()}",
            "action": {"value": value, "tag": "button", "timezone": "Asia/Shanghai"},
            "host": "im_message",
            "context": {"open_message_id": message.id, "open_chat_id": message.chat.id},
        }

    def document(self, event_type: str, event: Any, **header: str) -> dict[str, Any]:
        given = {
            "event_id": f"{self._next():032x}",
            "create_time": str(int(self.clock().timestamp() * 1000)),
            "token": self.verification_token,
            "app_id": self.app_id,
            "tenant_key": "tk1",
        }
        return wire.envelope(event_type, event, **(given | header))

    def request(self, document: Any, *, timestamp: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback, encrypted and signed if there is an encrypt key."""
        plain = wire.encoded(document)
        if not self.encrypt_key:
            return {"Content-Type": "application/json"}, plain
        body = wire.sealed(self.encrypt_key, plain)
        return wire.event_headers(self.encrypt_key, body, timestamp or str(int(self.clock().timestamp()))), body

    # --- How events travel

    async def push(self, event_type: str, event: Any, *, repeats: bool = True) -> Any:
        """Tell of something that happened; what is not taken is told again by ``repeat``."""
        document = self.document(event_type, event)
        self.events.append(document)
        answer = await self.deliver(document)
        if answer is None and repeats:
            now = self.clock()
            self.pending.append(Pending(document, [now + after for after in REPEATS]))
        return {} if answer is None else answer

    async def deliver(self, document: dict[str, Any]) -> Any:
        """One try; the answer to a press of a button, ``{}`` for all else that was taken, None for what was not."""
        if self.connections.clients:
            try:
                answer = await self.connections.push(document)
            except TimeoutError:
                return None
            return answer.get("data", {}) if answer["code"] == 200 else None
        if not self.callback_url:
            return {}
        pressed = document["header"]["event_type"] == "card.action.trigger"
        go_time = f"{self.clock():%Y-%m-%d %H:%M:%S}.052290112 +0000 UTC m=+3612.1" if pressed else ""
        headers, body = self.request(document, timestamp=go_time)
        try:
            async with self._client.post(self.callback_url, data=body, headers=headers) as response:
                return await response.json() if response.status == 200 else None
        except (ClientError, TimeoutError):
            return None

    async def repeat(self) -> None:
        """Tell again what is due."""
        now, pending = self.clock(), self.pending
        self.pending = []
        for one in pending:
            left = [due for due in one.due if due > now]
            if len(left) == len(one.due) or await self.deliver(one.document) is None:
                self.pending.append(Pending(one.document, left))
        self.pending = [one for one in self.pending if one.due]

    async def verify_url(self) -> Any:
        """The handshake of the developer console, which waits one second."""
        challenge = {"challenge": "challenge-1", "token": self.verification_token, "type": "url_verification"}
        body = wire.encoded(challenge)
        if self.encrypt_key:
            body = wire.sealed(self.encrypt_key, body)
        async with asyncio.timeout(1), self._client.post(self.callback_url, data=body) as response:
            return response.status == 200 and await response.json() == {"challenge": "challenge-1"}

    # --- Parts of these

    def show(self, chat: Chat, msg_type: str, content: Any, sender: str, **more: Any) -> Shown:
        message = Shown(self._id("om"), chat, msg_type, content, sender, **more)
        chat.messages.append(message)
        return message

    def _group_event(self, chat: Chat, by: Person) -> dict[str, Any]:
        return {
            "chat_id": chat.id,
            "operator_id": by.ids,
            "external": False,
            "operator_tenant_key": "tk1",
            "name": chat.name,
            "i18n_names": {"zh_cn": chat.name},
        }

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._next():04}"
