"""What hubs push: kept before it is acknowledged, then stored like a poll's news; the feed's cursor stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.base import Page
from bot.usecases import feeds, posts
from bot.usecases.hubs import HubState
from storage import feeds as stored_feeds
from storage import hubs
from storage.database import Work

LEASE = timedelta(seconds=60)  # longer than the longest reading
DELAYS = tuple(timedelta(seconds=n) for n in (1, 5, 20, 60))  # after a try that failed
TRIES = len(DELAYS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePush:
    """A document that this process is to read now, under its lease."""

    id: int
    lease_token: str
    hub_id: int
    feed_id: int
    topic: str
    content_type: str
    body: bytes
    tries: int  # this one included


def store(work: Work, hub_id: int, content_type: str, body: bytes) -> None:
    """Keep a document; from then on it may be acknowledged."""
    hubs.add_push(work.session, hub_id, content_type[:200], body, work.now)
    work.wakes.add("hub_pushes")


def take_due(work: Work, limit: int) -> tuple[list[DuePush], bool]:
    """Lease documents that wait, the oldest first; also whether there may be more."""
    rows = hubs.take_pushes(work.session, work.now, work.now + LEASE, limit)
    names = ("id", "lease_token", "hub_id", "feed_id", "topic", "content_type", "body", "tries")
    return [DuePush(**{name: getattr(row, name) for name in names}) for row in rows], len(rows) == limit


def record(work: Work, push: DuePush, page: Page, policy: posts.Policy, default: timedelta) -> posts.Recorded:
    """Store what is new in a document and queue it; the hub has proved itself."""
    if not hubs.done(work.session, push.id, push.lease_token):
        return posts.Recorded(late=1)
    feed = feeds.locked(work, push.feed_id, default)
    if feed is None:
        return posts.Recorded()
    found, recorded = posts.push(work, feed, page, policy)
    if found.more:
        stored_feeds.bring_forward(work.session, feed.id, work.now)  # a poll brings the rest
    for row in hubs.of_feeds(work.session, [feed.id]):
        if row.id == push.hub_id and row.state == HubState.ACTIVE:
            hubs.change(work.session, row.id, delivered_at=work.now, misses=0)
            stored_feeds.set_pushed_until(work.session, feed.id, row.lease_until)
    return recorded


def unreadable(work: Work, push: DuePush) -> None:
    """It tells no more than that there is news: the feed is read for it."""
    if hubs.done(work.session, push.id, push.lease_token):
        stored_feeds.bring_forward(work.session, push.feed_id, work.now)
        work.wakes.add("feeds")


def failed(work: Work, push: DuePush) -> None:
    """Nothing of it was kept: try it again, later each time."""
    hubs.again(work.session, push.id, push.lease_token, work.now + DELAYS[min(push.tries, len(DELAYS)) - 1])


def hand_back(work: Work, some: Sequence[DuePush]) -> None:
    """Claimed, and not read: due again at once."""
    for push in some:
        hubs.again(work.session, push.id, push.lease_token, work.now)
