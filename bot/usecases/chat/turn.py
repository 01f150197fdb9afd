"""One message's turn: what a command is given, and the ways to answer it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from adapters.base import Button
from adapters.inbound import ChatMessage, Reply
from bot.rules import texts
from bot.rules.command_words import Verb
from bot.rules.commands import Command, button
from bot.rules.plain_text import cut, one_line
from bot.usecases import subscriptions
from bot.usecases.chat.who import Chat, Looked, Terms
from storage.database import Work

T = TypeVar("T")

MOST_BUTTONS = 10
MOST_TEXT = 1024  # UTF-16 units of a message that has buttons (whatsapp.md 8.3)
LABEL = 20  # characters: the shortest that a platform shows (whatsapp.md 8.3)
NAME = 40  # of a feed, in lists
TITLE = 120  # of a post


@dataclass(frozen=True, slots=True)
class Turn:
    """A command at the moment of its effect."""

    work: Work
    terms: Terms
    chat: Chat
    message: ChatMessage
    command: Command
    looked: Looked | None
    language: str

    @property
    def now(self) -> datetime:
        return self.work.now

    def say(self, text: str, n: int | None = None, /, **values: str | int) -> str:
        return texts.say(self.language, text, n, **values)

    def reply(self, text: str, n: int | None = None, /, **values: str | int) -> Reply:
        return Reply(self.say(text, n, **values))

    def aside(self, text: str) -> Reply:
        """To somebody who pressed a button that is for another person: one line, and no more than passes by."""
        return Reply(self.say(text), aside=True)

    def failed(self, text: str, n: int | None = None, /, **values: str | int) -> Reply:
        """What failed, why and what to do now, with the trace by which the log tells more."""
        return Reply(f"{self.say(text, n, **values)}\n{self.say('trace', trace=self.chat.trace)}")

    def button(self, label: str, verb: Verb, argument: str = "") -> Button:
        """``label``: a text's name."""
        return Button(self.say(label), button(verb, argument))

    def ago(self, at: datetime) -> str:
        return texts.ago(self.language, at, self.now)

    def span(self, length: timedelta) -> str:
        return texts.span(self.language, length)

    def followed(self) -> list[Any]:
        """The chat's subscriptions by number (``storage.subscriptions.of_destination``)."""
        return list(subscriptions.of_destination(self.work, self.chat.destination.id))


def name(row: Any, longest: int = NAME) -> str:
    """What a feed is called; its address while it has no title."""
    return cut(one_line(row.title) or row.key.removeprefix("https://").removeprefix("http://"), longest)


def stored(text: str, kind: type[T]) -> T | None:
    """What a chat keeps as JSON; None when there is nothing, or nothing that this version knows."""
    try:
        return msgspec.json.decode(text, type=kind) if text else None
    except msgspec.ValidationError:
        return None


def with_buttons(reply: Reply, buttons: Iterable[Button]) -> Reply:
    """Those whose value is short enough to be carried; none below a text that is too long for any."""
    if len(reply.text.encode("utf-16-le")) > 2 * MOST_TEXT:
        return reply
    return Reply(reply.text, tuple(one for one in buttons if one.value)[:MOST_BUTTONS])


def lines(*some: str) -> Reply:
    """A reply of the lines that are not empty."""
    return Reply("\n".join(filter(None, some)))
