"""How subscriptions fare and why something could not be done, in the visitor's words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from adapters.base import FeedFailed, FeedGone, FeedThrottled, FeedUnavailable, SourceError, SourceSuspended
from bot.clock import to_millis
from bot.errors import LimitReached, NoCredits, UserError
from bot.rules import ids, options, texts
from bot.usecases import destinations, views
from bot.usecases.chat.pausing import UNTIL_RESUMED
from bot.usecases.console.subscriptions import paused_until
from bot.web.console.pages import Visit, worded
from storage.models import Destination, Feed, FeedState

SOON = timedelta(seconds=2)
Kind = Literal["good", "warn", "bad", ""]
"""Which badge."""


@dataclass(frozen=True, slots=True)
class Health:
    """``text``: a word or two; ``detail``: a sentence, where there is more to say."""

    kind: Kind
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A subscription as pages show it."""

    id: str
    title: str
    address: str  # of the feed: what people know it by
    home: str
    source: str
    to: Destination
    to_name: str
    to_state: str
    health: Health
    paused: bool
    next_look: str
    feed: Feed
    wishes: options.Options
    created_at: datetime


def entry(visit: Visit, row: Any, now: datetime) -> Entry:
    """``row``: (subscription, feed, destination)."""
    wish, feed, to = row
    return Entry(
        id=ids.numbered(to_millis(wish.created_at), wish.id),
        title=feed.title or feed.name or feed.key,
        address=f"@{feed.name}" if feed.name and "://" not in feed.key else feed.key,
        home=views.address(feed.key, feed.home) or feed.home,
        source=feed.source,
        to=to,
        to_name=to.name or to.address,
        to_state=destinations.state(to, now),
        health=_health(visit, row, now),
        paused=paused_until(row, now) is not None,
        next_look=_next_look(visit, feed, now),
        feed=feed,
        wishes=options.read(wish.options),
        created_at=wish.created_at,
    )


def _health(visit: Visit, row: Any, now: datetime) -> Health:
    say, language, feed = visit.say, visit.language, row[1]
    if until := paused_until(row, now):
        if until >= UNTIL_RESUMED:
            return Health("", say("subscriptions.paused"))
        return Health(
            "", say("subscriptions.paused"), say("subscriptions.goes_on", when=texts.ago(language, until, now))
        )
    if feed.state == FeedState.GONE:
        return Health("bad", say("subscriptions.gone"), fault(visit, "gone"))
    if feed.state != FeedState.ACTIVE:
        return Health("bad", say("subscriptions.given_up"), fault(visit, feed.fault) if feed.fault else "")
    if feed.failures:
        since = texts.ago(language, feed.failing_since or now, now)
        detail = say("subscriptions.since", why=fault(visit, feed.fault), when=since)
        return Health("warn" if feed.failures < _MANY else "bad", say("subscriptions.trouble"), detail)
    if feed.last_success_at is None:
        return Health("", say("subscriptions.unread"))
    when = texts.ago(language, feed.last_new_at, now) if feed.last_new_at else ""
    detail = say("subscriptions.last_post", when=when) if when else ""
    return (
        Health("warn", say("subscriptions.quiet"), detail)
        if feed.told == "quiet"
        else Health("good", say("subscriptions.fine"), detail)
    )


_MANY = 3  # failures in a row: then its subscribers are told


def _next_look(visit: Visit, feed: Feed, now: datetime) -> str:
    if feed.state != FeedState.ACTIVE:
        return visit.say("subscriptions.never")
    if feed.lease_token is not None or feed.due_at <= now + SOON:
        return visit.say("subscriptions.now")
    return texts.ago(visit.language, feed.due_at, now)


def fault(visit: Visit, name: str, status: int | None = None) -> str:
    """``name``: a ``FeedFault`` or what stands in its place; said as chats say it."""
    if name == "http" and status:
        return texts.say(visit.language, "fault.http_status", status=status)
    try:
        return texts.say(visit.language, f"fault.{name}")
    except KeyError:
        return texts.say(visit.language, "fault.other")


def unread(visit: Visit, error: SourceError | None) -> str:
    """Why a name led to no feed."""
    match error:
        case FeedFailed():
            reason = fault(visit, error.fault, error.status)
        case FeedThrottled():
            reason = fault(visit, "throttled")
        case FeedGone():
            reason = fault(visit, "gone")
        case FeedUnavailable():
            reason = fault(visit, "unavailable")
        case SourceSuspended():
            reason = fault(visit, "suspended")
        case _:
            return visit.say("subscriptions.not_found")
    return visit.say("subscriptions.unreadable", why=reason)


def why(visit: Visit, error: UserError) -> str:
    """Why a subscription could not be made or changed."""
    match error:
        case LimitReached():
            return visit.say("subscriptions.plan_full")
        case NoCredits():
            return visit.say("subscriptions.no_credits")
    if error.code == "unverified":
        return visit.say("subscriptions.unverified")
    return worded(visit, error)
