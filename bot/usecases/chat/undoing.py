"""``undo``: the last change of a chat can be taken back, for ten minutes, by whoever made it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.base import Button
from adapters.inbound import Reply
from bot.rules.command_words import Verb
from bot.usecases import subscriptions
from bot.usecases.chat.turn import Turn, stored

LASTS = timedelta(minutes=10)


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What would be turned back."""

    made: Sequence[int] = ()  # subscriptions
    ended: Sequence[int] = ()
    paused: Sequence[tuple[int, datetime | None]] = ()  # subscriptions, and until when they were paused before
    language: str | None = None  # of the chat, before


class Kept(msgspec.Struct, frozen=True):
    """A change as the chat keeps it."""

    change: Change
    by: str
    until: datetime


def remember(turn: Turn, change: Change) -> Button:
    """Keep how to take the present command back; returns the button for it."""
    kept = Kept(change, turn.chat.person, turn.now + LASTS)
    turn.chat.conversation.undo = msgspec.json.encode(kept).decode()
    turn.work.session.add(turn.chat.conversation)
    return turn.button("button.undo", Verb.UNDO)


def undo(turn: Turn) -> Reply:
    conversation = turn.chat.conversation
    kept = stored(conversation.undo, Kept)
    if kept is None or kept.until <= turn.now:
        return turn.reply("undo.nothing", time=turn.span(LASTS))
    if kept.by != turn.chat.person:
        return turn.aside("undo.others")
    conversation.undo = ""
    turn.work.session.add(conversation)
    return _take_back(turn, kept.change)


def _take_back(turn: Turn, change: Change) -> Reply:
    work = turn.work
    if change.language is not None:
        turn.chat.conversation.language = change.language
        return turn.reply("undo.language")
    if change.made:
        mine = {row.id for row in turn.followed()}
        made = [id_ for id_ in change.made if id_ in mine]
        for id_ in made:
            subscriptions.unsubscribe(work, id_)
        return turn.reply("undo.ended", len(made))
    if change.ended:
        here = turn.chat.destination.id
        return turn.reply("undo.restored", sum(subscriptions.restore(work, id_, here) for id_ in change.ended))
    for id_, until in change.paused:
        if until is None:
            subscriptions.resume(work, [id_])
        else:
            subscriptions.pause(work, [id_], until)
    return turn.reply("undo.paused", len(change.paused))
