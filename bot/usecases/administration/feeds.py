"""Feeds, as an operator sees and changes them."""

from typing import Any

from bot.errors import Conflict, NotFound
from bot.usecases import audit, hubs
from bot.usecases import feeds as everyday
from bot.usecases.audit import Actor
from storage import feeds, lists
from storage.database import Work
from storage.lists import Listed
from storage.models import Feed, FeedState


def page(work: Work, source: str, state: str, before: int, limit: int) -> Listed:
    """``state``: "active", "paused", "gone", "disabled", or "failing"; empty: any."""
    return lists.feeds(work.session, source, state, before, limit)


def get(work: Work, feed_id: int) -> Any:
    """Raises NotFound."""
    return _present(work, feed_id)


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


def _present(work: Work, feed_id: int) -> Feed:
    if (feed := feeds.get(work.session, feed_id)) is None:
        raise NotFound(f"there is no feed {feed_id}")
    return feed


def _fresh(work: Work, feed_id: int) -> Any:
    work.session.expire_all()
    return feeds.get(work.session, feed_id)


def _named(feed_id: int) -> str:
    return f"feed {feed_id}"
