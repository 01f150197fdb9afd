"""What has to be asked of the platform to understand what is said.

Who the bot is, which chats are private, who manages a group.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.base import SendError
from adapters.channels.feishu.api import OpenApi
from adapters.channels.feishu.flights import Flights

KEEP_SECONDS: Final = 300.0
FAILED_SECONDS: Final = 30.0
ASK_SECONDS: Final = 1.2  # what a callback may wait, of the three seconds that the platform gives it
MAX_CHATS: Final = 10_000


@dataclass(frozen=True, slots=True)
class ChatInfo:
    direct: bool
    managers: tuple[str, ...]  # open ids, the owner first
    until: float  # on the monotonic clock


class Directory:
    """Remembers what it was told for some minutes; who the bot is, for ever."""

    def __init__(self, api: OpenApi, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._api, self._monotonic = api, monotonic
        self._bot, self._ask_bot_at = "", float("-inf")
        self._chats: OrderedDict[str, ChatInfo] = OrderedDict()
        self._direct: OrderedDict[str, bool] = OrderedDict()
        self._bots: Flights[str] = Flights()
        self._asked: Flights[ChatInfo] = Flights()

    async def bot(self) -> str:
        """The bot's open id; empty while it cannot be learnt."""
        if not self._bot and self._monotonic() >= self._ask_bot_at:
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await self._bots.join("bot", self._fetch_bot)
            except (SendError, TimeoutError):
                self._ask_bot_at = self._monotonic() + FAILED_SECONDS
        return self._bot

    def met(self, chat: str, *, direct: bool) -> None:
        """A message said what kind of chat it is from."""
        self._direct[chat] = direct
        self._direct.move_to_end(chat)
        if len(self._direct) > MAX_CHATS:
            self._direct.popitem(last=False)

    async def is_direct(self, chat: str) -> bool:
        """Whether a chat is between the bot and one person.  Raises SendError."""
        if chat not in self._direct:
            self.met(chat, direct=(await self._info(chat)).direct)
        return self._direct[chat]

    async def seems_direct(self, chat: str) -> bool:
        """As ``is_direct``; what cannot be learnt in time is not."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await self.is_direct(chat)
        except (SendError, TimeoutError):
            return False

    async def managers(self, chat: str) -> Sequence[str]:
        """Open ids of a group's owner and administrators.  Raises SendError."""
        return (await self._info(chat)).managers

    async def close(self) -> None:
        await self._bots.close()
        await self._asked.close()

    async def _info(self, chat: str) -> ChatInfo:
        info = self._chats.get(chat)
        if info is None or self._monotonic() >= info.until:
            info = await self._asked.join(chat, lambda: self._fetch_chat(chat))
        return info

    async def _fetch_bot(self) -> str:
        said = await self._api.call("GET", "/open-apis/bot/v3/info")
        bot = said.document.get("bot")  # not in ``data`` (feishu.md 3.3)
        self._bot = _id(bot.get("open_id")) if isinstance(bot, dict) else ""
        return self._bot

    async def _fetch_chat(self, chat: str) -> ChatInfo:
        said = await self._api.call("GET", f"/open-apis/im/v1/chats/{chat}", query={"user_id_type": "open_id"})
        info = ChatInfo(said.data.get("chat_mode") == "p2p", _managers(said.data), self._monotonic() + KEEP_SECONDS)
        self._chats[chat] = info
        self._chats.move_to_end(chat)
        if len(self._chats) > MAX_CHATS:
            self._chats.popitem(last=False)
        return info


def _managers(chat: Mapping[str, Any]) -> tuple[str, ...]:
    others = chat.get("user_manager_id_list")
    named = [chat.get("owner_id"), *(others if isinstance(others, list) else ())]  # a bot's group has no owner here
    return tuple(dict.fromkeys(filter(None, map(_id, named))))


def _id(value: object) -> str:
    return value if isinstance(value, str) and value.startswith("ou_") else ""
