"""Documents that an account imports: posts of its own feeds, which are made when they are first named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from adapters.base import Post
from bot.errors import Unavailable
from bot.usecases import posts, push_feeds, pushed
from storage import accounts
from storage import push_feeds as stored
from storage.database import Work

MOST_FEEDS = 100  # that an account pushes into: whoever names a new one for each document means something else


@dataclass(frozen=True, slots=True)
class Document:
    """A post, and the name of the feed that it is meant for."""

    feed: str
    post: Post


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a document."""

    result: pushed.Result | None  # None: it was refused, and ``reason`` says why
    uid: UUID | None = None  # of its post
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of each document, in the order in which they came, and the counts of all."""

    taken: Sequence[Taken]
    recorded: posts.Recorded


def receive(
    work: Work, account_id: int, some: Sequence[Document], policy: posts.Policy, default: timedelta
) -> Imported:
    """Store documents, oldest first, and queue the new ones for whoever subscribes; ``default``: the usual interval.

    Raises Unavailable.
    """
    accounts.lock(work.session, account_id)  # so that two imports at once make a feed but once
    places: dict[str, list[int]] = {}
    for place, one in enumerate(some):
        places.setdefault(one.feed, []).append(place)
    taken: dict[int, Taken] = {}
    new = queued = 0
    for name, mine in places.items():
        feed_id = _feed(work, account_id, name)
        if feed_id is None:
            taken |= dict.fromkeys(mine, Taken(None, reason=f"you have {MOST_FEEDS} feeds, and {name} is none of them"))
            continue
        received = pushed.receive(work, feed_id, [some[place].post for place in mine], policy, default)
        if len(received.results) < len(mine):
            raise Unavailable("the feed was removed meanwhile, try again later")
        uids = stored.uids(work.session, feed_id, [some[place].post.key for place in mine])
        for place, result in zip(mine, received.results, strict=True):
            taken[place] = Taken(result, uids.get(some[place].post.key))
        new, queued = new + received.recorded.posts, queued + received.recorded.deliveries
    return Imported([taken[place] for place in range(len(some))], posts.Recorded(new, queued))


def _feed(work: Work, account_id: int, name: str) -> int | None:
    """The account's feed of that name; None: it may have no more."""
    if (found := stored.named(work.session, account_id, name)) is not None:
        return found
    if stored.count(work.session, account_id) >= MOST_FEEDS:
        return None
    return push_feeds.make(work, account_id, name).feed.id
