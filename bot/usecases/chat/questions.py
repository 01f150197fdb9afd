"""Questions that wait for an answer: kept with the chat, and only for the person who was asked."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from adapters.inbound import Reply
from bot.rules.command_words import Verb
from bot.rules.commands import Command, button
from bot.usecases.chat.turn import Turn, stored, with_buttons
from storage.chat_models import Conversation

LASTS = timedelta(minutes=10)


class Question(msgspec.Struct, frozen=True):
    """What was asked.  "confirm": whether to do it; "pick": with which number."""

    kind: Literal["confirm", "pick"]
    verb: Verb
    argument: str  # of the command; of "pick" what follows the number in it
    by: str  # the person who was asked
    until: datetime


def confirm(turn: Turn, reply: Reply, label: str) -> Reply:
    """Ask before doing the present command; ``label``: the name of the text on the button that says yes."""
    verb, argument = turn.command.verb, turn.command.argument
    _store(turn, Question("confirm", verb, argument, turn.chat.person, turn.now + LASTS))
    yes = turn.button(label, verb, argument)
    no = turn.button("button.no", verb, argument)
    yes = msgspec.structs.replace(yes, value=button(verb, argument, "yes"))
    return with_buttons(reply, [yes, msgspec.structs.replace(no, value=button(verb, argument, "no"))])


def offer_numbers(turn: Turn, also: str) -> None:
    """From now on a bare number of this person, followed by ``also``, is the argument of the present command."""
    _store(turn, Question("pick", turn.command.verb, also, turn.chat.person, turn.now + LASTS))


def answered(turn: Turn) -> Command | Reply:
    """The command that the present message, a yes or no or a bare number, completes; or why there is none."""
    question, command = _open(turn), turn.command
    if question is None:
        return turn.reply("question.none")
    if question.by != turn.chat.person:
        return turn.aside("question.others")
    if command.verb is Verb.NUMBER:
        if question.kind == "pick":
            forget(turn)
            return Command(question.verb, f"{command.argument} {question.argument}".strip())
        return turn.reply("question.yes_or_no")
    if question.kind == "pick" and command.verb is Verb.YES:
        return turn.reply("question.number")
    forget(turn)
    return turn.reply("question.dropped") if command.verb is Verb.NO else _confirmed(question)


def pressed(turn: Turn) -> Command | Reply:
    """As ``answered``, for a button below a question: it must belong to the one that is open."""
    question, command = _open(turn), turn.command
    if question is None or (question.verb, question.argument) != (command.verb, command.argument):
        return turn.reply("question.over")
    if question.by != turn.chat.person:
        return turn.aside("question.others")
    forget(turn)
    return turn.reply("question.dropped") if command.answer == "no" else _confirmed(question)


def picking(turn: Turn) -> bool:
    """Whether a bare number of this person would be an answer."""
    question = _open(turn)
    return question is not None and question.kind == "pick" and question.by == turn.chat.person


def is_open(conversation: Conversation, now: datetime) -> bool:
    """Whether an answer is waited for there."""
    return _of(conversation, now) is not None


def forget(turn: Turn) -> None:
    """Nothing is asked any more."""
    turn.chat.conversation.asked = ""
    turn.work.session.add(turn.chat.conversation)


def _confirmed(question: Question) -> Command:
    return Command(question.verb, question.argument, answer="yes")


def _open(turn: Turn) -> Question | None:
    return _of(turn.chat.conversation, turn.now)


def _of(conversation: Conversation, now: datetime) -> Question | None:
    question = stored(conversation.asked, Question)
    return question if question and question.until > now else None


def _store(turn: Turn, question: Question) -> None:
    turn.chat.conversation.asked = msgspec.json.encode(question).decode()
    turn.work.session.add(turn.chat.conversation)
