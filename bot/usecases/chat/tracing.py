"""``why``: the whole trail of a post, from its feed to this chat, or where it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.inbound import Reply
from adapters.sources.formats.identity import link_keys, links
from bot.rules import commands, texts
from bot.rules.plain_text import cut
from bot.usecases.chat import choosing, following
from bot.usecases.chat.turn import TITLE, Turn, lines, name
from storage import trails
from storage.models import DeliveryState, FeedState

BACK = 200  # posts of each feed that are searched for an address
REASON = 200  # characters of what a platform said


def why(turn: Turn) -> Reply:
    """By a reply to a post, by an address, by a subscription; else the last post that was queued for this chat."""
    session, destination = turn.work.session, turn.chat.destination.id
    argument = turn.command.argument
    if turn.message.answers and not argument:
        trail = trails.by_message(session, destination, turn.message.answers)
        return _told(turn, trail) if trail else turn.failed("why.no_message")
    rows = turn.followed()
    if "://" in argument:
        return _by_address(turn, rows, commands.feed_name(argument))
    if not rows:
        return turn.reply("list.none")
    if argument and (chosen := choosing.matching(rows, argument)):
        return _of_feed(turn, chosen[0])
    return _of_feed(turn, max(rows, key=lambda row: (row.last_new_at or row.created_at, row.id)))


def _by_address(turn: Turn, rows: Sequence[Any], address: str) -> Reply:
    session = turn.work.session
    keys = _link_keys([row.feed_id for row in rows], address)
    ids = [row.feed_id for row in rows]
    post = trails.post_by_link(session, keys) or trails.post_by_url(session, ids, address, BACK)
    if post is None:
        feeds = [row for row in rows if address in (row.key, row.home)]
        return _of_feed(turn, feeds[0]) if feeds else _unknown(turn, rows)
    trail = trails.of_post(session, turn.chat.destination.id, post.id)
    if trail:
        return _told(turn, trail)
    row = next(row for row in rows if row.feed_id == post.feed_id)
    return lines(*_fetched(turn, post), _not_matched(turn, row, post))


def _link_keys(feeds: Sequence[int], address: str) -> list[bytes]:
    """As ``bot.usecases.posts`` stores them: the feed, then the hash of what stands for the link (feeds.md 5.2)."""
    found = link_keys(links([_Named(address)]))
    return [feed.to_bytes(8, "big") + key for feed in feeds for key in found if key]


@dataclass(slots=True)
class _Named:
    """A post of which only the address is known (``adapters.sources.formats.identity.Identifiable``)."""

    link: str
    raw_id: str = ""
    video_id: str = ""
    title: str = ""
    published_text: str = ""
    content: str = ""


def _of_feed(turn: Turn, row: Any) -> Reply:
    """The last post of a subscription; or why there is none yet."""
    trail = trails.latest(turn.work.session, row.id)
    health = _health(turn, row)
    if trail is None:
        return lines(turn.say("why.no_post", number=row.number, feed=name(row, TITLE)), health)
    return lines(_told(turn, trail).text, health)


def _unknown(turn: Turn, rows: Sequence[Any]) -> Reply:
    """It never reached us: what was not read lately may be why."""
    ill = [row for row in rows if row.failures or row.state != FeedState.ACTIVE]
    named = [f"{row.number}. {name(row)} – {_health(turn, row)}" for row in ill[:5]]
    return lines(turn.failed("why.unknown").text, *named)


def _health(turn: Turn, row: Any) -> str:
    if row.last_success_at is None:
        return turn.say("health.unread")
    if row.failures:
        since = texts.moment(row.failing_since or row.last_success_at)
        return turn.say("why.failing", since=since, why=following.fault(turn, row.fault))
    return turn.say("why.read", at=texts.moment(row.last_success_at))


# The trail


def _told(turn: Turn, trail: Any) -> Reply:
    if trail.post_id is None:
        return lines(turn.say("why.notice"), *_sent(turn, trail))
    return lines(*_fetched(turn, trail), *_sent(turn, trail))


def _fetched(turn: Turn, post: Any) -> list[str]:
    title = cut(post.title or post.url, TITLE)
    known = [turn.say("why.post", title=title, feed=cut(post.feed_title or post.key, TITLE))]
    if post.published_at:
        known.append(turn.say("why.published", at=texts.moment(post.published_at)))
    return [*known, turn.say("why.fetched", at=texts.moment(post.found_at))]


def _not_matched(turn: Turn, row: Any, post: Any) -> str:
    if row.created_at >= post.found_at:
        return turn.say("why.before", number=row.number, at=texts.moment(row.created_at))
    if row.paused_until:
        return turn.say("why.paused", number=row.number)
    return turn.say("why.unannounced", number=row.number)


def _sent(turn: Turn, trail: Any) -> list[str]:
    number = next((row.number for row in turn.followed() if row.id == trail.subscription_id), 0)
    matched = turn.say("why.matched", number=number) if number else ""
    told = [matched, turn.say("why.queued", at=texts.moment(trail.created_at))]
    for text, at in (
        ("why.sent", trail.sent_at),
        ("why.delivered", trail.delivered_at),
        ("why.read_at", trail.read_at),
    ):
        if at:
            told.append(turn.say(text, at=texts.moment(at)))
    if trail.sent_at and trail.attempts > 1:
        told.append(turn.say("why.tries", trail.attempts))
    return [*filter(None, told), *_not_sent(turn, trail)]


def _not_sent(turn: Turn, trail: Any) -> list[str]:
    reason = _reason(turn, trail)
    match trail.state:
        case DeliveryState.FAILED:
            return [turn.say("why.failed", at=texts.moment(trail.failed_at or trail.created_at), reason=reason)]
        case DeliveryState.HELD if turn.chat.conversation.stopped_at:
            return [turn.say("why.stopped")]
        case DeliveryState.HELD if trail.error_code == "window_closed":
            return [turn.say("why.window")]
        case DeliveryState.HELD:
            return [turn.say("why.held", reason=reason)]
        case DeliveryState.WAITING if reason:
            return [turn.say("why.retry", trail.attempts, at=texts.moment(trail.due_at), reason=reason)]
        case DeliveryState.READY | DeliveryState.WAITING | DeliveryState.LEASED:
            return [turn.say("why.next")]
        case _:
            return []


def _reason(turn: Turn, trail: Any) -> str:
    """Ours in the person's language, a platform's as it is."""
    known = _REASONS.get(trail.error_code)
    return turn.say(known) if known else cut(trail.error or trail.error_code, REASON)


_REASONS = {
    "unsubscribed": "reason.unsubscribed",
    "expired": "reason.expired",
    "window_closed": "reason.window_closed",
    "stopped": "reason.stopped",
    "summarised": "reason.summarised",
    "destination_disabled": "reason.disabled",
}
