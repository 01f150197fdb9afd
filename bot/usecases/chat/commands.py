"""What a message comes to: the effect of its command, and the one reply to it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from adapters.inbound import ChatMessage, Reply
from bot.rules import commands, texts
from bot.rules.command_words import Verb
from bot.rules.commands import Command
from bot.usecases.chat import about, following, listing, pausing, proving, tracing, transfer, undoing
from bot.usecases.chat.turn import Turn
from bot.usecases.chat.who import Chat, Looked, Terms
from storage.database import Work

_RUN: Mapping[Verb, Callable[[Turn], Reply]] = {
    Verb.SUBSCRIBE: following.subscribe,
    Verb.UNSUBSCRIBE: following.unsubscribe,
    Verb.LIST: listing.list_all,
    Verb.LATEST: listing.latest,
    Verb.PAUSE: pausing.pause,
    Verb.RESUME: pausing.resume,
    Verb.VERIFY: proving.verify,
    Verb.CODE: proving.code,
    Verb.PHONE: proving.phone,
    Verb.LINK: proving.link,
    Verb.WHY: tracing.why,
    Verb.STATUS: listing.status,
    Verb.QUOTA: about.quota,
    Verb.WHOAMI: about.whoami,
    Verb.LANG: about.lang,
    Verb.HELP: about.help_,
    Verb.IMPORT: transfer.import_,
    Verb.EXPORT: transfer.export,
    Verb.UNDO: undoing.undo,
    Verb.STOP: pausing.stop,
    Verb.START: pausing.start,
    Verb.STALE: lambda turn: turn.reply("button.stale"),
    Verb.UNKNOWN: about.unknown,
}


def answer(work: Work, terms: Terms, chat: Chat, message: ChatMessage, looked: Looked | None) -> Reply | None:
    """Carry out what a message says; None when there is nothing to say to it.

    ``looked``: what ``bot.rules.commands.needs`` and ``wants_file`` asked for.
    """
    command = commands.of(message)
    if command is None and looked and looked.file is not None:
        command = Command(Verb.IMPORT)
    turn = _turn(work, terms, chat, message, command, looked)
    if not chat.conversation.direct and (code := _code_in(message, command)):
        return proving.shown_to_all(turn, code) or (turn.reply("only.direct") if message.addressed else None)
    if command is None:
        return _no_command(turn)
    return _run(turn)


def _turn(
    work: Work, terms: Terms, chat: Chat, message: ChatMessage, command: Command | None, looked: Looked | None
) -> Turn:
    language = _language(chat, message, command)
    if command and command.language and not chat.conversation.language:
        chat.conversation.language = command.language
        work.session.add(chat.conversation)
    return Turn(work, terms, chat, message, command or Command(Verb.HELP), looked, language)


def _language(chat: Chat, message: ChatMessage, command: Command | None) -> str:
    """To answer in: the person's where the platform tells it, else the chat's, else that of the first command.

    A direct chat's choice is the person's own, so it counts more than what the platform tells.
    """
    told, chosen = texts.matching(message.language), chat.conversation.language
    first = (chosen, told) if chat.conversation.direct else (told, chosen)
    return next(filter(None, (*first, command.language if command else "", chat.language)), "en")


def _code_in(message: ChatMessage, command: Command | None) -> str:
    """What was written in a group and may be a code."""
    if message.action or message.forwarded:
        return ""
    written = command.argument if command and command.verb in about.PERSONAL else message.text
    return written if commands.is_code(written) else ""


def _run(turn: Turn) -> Reply:
    command = turn.command
    if command.answer or command.verb in _ANSWERS:
        completed = about.completed(turn)
        if isinstance(completed, Reply):
            return completed
        turn = replace(turn, command=completed)
    if not turn.chat.conversation.direct:
        if turn.command.verb in about.PERSONAL:
            return turn.reply("only.direct")
        if commands.needs_manager(turn.command) and not turn.chat.manager:
            return turn.reply("only.managers")
    return _RUN[turn.command.verb](turn)


_ANSWERS = frozenset((Verb.YES, Verb.NO, Verb.NUMBER))


def _no_command(turn: Turn) -> Reply | None:
    message = turn.message
    if not message.addressed and not message.direct:
        return None
    if message.forwarded:
        return turn.reply("message.forwarded") if message.direct else None
    if message.kind != "text":
        return turn.reply("message.kind")
    return about.help_(turn)


# What is said without a command


def greeting(chat: Chat) -> Reply:
    """To a person who opens a chat, or a group that takes the bot in."""
    return Reply(texts.say(chat.language, "greeting.direct" if chat.conversation.direct else "greeting.group"))


def refusal(language: str) -> Reply:
    """To somebody whom we do not know while nobody may sign up; a code of ``link`` is the way in."""
    return Reply(texts.say(language, "refusal"))


def closed(language: str) -> Reply:
    """To whoever belongs to an account that an operator has disabled."""
    return Reply(texts.say(language, "closed"))


def late(language: str) -> Reply:
    """To a command that was old when it reached us: it had no effect."""
    return Reply(texts.say(language, "late"))


def broken(language: str, trace: str) -> Reply:
    """To a command that could not be carried out through a fault of ours."""
    return Reply(f"{texts.say(language, 'broken')}\n{texts.say(language, 'trace', trace=trace)}")
