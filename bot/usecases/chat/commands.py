"""What people are answered."""

from adapters.inbound import ChatMessage, Reply
from bot.rules import commands
from bot.usecases.chat.who import Chat, Looked, Terms
from storage.database import Work


def answer(work: Work, terms: Terms, chat: Chat, message: ChatMessage, looked: Looked | None) -> Reply | None:  # noqa: ARG001
    """Carry out what a message says; None when there is nothing to say to it."""
    command = commands.of(message)
    match command.verb if command else "":
        case "ping":
            return Reply("pong")
        case "bug":
            raise RuntimeError("a command fails")
        case "manage":
            return Reply("managed" if chat.manager else "only managers may do that")
        case "look" if looked:
            info = looked.found.page.info if looked.found else None
            return Reply(info.title if info else str(looked.error))
    return Reply(f"{len(looked.file)} bytes") if looked and looked.file else None


def greeting(chat: Chat) -> Reply:  # noqa: ARG001
    """To a person who opens a chat, or a group that takes the bot in."""
    return Reply("hello")


def refusal(language: str) -> Reply:  # noqa: ARG001
    """To somebody whom we do not know while nobody may sign up."""
    return Reply("I do not know you")


def late(language: str) -> Reply:  # noqa: ARG001
    """To a command that was old when it reached us."""
    return Reply("this arrived late, please repeat it")


def broken(language: str, trace: str) -> Reply:  # noqa: ARG001
    """To a command that could not be carried out through a fault of ours."""
    return Reply(f"something failed here, trace {trace}")
