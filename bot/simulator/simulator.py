"""The simulator as the rest of the gateway sees it: two channels, a source, and what the person on the page does."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.base import Channel, Source
from adapters.channels.feishu import Config as FeishuConfig
from adapters.channels.feishu import Feishu as FeishuChannel
from adapters.channels.whatsapp import Config as WhatsAppConfig
from adapters.channels.whatsapp import WhatsApp as WhatsAppChannel
from adapters.inbound import Callback, ChatMessage, Parsed, Receive, Talking
from bot.clock import Clock
from bot.errors import NotFound, Unavailable
from bot.rules.vault import Vault
from bot.simulator import looks, templates
from bot.simulator.callbacks import Callbacks, Document, FeishuCallbacks, WhatsAppCallbacks
from bot.simulator.channel import Simulated
from bot.simulator.feishu import APP, Feishu
from bot.simulator.looks import Looks
from bot.simulator.outbound import Inside
from bot.simulator.source import Samples
from bot.simulator.whatsapp import NUMBER_ID, VERSION, WhatsApp
from bot.usecases import simulator
from bot.usecases.simulator import CHANNELS, STEPS, ChatView, Outgoing
from storage.database import Database


class Simulator:
    """Holds nothing that another process would have to know."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database, self._clock = database, clock
        secret = vault.derived("simulator")[0].hex()
        feishu, whatsapp = Inside(Feishu(database)), Inside(WhatsApp(database))
        self.channels: Mapping[str, Channel] = {
            CHANNELS["feishu"]: Simulated(
                FeishuChannel(feishu, CHANNELS["feishu"], _feishu(secret)), r"o[cu]_sim_[a-z0-9]{20}"
            ),
            CHANNELS["whatsapp"]: Simulated(
                WhatsAppChannel(whatsapp, CHANNELS["whatsapp"], _whatsapp(secret)), r"\+999[0-9]{11}"
            ),
        }
        self.sources: Mapping[str, Source] = {simulator.SAMPLE: Samples(database)}
        self._callbacks: Mapping[str, Callbacks] = {
            "feishu": FeishuCallbacks(secret),
            "whatsapp": WhatsAppCallbacks(secret),
        }
        self._receive: Callable[[str], Receive] | None = None

    def connect(self, receive: Callable[[str], Receive]) -> None:
        """``receive``: what takes in the events of a channel."""
        self._receive = receive

    # What the person does

    async def look(self, account_id: int, platform: str) -> ChatView:
        """The chat, which makes its person when there is none yet."""
        shown = await self._database.read(simulator.view, account_id, platform)
        if shown is None:
            await self._database.write(simulator.person, account_id)
            shown = await self._database.read(simulator.view, account_id, platform)
        assert shown is not None
        return shown

    async def switch_phone_on(self, account_id: int, platform: str, view: ChatView) -> None:
        """Somebody looks at the chat: each message is a step further towards having been read, and we are told."""
        steps = STEPS[platform]
        rows = [row for row in view.messages if not row.own and row.status in steps]
        if not rows:
            return
        for status in dict.fromkeys(steps[row.status] for row in rows):
            some = [row for row in rows if steps[row.status] == status]
            await self._tell(platform, self._callbacks[platform].told(view.person, some, status, self._clock()))
        await self._database.write(simulator.told, account_id, rows)

    async def say(self, account_id: int, platform: str, text: str, language: str) -> None:
        """``language``: in which the bot answers somebody whom it does not know yet.  Raises StorageError."""
        person = (await self.look(account_id, platform)).person
        message_id = simulator.new_message_id(platform)
        told = self._callbacks[platform].said(person, message_id, text, self._clock())
        await self._write_down(account_id, platform, message_id, told, Looks("text", text))
        await self._tell(platform, told, language)

    async def press(self, account_id: int, platform: str, message_id: str, number: int, language: str) -> str:
        """The button of that number on a message, from 0; the words that pass by on the screen, if any.

        Raises NotFound, StorageError.
        """
        row = await self._database.read(simulator.message, account_id, platform, message_id)
        shown = looks.read(row.looks)
        if not 0 <= number < len(shown.keys) or not (key := shown.keys[number]).value:
            raise NotFound("there is no such button")
        person = (await self.look(account_id, platform)).person
        own_id = simulator.new_message_id(platform)
        told = self._callbacks[platform].pressed(person, own_id, message_id, shown, key, self._clock())
        if platform == "whatsapp":  # there it is a message of the person
            await self._write_down(account_id, platform, own_id, told, Looks("text", key.label, quotes=message_id))
        answer = await self._tell(platform, told, language)
        return await self._answered(account_id, message_id, answer) if platform == "feishu" else ""

    async def _write_down(self, account_id: int, platform: str, message_id: str, told: Document, shown: Looks) -> None:
        body = self._callbacks[platform].shown(told)
        request = {"method": "POST", "path": f"/webhooks/{CHANNELS[platform]}", "body": body}
        wrote = Outgoing(
            platform=platform,
            address="",
            request=json.dumps(request, ensure_ascii=False),
            looks=looks.write(shown),
        )
        await self._database.write(simulator.write_down, account_id, message_id, wrote)

    async def _answered(self, account_id: int, message_id: str, answer: bytes) -> str:
        """The answer to a press draws the card anew, and says a word that passes by."""
        said = msgspec.json.decode(answer)
        if card := said.get("card"):
            shown = looks.write(looks.of_card(card["data"]))
            await self._database.write(simulator.redraw, account_id, "feishu", message_id, shown)
        return str(said.get("toast", {}).get("content", ""))

    async def _tell(self, platform: str, document: Document, language: str = "") -> bytes:
        """Through the real channel, as if its platform had called.  Raises StorageError."""
        channel = self.channels[CHANNELS[platform]]
        if self._receive is None or not isinstance(channel, Talking):
            raise Unavailable("nobody takes in what the simulator tells")
        now = self._clock()
        headers, body = self._callbacks[platform].request(document, now)
        parsed = await channel.parse(Callback("POST", {}, headers, body, now))
        events = [_spoken(event, language) for event in parsed.events]
        return (await self._receive(CHANNELS[platform])(Parsed(events))).body


def _spoken(event: Any, language: str) -> Any:
    """The platforms do not tell in which language somebody reads; the page knows."""
    return msgspec.structs.replace(event, language=language) if isinstance(event, ChatMessage) else event


def _feishu(secret: str) -> FeishuConfig:
    return FeishuConfig(app_id=APP, app_secret="simulator", verification_token=secret, encrypt_key=secret)  # noqa: S106


def _whatsapp(secret: str) -> WhatsAppConfig:
    return WhatsAppConfig(
        token="simulator",  # noqa: S106
        api_version=VERSION,
        phone_number_id=NUMBER_ID,
        app_secret=secret,
        verify_token=secret,
        code_template=templates.CODE,
        alert_template=templates.ALERT,
        nudge_template=templates.NUDGE,
    )
