"""``pause`` and ``resume``, ``stop`` and ``start``: silence for a time, and silence for good."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.inbound import Reply
from bot.rules import commands
from bot.rules.command_words import Verb
from bot.rules.plain_text import cut
from bot.usecases import held, subscriptions
from bot.usecases.chat import choosing, undoing
from bot.usecases.chat.turn import TITLE, Turn, lines, name, with_buttons

UNTIL_RESUMED = datetime(9999, 1, 1, tzinfo=UTC)


def pause(turn: Turn) -> Reply:
    length, written, what = commands.duration(turn.command.argument)
    until = turn.now + length if length else UNTIL_RESUMED
    rows = _meant(turn, what, written)
    if isinstance(rows, Reply):
        return rows
    before = undoing.Change(paused=[(row.id, row.paused_until) for row in rows])
    subscriptions.pause(turn.work, [row.id for row in rows], until)
    undo = undoing.remember(turn, before)
    for_time = turn.say("pause.until", time=turn.span(length)) if length else turn.say("pause.open")
    if len(rows) == 1:
        done = turn.say("pause.one", number=rows[0].number, feed=name(rows[0], TITLE))
    else:
        done = turn.say("pause.all", len(rows))
    again = "" if commands.is_all(what) or not what else str(rows[0].number)
    return with_buttons(lines(done, for_time), [turn.button("button.resume", Verb.RESUME, again), undo])


def resume(turn: Turn) -> Reply:
    rows = _meant(turn, turn.command.argument)
    if isinstance(rows, Reply):
        return rows
    paused = [row for row in rows if row.paused_until and row.paused_until > turn.now]
    stopped = turn.say("list.stopped") if turn.chat.conversation.stopped_at else ""
    if not paused:
        return lines(turn.say("resume.none"), stopped)
    subscriptions.resume(turn.work, [row.id for row in paused])
    undo = undoing.remember(turn, undoing.Change(paused=[(row.id, row.paused_until) for row in paused]))
    if len(paused) == 1:
        done = turn.say("resume.one", number=paused[0].number, feed=name(paused[0], TITLE))
    else:
        done = turn.say("resume.all", len(paused))
    return with_buttons(lines(done, stopped), [undo])


def _meant(turn: Turn, what: str, also: str = "") -> Sequence[Any] | Reply:
    """One subscription, or all when none is named; else what there is to choose from."""
    rows = turn.followed()
    if not rows:
        return turn.reply("list.none")
    if not what or commands.is_all(what):
        return rows
    found = choosing.matching(rows, what)
    if not found:
        return turn.failed("choose.nothing", words=cut(what, 80))
    return found if len(found) == 1 else choosing.offer(turn, found, also)


def stop(turn: Turn) -> Reply:
    """Whoever says so is not asked twice, and nothing more is sent to them than this answer."""
    conversation = turn.chat.conversation
    if conversation.stopped_at is None:
        held.stop(turn.work, conversation)
    return with_buttons(turn.reply("stop.done"), [turn.button("button.start", Verb.START)])


def start(turn: Turn) -> Reply:
    conversation = turn.chat.conversation
    if conversation.stopped_at is None:
        return turn.reply("greeting.direct" if conversation.direct else "greeting.group")
    held.start(turn.work, conversation)
    return turn.reply("start.done")
