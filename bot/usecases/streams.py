"""Streams: one process listens to a source that tells its news at once, and what it hears is recorded like a poll's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from adapters.base import FeedInfo, Page
from bot.rules.polling import FLOOD
from bot.usecases import feeds, posts, spending
from storage import feeds as stored_feeds
from storage import listeners
from storage.database import Work
from storage.models import FeedState

LEASE = timedelta(seconds=25)  # a listener that dies has a successor within half a minute
KEYS_AT_ONCE = 1000


def hold(work: Work, source: str, token: str, paces: spending.Paces, *, well: bool) -> bool:
    """Take the source's stream, or go on with it; ``well``: it hears.

    False: another process has it, or the month's budget is used up.  When it hears no more, or its last holder died,
    its feeds are due as if there were no stream.
    """
    before = listeners.get(work.session, source)
    if spending.used_up(work, paces, [source]):
        let_go(work, source, token, paces)
        return False
    since = before.since if before and before.well == well else work.now
    if not listeners.hold(work.session, source, token, work.now + LEASE, work.now, well=well, since=since):
        return False
    if before and before.well and (not well or before.until <= work.now):
        _poll_again(work, source, paces)
    return True


def let_go(work: Work, source: str, token: str, paces: spending.Paces) -> None:
    """Any process may listen now."""
    if listeners.let_go(work.session, source, token):
        _poll_again(work, source, paces)


def _poll_again(work: Work, source: str, paces: spending.Paces) -> None:
    """Its feeds were to be polled seldom; now all of them are, within their usual interval."""
    pace = paces.get(source)
    if pace and pace.interval:
        stored_feeds.spread(work.session, source, work.now, pace.interval)
        work.wakes.add("feeds")


def release_all(work: Work) -> None:
    """At the start of the only process: who listened is dead."""
    listeners.expire_all(work.session, work.now)


def keys(work: Work, source: str, after: int) -> Sequence[tuple[int, str]]:
    """Id and key of followed feeds behind this id, at most ``KEYS_AT_ONCE``."""
    return stored_feeds.keys_of(work.session, source, after, KEYS_AT_ONCE)


def hear(work: Work, source: str, key: str, page: Page, policy: posts.Policy, default: timedelta) -> posts.Recorded:
    """Store what is new of what was heard, and queue it; what polls know of the feed stays as it is.

    They go in by the handful: so few new posts at once are never taken for a publisher's mishap.
    """
    new = queued = 0
    found = feeds.find(work, source, key)
    if found is None or found.state != FeedState.ACTIVE:
        return posts.Recorded()
    for start in range(0, max(len(page.posts), 1), FLOOD):
        feed = feeds.locked(work, found.id, default)
        if feed is None:  # forgotten a moment ago
            break
        part = Page(
            cursor={}, posts=page.posts[start : start + FLOOD], info=FeedInfo(), complete=False, via=page.via,
            withdrawn=() if start else page.withdrawn, reads=0 if start else page.reads,
        )  # fmt: skip
        _, recorded = posts.push(work, feed, part, policy)
        new, queued = new + recorded.posts, queued + recorded.deliveries
    return posts.Recorded(new, queued)


class Standing(msgspec.Struct, frozen=True):
    """How a source's stream is doing."""

    source: str
    listens: bool  # a process has it now
    hears: bool
    since: Any  # when it began to hear, or ceased to


def standings(work: Work) -> Sequence[Standing]:
    """Of every stream that was ever listened to, by source."""
    return [
        Standing(row.source, row.until > work.now, row.well and row.until > work.now, row.since)
        for row in listeners.all_(work.session)
    ]
