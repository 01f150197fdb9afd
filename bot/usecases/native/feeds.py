"""Feeds as an account sees them: those that it follows or followed, and those that it pushes into."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from adapters.base import Post
from bot.errors import Conflict, NotFound
from bot.usecases import posts, push_feeds, pushed
from storage import owned
from storage.database import Work
from storage.models import Feed


@dataclass(frozen=True, slots=True)
class Known:
    """``pushable``: the account may push posts into it."""

    feed: Feed
    pushable: bool


def get(work: Work, account_id: int, uid: UUID | None) -> Known:
    """Raises NotFound."""
    feed = owned.feed(work.session, account_id, uid) if uid else None
    if feed is None:
        raise NotFound(
            "there is no such feed among those that you follow",
            hint="POST /api/v1/feeds/resolve finds one by its name or address; POST /api/v1/subscriptions follows it",
        )
    return Known(
        feed, feed.source == push_feeds.KIND and owned.push_feed(work.session, account_id, feed.id) is not None
    )


def followed(work: Work, account_id: int, source: str, key: str) -> Feed | None:
    """The feed of that name, if the account follows it, or did."""
    return owned.feed_by_key(work.session, account_id, source, key)


def push(
    work: Work, account_id: int, uid: UUID | None, some: Sequence[Post], policy: posts.Policy, default: timedelta
) -> pushed.Received:
    """Store posts, oldest first, and queue them for whoever subscribes.  Raises NotFound, Conflict."""
    known = get(work, account_id, uid)
    door = owned.push_feed(work.session, account_id, known.feed.id)
    if door is None:
        raise Conflict(
            "this feed is read from its publisher, nobody pushes into it",
            hint="POST /api/v1/feeds makes a feed that you can push into",
        )
    way = push_feeds.Door(door.id, door.feed_id, mapping=None)
    received = push_feeds.receive(work, way, some, policy, default)
    if len(received.results) < len(some):
        raise Conflict("the feed was forgotten meanwhile", hint="make another by POST /api/v1/feeds")
    return received
