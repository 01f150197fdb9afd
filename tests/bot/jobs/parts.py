"""Stand-ins for channels and sources in the process, where no socket is needed."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.base import Cursor, Found, Message, Page, Receipt, SendError, SourceError

Answer = Receipt | SendError | Exception


class PlainChannel:
    """Answers as told, by address; ``None`` hangs until cancelled."""

    max_text = 1000
    dedupe_window: timedelta | None = None
    needs_secret = False

    def __init__(self, name: str = "webhook", in_flight: int = 4) -> None:
        self.name = self.lane = name
        self.in_flight = in_flight
        self.messages: list[Message] = []
        self.answers: dict[str, Answer | None] = {}

    def normal_address(self, address: str) -> str:
        return address

    async def send(self, message: Message) -> Receipt:
        self.messages.append(message)
        await asyncio.sleep(0)
        answer = self.answers.get(message.address, Receipt(status=200))
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Receipt):
            return answer
        assert answer is not None
        raise answer

    async def close(self) -> None:
        """Holds nothing."""


class PlainSource:
    """Answers each poll by a function of its key."""

    kind = "feed"

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Page | SourceError | Exception]) -> None:
        self.answer = answer
        self.polled: list[str] = []

    async def resolve(self, name: str, now: datetime) -> Found:
        return Found(name, await self.poll(name, {}, now))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        self.polled.append(key)
        await asyncio.sleep(0)
        answer = self.answer(key, cursor)
        if isinstance(answer, Page):
            return answer
        raise answer

    def host(self, key: str) -> str:
        return f"host of {key}"

    async def close(self) -> None:
        """Holds nothing."""
