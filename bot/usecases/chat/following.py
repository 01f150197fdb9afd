"""``subscribe`` and ``unsubscribe``."""

from typing import Any

from adapters.base import (
    Button,
    FeedFailed,
    FeedGone,
    FeedNotFound,
    FeedThrottled,
    FeedUnavailable,
    SourceError,
    SourceSuspended,
)
from adapters.inbound import Reply
from bot.rules import commands
from bot.rules.command_words import Verb
from bot.rules.commands import button, feed_name
from bot.rules.plain_text import cut
from bot.usecases import posts, subscriptions, views
from bot.usecases.chat import choosing, questions, undoing
from bot.usecases.chat.turn import LABEL, TITLE, Turn, name, with_buttons
from bot.usecases.chat.who import Looked
from storage.models import Feed, Subscription

MOST_CANDIDATES = 5


def subscribe(turn: Turn) -> Reply:
    if not turn.command.argument:
        return turn.reply("subscribe.which")
    looked = turn.looked
    if looked is None:
        return turn.failed("subscribe.unlooked", name=feed_name(turn.command.argument))
    if looked.found is None:
        return _not_found(turn, looked)
    made = subscriptions.subscribe(
        turn.work,
        account_id=turn.chat.account_id,
        destination_id=turn.chat.destination.id,
        source=looked.source,
        found=looked.found,
        host=looked.host,
        policy=turn.terms.policy,
        default_interval=turn.terms.interval,
        latest=False,
    )
    reply = _subscribed(turn, made) if made.new else _known(turn, made)
    buttons = [turn.button("button.latest", Verb.LATEST, str(made.subscription.number))]
    if made.new:
        buttons.append(undoing.remember(turn, undoing.Change(made=[made.subscription.id])))
    return with_buttons(reply, buttons)


def _subscribed(turn: Turn, made: subscriptions.Subscribed) -> Reply:
    what = turn.say("subscribe.done", number=made.subscription.number, feed=name(made.feed, TITLE))
    then = turn.say("subscribe.stopped") if turn.chat.conversation.stopped_at else turn.say("subscribe.then")
    where = views.address(made.feed.key, made.feed.home) or made.feed.key
    return Reply("\n".join([what, where, _newest(turn, made.feed), then]))


def _known(turn: Turn, made: subscriptions.Subscribed) -> Reply:
    known: Subscription = made.subscription
    what = turn.say("subscribe.known", number=known.number, feed=name(made.feed, TITLE))
    paused = known.paused_until is not None and known.paused_until > turn.now
    return Reply("\n".join(filter(None, [what, turn.say("subscribe.paused", number=known.number) if paused else ""])))


def _newest(turn: Turn, feed: Feed) -> str:
    newest = posts.newest(turn.work, feed.id, 1, 0)
    if not newest:
        return turn.say("subscribe.empty")
    post = newest[0]
    title = cut(post.title or post.url, TITLE)
    if post.published_at is None or post.published_at > turn.now:
        return turn.say("subscribe.newest", title=title)
    return turn.say("subscribe.newest_at", title=title, when=turn.ago(post.published_at))


def _not_found(turn: Turn, looked: Looked) -> Reply:
    error, what = looked.error, cut(looked.name, TITLE)
    candidates = error.candidates[:MOST_CANDIDATES] if isinstance(error, FeedNotFound) else ()
    if not candidates:
        return turn.failed("subscribe.failed", name=what, why=why(turn, error), now=_what_now(turn, error))
    listed = "\n".join(f"• {address}" for address in candidates)
    how = turn.say("subscribe.candidates_how", address=candidates[0])
    text = f"{turn.say('subscribe.candidates', name=what)}\n{listed}\n{how}"
    labelled = {one.label: one for one in map(_candidate, candidates)}  # labels must differ
    return with_buttons(Reply(text), labelled.values())


def _candidate(address: str) -> Button:
    short = address.removeprefix("https://").removeprefix("http://")
    label = short if len(short) <= LABEL else f"…{short[1 - LABEL :]}"  # candidates differ at the end
    return Button(label, button(Verb.SUBSCRIBE, address))


def why(turn: Turn, error: SourceError | None) -> str:
    """Why a feed could not be read, in words."""
    match error:
        case FeedFailed():
            return fault(turn, error.fault, error.status)
        case FeedThrottled():
            return turn.say("fault.throttled")
        case FeedGone():
            return turn.say("fault.gone")
        case FeedUnavailable():
            return turn.say("fault.unavailable")
        case SourceSuspended():
            return turn.say("fault.suspended")
        case _:
            return turn.say("fault.not_found")


def fault(turn: Turn, name: str, status: int | None = None) -> str:
    """``name``: a ``FeedFault``."""
    if name == "http" and status:
        return turn.say("fault.http_status", status=status)
    return turn.say(_FAULTS.get(name, "fault.other"))


_FAULTS = {
    "dns": "fault.dns",
    "connect": "fault.connect",
    "tls": "fault.tls",
    "timeout": "fault.timeout",
    "http": "fault.http",
    "too_large": "fault.too_large",
    "not_a_feed": "fault.not_a_feed",
    "parse": "fault.parse",
    "hostile": "fault.hostile",
    "blocked_address": "fault.blocked_address",
    "throttled": "fault.throttled",
    "unavailable": "fault.unavailable",
    "suspended": "fault.suspended",
}
_PASSING = frozenset(("connect", "timeout", "http"))


def _what_now(turn: Turn, error: SourceError | None) -> str:
    passing = isinstance(error, FeedFailed) and error.fault in _PASSING and (error.status or 500) >= 500
    if passing or isinstance(error, FeedThrottled | SourceSuspended):
        return turn.say("subscribe.try_later")
    return turn.say("subscribe.try_other")


# Unsubscribing


def unsubscribe(turn: Turn) -> Reply:
    if commands.is_all(turn.command.argument):
        return _unsubscribe_all(turn)
    return choosing.one_of(turn, _end)


def _end(turn: Turn, row: Any) -> Reply:
    subscriptions.unsubscribe(turn.work, row.id)
    undo = undoing.remember(turn, undoing.Change(ended=[row.id]))
    return with_buttons(turn.reply("unsubscribe.done", number=row.number, feed=name(row, TITLE)), [undo])


def _unsubscribe_all(turn: Turn) -> Reply:
    rows = turn.followed()
    if not rows:
        return turn.reply("list.none")
    if turn.command.answer != "yes":
        return questions.confirm(turn, turn.reply("unsubscribe.sure", len(rows)), "button.end_all")
    for row in rows:
        subscriptions.unsubscribe(turn.work, row.id)
    undo = undoing.remember(turn, undoing.Change(ended=[row.id for row in rows]))
    return with_buttons(turn.reply("unsubscribe.all", len(rows)), [undo])
