"""A real channel under another name, with no other addresses than those of the simulator's people."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.base import BadAddress, Message, Receipt
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Parsed, Reply


class Simulated:
    """``real``: what does all of it.

    It is less than that on purpose: nothing here has phone numbers for anybody else's use, is examined by the doctor,
    or listens on a connection.
    """

    lane = "chat"
    needs_secret = False

    def __init__(self, real: Any, addresses: str) -> None:
        """``addresses``: what is taken as one, as a pattern."""
        self._real, self._addresses = real, re.compile(addresses, re.ASCII)
        self.name: str = real.name
        self.max_text: int = real.max_text
        self.in_flight: int = real.in_flight
        self.dedupe_window: timedelta | None = real.dedupe_window
        self.max_body: int = real.max_body
        self.nudges: bool = getattr(real, "nudges", False)

    def normal_address(self, address: str) -> str:
        normal = str(self._real.normal_address(address))
        if not self._addresses.fullmatch(normal):
            raise BadAddress("the simulator has no addresses but those on its page in the console")
        return normal

    async def send(self, message: Message) -> Receipt:
        receipt: Receipt = await self._real.send(message)
        return receipt

    async def close(self) -> None:
        await self._real.close()

    async def parse(self, callback: Callback) -> Parsed:
        parsed: Parsed = await self._real.parse(callback)
        return parsed

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:
        answer: HttpAnswer = self._real.answer(message, reply)
        return answer

    async def managers(self, chat: str) -> Sequence[str] | None:
        found: Sequence[str] | None = await self._real.managers(chat)
        return found

    async def seen(self, message: ChatMessage) -> None:
        await self._real.seen(message)

    async def download(self, message: ChatMessage) -> bytes:
        file: bytes = await self._real.download(message)
        return file
