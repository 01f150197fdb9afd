"""Feishu and Lark as the program sees them: one account's app, and custom bots beside it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from adapters.base import Ambiguous, Finding, Message, Prepared, Receipt, Rejected
from adapters.channels.feishu import cards, settings
from adapters.channels.feishu.api import OpenApi
from adapters.channels.feishu.callbacks import MAX_BODY, Opened, check_app, open_callback, read_document
from adapters.channels.feishu.directory import Directory
from adapters.channels.feishu.download import download
from adapters.channels.feishu.events import FLAT, Reads
from adapters.channels.feishu.examination import Examination
from adapters.channels.feishu.hook import Hook
from adapters.channels.feishu.limits import Limits, Sleep
from adapters.channels.feishu.longconn import LongConnection
from adapters.channels.feishu.pictures import Pictures
from adapters.channels.feishu.sending import Sender
from adapters.channels.feishu.settings import is_hook
from adapters.http import Outbound
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Parsed, Receive, Reply

TOTAL_SECONDS: Final = 20.0  # for one message, with all that may have to be asked for it
APP_LIMITS: Final = ((50, 1.1), (1000, 61.0))  # messages in seconds (feishu.md 4)
CHAT_LIMITS: Final = ((5, 1.1),)
HOOK_LIMITS: Final = ((5, 1.1), (100, 61.0))  # of one custom bot (feishu.md 21)


class Feishu:
    """One account.  Without an app only custom bots can be written to."""

    Config = settings.Config

    lane = "chat"
    max_text = 4000
    in_flight = 1
    dedupe_window: timedelta | None = timedelta(minutes=55)  # of the hour that the platform knows a ``uuid``
    needs_secret = False
    max_body = MAX_BODY

    def __init__(
        self,
        outbound: Outbound,
        name: str,
        config: settings.Config,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self._outbound, self._config = outbound, config
        self._api = OpenApi(outbound, name, config, monotonic=monotonic)
        self._sender = Sender(self._api, Limits(APP_LIMITS, CHAT_LIMITS, monotonic=monotonic, sleep=sleep))
        self._hook = Hook(outbound, config, Limits((), HOOK_LIMITS, monotonic=monotonic, sleep=sleep))
        self._pictures = Pictures(outbound, self._api, monotonic=monotonic)
        self._directory = Directory(self._api, monotonic=monotonic)
        self._reads = Reads(self._directory)
        self._long = LongConnection(outbound, name, config, self._arrived, sleep=sleep)

    # --- Out

    def normal_address(self, address: str) -> str:
        return self._config.normal_address(address)

    @property
    def prepared(self) -> Prepared:
        """Of the app: custom bots need none."""
        config, called = self._config, self._config.mode == "callback"
        missing = [one for one in ("app_id", "app_secret") if not getattr(config, one)]
        if called and not config.verification_token and not config.encrypt_key:
            missing.append("verification_token")
        variables = tuple(settings.setting(self.name, one) for one in missing)
        token = settings.setting(self.name, "verification_token")
        return Prepared(variables, called, config.verification_token if called else "", token if called else "")

    async def send(self, message: Message) -> Receipt:
        """A post becomes a card, a reply plain text, or a card when it has buttons.

        Raises SendError; what the platform's codes mean is in ``codes``.
        """
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._send(message)
        except TimeoutError:
            raise Ambiguous("the platform took too long", code="timeout") from None

    async def _send(self, message: Message) -> Receipt:
        if is_hook(message.address):
            return await self._hook.send(message, await self._picture(message) if self._config.app_id else "")
        self._api.need_app()
        if message.code and not await self._one_person(message):
            raise Rejected("a code may go to one person only, not to a group", code="code_to_group")
        return await self._sender.send(message, await self._picture(message))

    async def close(self) -> None:
        await self._pictures.close()
        await self._directory.close()
        await self._api.close()

    # --- In

    async def parse(self, callback: Callback) -> Parsed:
        opened = open_callback(callback, self._config)
        if opened.challenge:
            return Parsed(answer=opened.challenge)
        return Parsed(await self._reads.events(opened))

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:
        """The card that was pressed becomes the reply, for everybody in the chat, unless it concerns one alone.
        An old callback is answered by the card alone."""
        if reply is None:
            return HttpAnswer()
        card = cards.text_card(reply.text, cards.callbacks(reply.buttons))
        if message.key.startswith(FLAT):
            return HttpAnswer(body=msgspec.json.encode(card))
        toast = {"type": "info", "content": cards.first_line(reply.text)}
        shown = {} if reply.aside else {"card": {"type": "raw", "data": card}}
        return HttpAnswer(body=msgspec.json.encode({"toast": toast, **shown}))

    async def managers(self, chat: str) -> Sequence[str] | None:
        return await self._directory.managers(chat) if chat.startswith("oc_") else None

    async def seen(self, message: ChatMessage) -> None:
        """The platform has no such sign."""

    async def download(self, message: ChatMessage) -> bytes:
        return await download(self._outbound, self._api, self._config.base_url, message)

    async def listen(self, receive: Receive) -> None:
        """Holds the long connection in mode "websocket"; in mode "callback" there is nothing to do."""
        if self._config.mode == "websocket":
            await self._long.run(receive)
        await asyncio.Event().wait()

    # --- Both

    async def examine(self, callback_url: str) -> Sequence[Finding]:
        examination = Examination(self._outbound, self._api, self._long, self.name, self._config)
        return await examination.findings(callback_url)

    # --- Parts of these

    async def _arrived(self, raw: bytes) -> Parsed:
        """An event of the long connection, which was proven when it was opened.  Raises Refused."""
        document = read_document(raw)
        check_app(document, self._config)
        return Parsed(await self._reads.events(Opened(document, raw)))

    async def _picture(self, message: Message) -> str:
        post = message.post
        return await self._pictures.key(post.image) if post and not message.code else ""

    async def _one_person(self, message: Message) -> bool:
        return not message.address.startswith("oc_") or await self._directory.is_direct(message.address)
