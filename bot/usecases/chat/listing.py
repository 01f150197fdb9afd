"""``list``, ``status`` and ``latest``: what a chat follows, and how it fares."""

from collections.abc import Sequence
from typing import Any

from adapters.inbound import Reply
from bot.rules import rendering
from bot.rules.command_words import Verb
from bot.rules.plain_text import cut
from bot.usecases import posts, views
from bot.usecases.chat import choosing, following
from bot.usecases.chat.turn import TITLE, Turn, lines, name, with_buttons
from storage import trails
from storage.models import FeedState

PAGE = 8  # with long names and faults they still fit above a button
POST = 1500  # characters of a post that is shown at once
COUNTED = 1000  # messages that wait: what is more is not counted


def list_all(turn: Turn) -> Reply:
    words, page = _page(turn.command.argument)
    rows = turn.followed()
    if not rows:
        return turn.reply("list.none")
    found = choosing.matching(rows, words) if words else rows
    if not found:
        return turn.reply("list.no_match", words=cut(words, 80))
    pages = -(-len(found) // PAGE)
    page = min(page, pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    head = turn.say("list.head", len(found))
    listed = [f"{row.number}. {name(row)} – {health(turn, row)}" for row in shown]
    foot = (
        [turn.say("list.page", page=page, pages=pages, next=f"{words} {page % pages + 1}".strip())] if pages > 1 else []
    )
    stopped = [turn.say("list.stopped")] if turn.chat.conversation.stopped_at else []
    buttons = [turn.button("button.next_page", Verb.LIST, f"{words} {page + 1}".strip())] if page < pages else []
    return with_buttons(lines(head, *listed, *foot, *stopped), buttons)


def _page(argument: str) -> tuple[str, int]:
    """The words, and the page that a number at the end asks for."""
    words, _, last = argument.rpartition(" ")
    if last.isdecimal() and int(last[:6]) > 0:
        return words.strip(), int(last[:6])
    return argument, 1


def health(turn: Turn, row: Any) -> str:
    """How a feed fares, in a few words."""
    if row.paused_until and row.paused_until > turn.now:
        return turn.say("health.paused")
    if row.state == FeedState.GONE:
        return turn.say("health.gone")
    if row.state == FeedState.DISABLED or row.failures:
        return turn.say("health.failing", why=following.fault(turn, row.fault))
    if row.last_success_at is None:
        return turn.say("health.unread")
    return turn.say("health.new", when=turn.ago(row.last_new_at)) if row.last_new_at else turn.say("health.ok")


def status(turn: Turn) -> Reply:
    rows, conversation = turn.followed(), turn.chat.conversation
    paused = [row for row in rows if row.paused_until and row.paused_until > turn.now]
    ill = [row for row in rows if row not in paused and (row.failures or row.state in _ILL)]
    waiting = trails.waiting(turn.work.session, turn.chat.destination.id, COUNTED)
    return lines(
        turn.say("status.stopped") if conversation.stopped_at else turn.say("status.runs"),
        turn.say("status.feeds", len(rows)),
        turn.say("status.paused", len(paused)) if paused else "",
        turn.say("status.waiting", waiting) if waiting else "",
        turn.say("status.read", when=turn.ago(_last_read(rows))) if _last_read(rows) else "",
        turn.say("status.ill", len(ill)) if ill else turn.say("status.well") if rows else "",
        *(f"{row.number}. {name(row)} – {health(turn, row)}" for row in ill[:PAGE]),
    )


_ILL = (FeedState.GONE, FeedState.DISABLED)


def _last_read(rows: Sequence[Any]) -> Any:
    return max((row.last_polled_at for row in rows if row.last_polled_at), default=None)


def latest(turn: Turn) -> Reply:
    return choosing.one_of(turn, _latest)


def _latest(turn: Turn, row: Any) -> Reply:
    newest = posts.newest(turn.work, row.feed_id, 1, row.wants)
    if not newest:
        return turn.reply("latest.none", feed=name(row, TITLE))
    version = (newest[0].id, newest[0].version)
    post = views.shown(views.load(turn.work, [version])[version], POST)
    return Reply(rendering.message_text(post, POST))
