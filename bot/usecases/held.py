"""What waits for a person: deliveries are held while a window is closed or after STOP, and let go in order."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from bot.rules.plain_text import one_line
from bot.rules.retry import Schedules
from bot.rules.texts import say
from bot.usecases import replies
from storage import conversations, held
from storage.chat_models import Conversation
from storage.database import Work
from storage.models import Destination

WINDOW_CLOSED, STOPPED = "window_closed", "stopped"
REASONS = {
    WINDOW_CLOSED: "window closed: the platform allows no message until the person writes",
    STOPPED: "stopped: the person has asked for silence",
}
HOLD = timedelta(days=7)  # HOLD_DAYS, where nobody hands another in
FRESH = timedelta(hours=24)  # what a message that is let go is still worth
EACH = 10  # are sent one by one; of more there is a summary: the pair limit is one message in 6 s
NUDGE_AFTER = timedelta(seconds=60)
HEAD_START = timedelta(seconds=3)  # of the summary before what follows it
MARGIN = timedelta(minutes=1)  # by which the end of holding comes before the end of the delivery's time
LANES = ("chat", "webhook", "code")  # that STOP silences; an answer to who writes is always given
SUMMARY = 3000  # characters
SLICE = 1000


def hold_rows(work: Work, ids: Sequence[int], reason: str, keep: timedelta = HOLD) -> None:
    """Put deliveries aside for ``WINDOW_CLOSED`` or ``STOPPED``; they use up no attempt.

    What makes sense now or never ends instead: answers, codes, and the nudge that was to open the window.
    """
    rows = held.lanes_and_events(work.session, ids)
    now_or_never = [row.id for row in rows if row.lane in ("reply", "code") or row.event == "nudge"]
    held.fail(work.session, now_or_never, reason, REASONS[reason], work.now)
    lasting = sorted({row.id for row in rows} - set(now_or_never))
    where = held.hold(work.session, lasting, reason, REASONS[reason], work.now, work.now + keep + MARGIN)
    if reason == WINDOW_CLOSED and where:
        meet(work, sorted(where))
        conversations.held(work.session, sorted(where), work.now)


def meet(work: Work, destinations: Sequence[int]) -> None:
    """Make conversations with people who get messages and have never written; until they do, whoever sends to them
    stands for their account."""
    for one in conversations.leading_nowhere(work.session, destinations):
        there = conversations.find(work.session, one.channel, [one.address])
        if there is None:
            fresh = Conversation(
                channel=one.channel, address=one.address, account_id=one.account_id, created_at=work.now
            )
            there = conversations.add(work.session, fresh)
        conversations.adopt(work.session, there, [one.address])


def hold_stopped(work: Work, destinations: Sequence[int], keep: timedelta = HOLD) -> set[int]:
    """Those of these destinations whose people want silence: what is queued for them is held, up to 1,000 of each
    kind a call, and nothing of theirs may be claimed."""
    stopped = conversations.stopped(work.session, destinations)
    if stopped:
        hold_rows(work, held.queued(work.session, sorted(stopped), LANES, 1000), STOPPED, keep)
    return stopped


def stop(work: Work, conversation: Conversation) -> None:
    """The person wants silence: nothing goes there, whoever queued it."""
    conversation.stopped_at = conversation.stopped_at or work.now
    work.session.add(conversation)
    work.session.flush()
    hold_stopped(work, conversations.destinations(work.session, conversation.id))


def start(work: Work, conversation: Conversation) -> int:
    """The person wants messages again; answers how many that were held go now."""
    conversation.stopped_at = None
    work.session.add(conversation)
    return release(work, conversation)


def release(work: Work, conversation: Conversation) -> int:
    """Let go, in order, what is held for a conversation, unless its person wants silence; answers how many messages.

    Of more than ten the older ones become one summary.
    """
    if conversation.stopped_at is not None:
        return 0
    conversation.held_since = conversation.nudged_at = None
    work.session.add(conversation)
    work.session.flush()
    rows = held.waiting(work.session, conversations.destinations(work.session, conversation.id))
    if not rows:
        return 0
    older, newest = rows[:-EACH], rows[-EACH:]
    after = HEAD_START if older else timedelta(0)
    if older:
        _summarise(work, conversation, older)
    expires_at = work.now + FRESH
    held.release(work.session, [row.id for row in newest], work.now, work.now + after, expires_at)
    work.wakes.add("deliveries")
    return len(newest) + bool(older)


def _summarise(work: Work, conversation: Conversation, older: Sequence[Any]) -> None:
    language = conversation.language or "en"
    destination = conversations.destination(work.session, conversation) or work.session.get(
        Destination, older[-1].destination_id
    )
    if destination is None:  # nobody could be told; then each is better than none
        return
    text = f"{say(language, 'held.summary', len(older))}\n{_lines(older, language)}"
    replies.queue(
        work, destination, event="digest", lane=destination.lane, text=text,
        extras=replies.Extras(language=language), expires_at=work.now + FRESH,
    )  # fmt: skip
    held.fail(work.session, [row.id for row in older], "summarised", "in the summary instead", work.now)


def _lines(rows: Sequence[Any], language: str) -> str:
    """A line for each, the newest kept where not all fit."""
    lines: list[str] = []
    size = 0
    for row in reversed(rows):
        line = "• " + one_line(" ".join(filter(None, (row.title or row.text, row.url))))[:500]
        size += len(line) + 1
        if size > SUMMARY:
            lines.append(say(language, "held.before", len(rows) - len(lines)))
            break
        lines.append(line)
    return "\n".join(reversed(lines))


def give_up(work: Work, limit: int = SLICE) -> int:
    """End what was held for as long as anything may be; answers how many, up to ``limit``."""
    rows = held.overdue(work.session, work.now + MARGIN, limit)
    for code in {row.error_code for row in rows}:
        reason = REASONS.get(code, "held for too long").partition(":")[0]
        held.fail(work.session, [row.id for row in rows if row.error_code == code], code, reason, work.now)
    return len(rows)


def nudge(work: Work, channels: Collection[str], schedules: Schedules, limit: int = 100) -> int:
    """Tell people once, where their window is closed, how much waits for a word of theirs; answers how many people.

    ``channels``: those that can say so through a closed window.
    """
    told = 0
    for one in conversations.to_nudge(work.session, sorted(channels), work.now - NUDGE_AFTER, limit):
        where = conversations.destinations(work.session, one.id)
        waiting = held.count(work.session, where)
        destination = conversations.destination(work.session, one)
        if not waiting or destination is None:
            one.held_since = None
        else:
            one.nudged_at = work.now
            _nudge(work, one, destination, waiting, schedules)
            told += 1
        work.session.add(one)
    return told


def _nudge(
    work: Work, conversation: Conversation, destination: Destination, waiting: int, schedules: Schedules
) -> None:
    language = conversation.language or "en"
    text = say(language, "held.nudge", waiting)
    replies.queue(
        work, destination, event="nudge", lane=destination.lane, text=text,
        extras=replies.Extras(language=language, waiting=waiting),
        expires_at=work.now + schedules[destination.lane].expires,
    )  # fmt: skip
