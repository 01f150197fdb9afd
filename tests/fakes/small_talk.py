"""A handful of commands in the place of all, for tests of the way in: what a message comes to is known beforehand."""

import pytest

from adapters.inbound import ChatMessage, Reply
from bot.rules import commands as rules
from bot.rules.command_words import Verb
from bot.rules.commands import Command
from bot.usecases.chat import commands
from bot.usecases.chat.who import Chat, Looked, Terms
from storage.database import Work

_WORDS = {"ping": Verb.STATUS, "bug": Verb.UNDO, "manage": Verb.PAUSE, "look": Verb.SUBSCRIBE}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("of", "for_us", "needs", "wants_file", "may_need_manager", "brings_code"):
        monkeypatch.setattr(rules, name, globals()[name])
    for name in ("answer", "greeting", "refusal", "late", "broken"):
        monkeypatch.setattr(commands, name, globals()[name])


def of(message: ChatMessage) -> Command | None:
    word, _, argument = message.text.removeprefix("/").partition(" ")
    if not word or not for_us(message) or message.forwarded:
        return None
    return Command(_WORDS.get(word, Verb.UNKNOWN), argument)


def for_us(message: ChatMessage) -> bool:
    return message.direct or message.addressed or bool(message.action) or message.text.startswith("/")


def needs(message: ChatMessage) -> str | None:
    command = of(message)
    return command.argument if command and command.verb is Verb.SUBSCRIBE else None


def wants_file(message: ChatMessage) -> bool:
    return bool(message.file) and for_us(message)


def may_need_manager(message: ChatMessage) -> bool:
    command = of(message)
    return wants_file(message) or (command is not None and command.verb is Verb.PAUSE)


def brings_code(message: ChatMessage) -> bool:
    return message.text == "K7Q2-9XMB"


def answer(work: Work, terms: Terms, chat: Chat, message: ChatMessage, looked: Looked | None) -> Reply | None:
    """pong; a fault of ours; what may be managed; what was found; how large a file is."""
    command = of(message)
    match command.verb if command else None:
        case Verb.STATUS:
            return Reply("pong")
        case Verb.UNDO:
            raise RuntimeError("a command fails")
        case Verb.PAUSE:
            return Reply("managed" if chat.manager else "only managers may do that")
        case Verb.SUBSCRIBE if looked:
            info = looked.found.page.info if looked.found else None
            return Reply(info.title if info else str(looked.error))
    return Reply(f"{len(looked.file)} bytes") if looked and looked.file else None


def greeting(chat: Chat) -> Reply:
    return Reply("hello")


def refusal(language: str) -> Reply:
    return Reply("I do not know you")


def late(language: str) -> Reply:
    return Reply("this arrived late, please repeat it")


def broken(language: str, trace: str) -> Reply:
    return Reply(f"something failed here, trace {trace}")
