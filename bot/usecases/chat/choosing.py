"""Which subscription is meant: by number, address or words; and the offer to pick one."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.base import Button
from adapters.inbound import Reply
from bot.rules import commands
from bot.rules.command_words import word
from bot.rules.commands import button
from bot.rules.plain_text import cut
from bot.usecases.chat import questions
from bot.usecases.chat.turn import LABEL, MOST_BUTTONS, Turn, name, with_buttons


def matching(rows: Sequence[Any], argument: str) -> list[Any]:
    """Those of a chat's subscriptions that are meant by a number, an address, a whole title or words of them."""
    if (number := commands.number(argument)) is not None:
        return [row for row in rows if row.number == number]
    wanted = argument.casefold()
    exact = [row for row in rows if wanted in (row.title.casefold(), row.key.casefold(), row.home.casefold())]
    if exact:
        return exact
    words = wanted.split()
    return [row for row in rows if all(word in f"{row.title} {row.key}".casefold() for word in words)]


def one_of(turn: Turn, act: Callable[[Turn, Any], Reply]) -> Reply:
    """Do it with the one subscription that the command's argument means; else offer what may be meant."""
    rows, argument = turn.followed(), turn.command.argument
    if not rows:
        return turn.reply("list.none")
    found = matching(rows, argument) if argument else rows
    if not found:
        return turn.failed("choose.nothing", words=cut(argument, 80))
    if len(found) == 1 and (argument or len(rows) == 1):
        return act(turn, found[0])
    return offer(turn, found)


def offer(turn: Turn, rows: Sequence[Any], also: str = "") -> Reply:
    """The choice as text and as buttons; a bare number answers it.  ``also``: what follows the number in a command."""
    questions.offer_numbers(turn, also)
    shown = rows[:MOST_BUTTONS]
    listed = [f"{row.number}. {name(row)}" for row in shown]
    more = turn.say("choose.more", len(rows) - len(shown)) if len(rows) > len(shown) else ""
    verb = turn.command.verb
    how = turn.say("choose.how", example=f"{word(verb, turn.language)} {shown[0].number} {also}".strip())
    values = [button(verb, f"{row.number} {also}".strip()) for row in shown]
    buttons = [
        Button(cut(f"{row.number}. {name(row)}", LABEL), value) for row, value in zip(shown, values, strict=True)
    ]
    return with_buttons(Reply("\n".join(filter(None, [turn.say("choose.which"), *listed, more, how]))), buttons)
