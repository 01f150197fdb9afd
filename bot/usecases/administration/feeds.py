"""Feeds, as an operator sees and changes them."""

from dataclasses import dataclass
from typing import Any

from bot.errors import Conflict, NotFound
from bot.usecases import audit, hubs
from bot.usecases import feeds as everyday
from bot.usecases.audit import Actor
from storage import feeds, lists, subscriptions
from storage.database import Work
from storage.lists import Listed
from storage.models import Feed, FeedState

MOVABLE = "feed"  # the source whose keys are addresses


@dataclass(frozen=True, slots=True)
class Sought:
    """Feeds that fit all of these; empty: whatever."""

    source: str = ""
    state: str = ""  # "active", "paused", "gone", "disabled", or "failing"
    search: str = ""  # part of the address, name or title


def page(work: Work, sought: Sought, before: int, limit: int) -> Listed:
    return lists.feeds(work.session, sought.source, sought.state, sought.search, before, limit)


def get(work: Work, feed_id: int) -> Any:
    """Raises NotFound."""
    return _present(work, feed_id)


def subscribers(work: Work, feed_id: int) -> int:
    """How many subscriptions it has; counted to ``lists.COUNTED``."""
    return lists.subscribers(work.session, feed_id)


def poll(work: Work, actor: Actor, feed_id: int) -> Any:
    """Read it at its host's next turn.  Raises NotFound, Conflict."""
    feed = _present(work, feed_id)
    if feed.state != FeedState.ACTIVE:
        raise Conflict(f"the feed is {feed.state}; resume it first")
    feeds.bring_forward(work.session, feed_id, work.now)
    work.wakes.add("feeds")
    audit.note(work, actor, "poll feed", _named(feed_id))
    return _fresh(work, feed_id)


def pause(work: Work, actor: Actor, feed_id: int) -> Any:
    """Not read until it is resumed, or somebody subscribes to it anew.  Raises NotFound, Conflict."""
    feed = _present(work, feed_id)
    if feed.state != FeedState.ACTIVE:
        raise Conflict(f"the feed is {feed.state} already")
    feed.state = FeedState.PAUSED
    work.session.add(feed)
    work.session.flush()
    hubs.leave(work, feed_id)
    audit.note(work, actor, "pause feed", _named(feed_id), {"state": "active"}, {"state": "paused"})
    return _fresh(work, feed_id)


def resume(work: Work, actor: Actor, feed_id: int) -> Any:
    """Read again, also what was given up.  Raises NotFound, Conflict."""
    feed = _present(work, feed_id)
    if feed.state == FeedState.ACTIVE:
        raise Conflict("the feed is active")
    before = {"state": str(feed.state)}
    everyday.follow(work, feed.source, feed.key, feed.host, feed.uid)
    audit.note(work, actor, "resume feed", _named(feed_id), before, {"state": "active"})
    return _fresh(work, feed_id)


def move(work: Work, actor: Actor, feed_id: int, key: str, host: str) -> Any:
    """Read it from another address from now on, in full the first time; what it has brought is known by its ids and
    links, and is not sent again.  Raises NotFound, Conflict."""
    feed = movable(work, feed_id)
    if feed.key == key:
        raise Conflict("the feed is read from there already")
    if other := feeds.by_key(work.session, feed.source, key):
        raise Conflict(f"feed {other.id} is read from there already")
    hubs.leave(work, feed_id)
    before = {"address": feed.key, "state": str(feed.state)}
    wanted = subscriptions.any_active(work.session, feed_id)
    fresh: dict[str, Any] = {
        "key": key, "host": host, "cursor": "{}", "state": FeedState.ACTIVE if wanted else FeedState.PAUSED,
        "due_at": work.now, "reserved_at": None, "lease_token": None,  # what is being read there comes to nothing
        "failures": 0, "failing_since": None, "fault": "", "reason": "", "told": "", "pushed_until": None,
    }  # fmt: skip
    for name, value in fresh.items():
        setattr(feed, name, value)
    work.session.add(feed)
    work.session.flush()
    work.wakes.add("feeds")
    audit.note(work, actor, "move feed", _named(feed_id), before, {"address": key, "state": str(fresh["state"])})
    return _fresh(work, feed_id)


def movable(work: Work, feed_id: int) -> Feed:
    """A feed that has an address.  Raises NotFound, Conflict."""
    feed = _present(work, feed_id)
    if feed.source != MOVABLE:
        raise Conflict("only feeds that are read from an address of the web can be moved")
    return feed


def _present(work: Work, feed_id: int) -> Feed:
    if (feed := feeds.get(work.session, feed_id)) is None:
        raise NotFound(f"there is no feed {feed_id}")
    return feed


def _fresh(work: Work, feed_id: int) -> Any:
    work.session.expire_all()
    return feeds.get(work.session, feed_id)


def _named(feed_id: int) -> str:
    return f"feed {feed_id}"
