"""Posts that systems push into a feed: stored and delivered like polled ones, each once however often it comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adapters.base import FeedInfo, Page, Post
from bot.rules.polling import FLOOD
from bot.usecases import feeds, posts
from storage.database import Work


class Result(StrEnum):
    """What became of a pushed post."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Received:
    """The result of each post, in the order in which they came, and the counts of all."""

    results: Sequence[Result]
    recorded: posts.Recorded


def receive(work: Work, feed_id: int, some: Sequence[Post], policy: posts.Policy, default: timedelta) -> Received:
    """Store posts, oldest first, and queue the new ones for whoever subscribes; ``default``: the usual interval.

    They go in by the handful: so few new posts at once are never taken for a publisher's mishap.
    """
    results: list[Result] = []
    new = queued = 0
    for start in range(0, len(some), FLOOD):
        part = some[start : start + FLOOD]
        feed = feeds.locked(work, feed_id, default)
        if feed is None:  # forgotten a moment ago
            break
        page = Page(cursor={}, posts=part, info=FeedInfo(), complete=False)
        found, recorded = posts.push(work, feed, page, policy)
        created, updated = {one.post.key for one in found.new}, {post.key for _, post, _ in found.edited}
        for post in part:
            results.append(_result(post.key, created, updated))
            created.discard(post.key)  # what stands there twice is one post
        new, queued = new + recorded.posts, queued + recorded.deliveries
    return Received(results, posts.Recorded(new, queued))


def _result(key: bytes, created: set[bytes], updated: set[bytes]) -> Result:
    return Result.CREATED if key in created else Result.UPDATED if key in updated else Result.UNCHANGED
