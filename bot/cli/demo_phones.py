"""The platforms of the demo, each with a person on it: what they can do there, and what their screen shows.

Both are the stand-ins of the tests, on real sockets: signatures, limits and refusals are as the platforms have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any, Protocol, Self

from bot.clock import utc_now

if TYPE_CHECKING:
    from tests.fakes import feishu, whatsapp

PERSON, OTHER = "Ada", "Bo"
NUMBER = "+34600123456"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of the bot as a screen has it now."""

    id: str
    text: str
    buttons: tuple[str, ...] = ()
    group: str = ""  # where it is, if not between Ada and the bot


class Phone(Protocol):
    """Ada's, on one platform.  ``async with`` opens the platform."""

    title: str

    def settings(self) -> Mapping[str, str]:
        """How the gateway is told of this platform."""

    async def connect(self, url: str) -> None:
        """Have the platform call the gateway there.  Raises ConnectionError."""

    async def say(self, text: str, answers: str = "") -> None:
        """Write.  ``answers``: the id of the message that is replied to."""

    async def press(self, label: str) -> Sequence[str]:
        """Press the newest button of that label; returns what is shown at once, without a new message."""

    def written(self) -> int:
        """How many messages the bot has written."""

    def screen(self, since: int = 0) -> Sequence[Shown]:
        """What it has written after so many messages, oldest first."""

    def calls(self) -> tuple[int, int]:
        """Callbacks that the platform made, and those of them that were taken at once."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...


class FeishuPhone:
    """Cards, buttons that change them, and a group."""

    title = "Feishu"

    async def __aenter__(self) -> Self:
        from tests.fakes.feishu import FakeFeishu

        self._open = AsyncExitStack()
        self.platform = await self._open.enter_async_context(FakeFeishu())
        self._ada, self._bo = self.platform.person(PERSON), self.platform.person(OTHER)
        self._chat = self.platform.private(self._ada)
        self._group: feishu.Chat | None = None
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    def settings(self) -> Mapping[str, str]:
        platform = self.platform
        return {
            "FEISHU_BASE_URL": platform.base_url,
            "FEISHU_APP_ID": platform.app_id,
            "FEISHU_APP_SECRET": platform.app_secret,
            "FEISHU_VERIFICATION_TOKEN": platform.verification_token,
            "FEISHU_ENCRYPT_KEY": platform.encrypt_key,
        }

    async def connect(self, url: str) -> None:
        self.platform.callback_url = f"{url}/webhooks/feishu"
        if not await self.platform.verify_url():
            raise ConnectionError(f"{self.platform.callback_url} did not answer the handshake")

    async def say(self, text: str, answers: str = "") -> None:
        answered = next((one for one in self._chat.messages if one.id == answers), None)
        await self.platform.say(self._chat, self._ada, text, answers=answered)

    async def press(self, label: str) -> Sequence[str]:
        card = next(one for one in reversed(self.platform.shown(self._chat)) if label in one.buttons)
        toasts = len(self.platform.toasts)
        answer = await self.platform.press(card, label, self._ada)
        new = _words_of_card(card) if answer.get("card") else ""
        return [*(f"({toast})" for toast in self.platform.toasts[toasts:]), *filter(None, [new])]

    async def found_group(self, name: str) -> None:
        """Bo makes a group and adds the bot."""
        self._group = self.platform.group(name, self._bo, self._ada)
        await self.platform.add_bot(self._group, self._bo)

    async def mention(self, text: str) -> None:
        """Bo speaks to the bot in the group."""
        assert self._group
        await self.platform.say(self._group, self._bo, text, mention=True)

    def written(self) -> int:
        return len(self._written())

    def screen(self, since: int = 0) -> Sequence[Shown]:
        return [
            Shown(one.id, _words_of_card(one), tuple(one.buttons), "" if one.chat.direct else one.chat.name)
            for one in self._written()[since:]
        ]

    def _written(self) -> list[feishu.Shown]:
        chats = [self._chat, *([self._group] if self._group else [])]
        return sorted(
            (one for chat in chats for one in self.platform.shown(chat)), key=lambda one: (len(one.id), one.id)
        )

    def calls(self) -> tuple[int, int]:
        return len(self.platform.events), len(self.platform.events) - len(self.platform.pending)


class WhatsAppPhone:
    """Buttons, blue ticks, and the 24 hours."""

    title = "WhatsApp"

    async def __aenter__(self) -> Self:
        from tests.fakes.whatsapp import FakeWhatsApp, Template

        self._open = AsyncExitStack()
        self.platform: whatsapp.FakeWhatsApp = await self._open.enter_async_context(FakeWhatsApp())
        nudge = "{{1}} new posts wait for you. Write anything, and they come."
        self.platform.add(Template("posts_wait", parameters=1, category="UTILITY", text=nudge))
        self._ada = self.platform.person(NUMBER, name=PERSON)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    def settings(self) -> Mapping[str, str]:
        config = self.platform.config(nudge_template="posts_wait")
        fields = ("base_url", "token", "phone_number_id", "app_secret", "verify_token", "nudge_template")
        return {f"WHATSAPP_{field}".upper(): getattr(config, field) for field in fields}

    async def connect(self, url: str) -> None:
        await self.platform.connect(f"{url}/webhooks/whatsapp")

    async def say(self, text: str, answers: str = "") -> None:
        await self.platform.say(NUMBER, text, **({"context": {"id": answers}} if answers else {}))

    async def press(self, label: str) -> Sequence[str]:
        await self.platform.press(NUMBER, label)
        return []

    async def read(self) -> None:
        """Ada looks at the newest message: blue ticks."""
        await self.platform.read(NUMBER)

    def forget(self) -> None:
        """A day goes by in which she does not write; only the platform notices."""
        self._ada.wrote_at = utc_now() - timedelta(hours=25)

    def written(self) -> int:
        return len(self._ada.screen)

    def screen(self, since: int = 0) -> Sequence[Shown]:
        return [
            Shown(one.id, f"[picture]\n{one.text}" if one.picture else one.text, _labels(one))
            for one in self._ada.screen[since:]
        ]

    def calls(self) -> tuple[int, int]:
        posted = self.platform.callbacks.posted
        return len(posted), sum(one.answers[:1] == (200,) for one in posted)


def _labels(shown: whatsapp.Shown) -> tuple[str, ...]:
    return tuple(label for label, _ in shown.buttons)


def _words_of_card(shown: feishu.Shown) -> str:
    """What a person reads, a line for each piece; buttons are told apart."""
    content: Any = shown.content
    if shown.msg_type != "interactive":
        return shown.text
    header = content.get("header", {})
    lines = [header.get(part, {}).get("content", "") for part in ("title", "subtitle")]
    for element in content["body"]["elements"]:
        if element["tag"] == "markdown":
            lines.append(unescape(element["content"]))
        elif element["tag"] == "img":
            lines.append("[picture]")
    return "\n".join(filter(None, lines))
