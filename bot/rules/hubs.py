"""What a feed's offer of a WebSub hub is worth, and when to come back to the hub (feeds.md 11.1 and 11.5)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adapters.base import Post

LEASE_WISHED = timedelta(days=10)
SHORTEST_LEASE, LONGEST_LEASE = timedelta(seconds=1), timedelta(days=365)
RENEW_AT = 0.8  # of the lease
RETRY, RETRY_SELDOM = timedelta(hours=1), timedelta(days=1)
SELDOM_AFTER = 24  # failures in a row
AFTER_DENIAL = timedelta(days=7)
REMEMBERED = timedelta(hours=24)  # after leaving: what is still on its way is taken and passed over
FAREWELLS = 3  # tries to leave properly
LEFT_OUT = timedelta(minutes=10)  # a hub that has not pushed a post by then has missed it
MISSES = 3  # in a row, and a hub is not relied on


def choose(hubs: Sequence[str], topic: str, feed: str) -> str:
    """The hub to subscribe at; empty when the offer is none.  ``feed``: the address that is polled.

    A topic of somebody else's would let a feed fill itself with their posts; the last two labels of the host stand for
    the registrable domain.  A hub over https is given a secret, so it goes first.
    """
    if not hubs or not _related(topic, feed):
        return ""
    return next((hub for hub in hubs if hub.startswith("https:")), hubs[0])


def _related(one: str, other: str) -> bool:
    ours, theirs = _host(one), _host(other)
    return bool(ours) and (ours == theirs or ours.split(".")[-2:] == theirs.split(".")[-2:] != [""])


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def lease(seconds: int | None) -> timedelta:
    """How long the hub's promise counts; its word goes before our wish."""
    if seconds is None:
        return LEASE_WISHED
    return min(max(timedelta(seconds=min(seconds, 10**9)), SHORTEST_LEASE), LONGEST_LEASE)


def retry_at(failures: int, now: datetime) -> datetime:
    """``failures``: in a row, this one included."""
    return now + (RETRY if failures < SELDOM_AFTER else RETRY_SELDOM)


def missed(new: Collection[Post], now: datetime) -> bool:
    """Whether a poll found what the hub has had the time to push; what has no date is taken for old."""
    return any(post.published is None or post.published < now - LEFT_OUT for post in new)
