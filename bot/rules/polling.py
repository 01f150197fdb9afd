"""What a poll means: what is new, what is announced, when to come back.  Values in, values out (feeds.md, 5 to 9)."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import msgspec

from adapters.base import (
    FeedFailed,
    FeedFault,
    FeedGone,
    FeedThrottled,
    FeedUnavailable,
    Page,
    Post,
    SourceError,
    SourceSuspended,
)

ANNOUNCED_AT_ONCE = 50  # posts a poll; the rest at the next ticks
FLOOD = 10  # new posts of a document that holds no known one
OUTAGE = timedelta(hours=6)  # without a success: what is new then falls under BACKFILL
BACKFILL_ALL, BACKFILL_NEWEST = 5, 3
RECENT = timedelta(days=1)  # what was published since then is news also after a silence
HINT_CAP = timedelta(hours=1)
BESIDE_A_HUB, AT_MOST_BESIDE_A_HUB = 6, timedelta(hours=3)  # how much less is polled what a hub pushes (11.5)
AT_LEAST_BESIDE_A_HUB = timedelta(hours=1)
LONGEST_BACKOFF = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=14)
TELL_AFTER = 3  # failures in a row
TELL_NOT_BEFORE = timedelta(minutes=5)  # for feeds that are read so often that three failures are soon together
UNAVAILABLE_PAUSE = timedelta(hours=6)  # before it is looked whether a platform shows an account again
AFTER_A_BLOCK = timedelta(milliseconds=20)  # between a provider's feeds: whether the first are answered is soon known
EAGER_AFTER_NEWS = timedelta(hours=1)
QUIET_AFTER = timedelta(days=14)
LATE = timedelta(seconds=5)  # by which a turn at a host may be missed
SQUEEZED = 2  # turns that may have fallen together because a tick was early or late
SHORTEST_WAIT = timedelta(seconds=1)  # for a turn, however small the gap
QUIET_GAPS = 5  # times the longest gap ever seen: then a silent feed is worth a word

UNREACHED = {FeedFault.DNS, FeedFault.CONNECT, FeedFault.TLS, FeedFault.TIMEOUT}
"""Faults that may be ours: when everybody has them at once, no feed is to blame."""


class Followed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A feed as a poll finds it.  All times aware, UTC.  A Struct, because thousands are made a second."""

    first_visit: bool
    name: str = ""  # what people call it where that is not its key
    last_seq: int
    largest: int  # items in its largest document
    interval: timedelta  # set by a person, else the default
    fixed: bool  # set by a person: no adapting
    rhythm: timedelta | None  # a quarter of its median gap
    longest_gap: timedelta | None
    hint: timedelta  # the server's last wish
    failures: int  # in a row
    failing_since: datetime | None
    told: str  # what subscribers were last told: "", "failing", "unavailable", "quiet", "gone"
    last_success_at: datetime | None
    last_new_at: datetime | None
    created_at: datetime
    pushed_until: datetime | None = None  # till then a hub that has proved itself pushes what is new


@dataclass(frozen=True, slots=True)
class Known:
    """A stored post, as far as it tells old from new."""

    id: int
    key: bytes
    link_key: bytes | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Fresh:
    """A post to store."""

    post: Post
    digest: bytes
    announce: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a document holds that we did not have."""

    new: tuple[Fresh, ...] = ()  # oldest first
    edited: tuple[tuple[Known, Post, bytes], ...] = ()  # with the new digest
    rekeyed: tuple[tuple[Known, Post], ...] = ()  # the same post under another identifier
    withheld: tuple[Post, ...] = ()  # new, stored, but only told as a summary
    more: bool = False  # the rest is for the next tick: the document must be read again
    suspicious: bool = False  # none of it was known: identifiers changed, or the feed was replaced


def find(
    page: Page, feed: Followed, known: Collection[Known], digests: Sequence[bytes], backfill: str, now: datetime
) -> Finding:
    """Tell old from new.

    ``known``: stored posts that share a key or a link key with one of ``page.posts``; ``digests``: of each of
    ``page.posts``; ``backfill``: "all", "digest" or "none", for what appeared while nobody could look.
    """
    match = _Match(page, known)
    new: dict[bytes, tuple[Post, bytes]] = {}  # by key: what stands twice in a document is one post
    for post, digest in zip(page.posts, digests, strict=True):
        if match.of(post) is None:
            new.setdefault(post.key, (post, digest))
    suspicious = (
        page.complete and not feed.first_visit and not match.any and len(new) > max(FLOOD, len(page.posts) // 2)
    )
    announced, withheld = _announced([post for post, _ in new.values()], feed, backfill, now, suspicious=suspicious)
    # Only what is announced has to wait: judged anew at the next tick, the silent would look like ordinary news.
    left = {post.key for post in announced[ANNOUNCED_AT_ONCE:]}
    told = {post.key for post in announced} - left
    return Finding(
        new=tuple(Fresh(post, digest, key in told) for key, (post, digest) in new.items() if key not in left),
        edited=tuple(
            (old, post, digest)
            for post, digest in zip(page.posts, digests, strict=True)
            if (old := match.of(post)) is not None and old.digest != digest
        ),
        rekeyed=tuple((old, post) for post in page.posts if (old := match.renamed.get(post.key)) is not None),
        withheld=withheld,
        more=bool(left),
        suspicious=suspicious,
    )


class _Match:
    """Items of a document against stored posts: by key, else by link where that is safe (feeds.md, 5.2.4)."""

    def __init__(self, page: Page, known: Collection[Known]) -> None:
        self._by_key = {one.key: one for one in known}
        by_link = {one.link_key: one for one in known if one.link_key}
        strangers = [post for post in page.posts if post.key not in self._by_key]
        familiar = len(page.left_out) + len(page.posts) - len(strangers)
        linked = {post.key: by_link[post.link_key] for post in strangers if post.link_key in by_link}
        without_id = {post.key for post in strangers if not post.has_id}
        migrated = len(linked) * 2 >= len(linked) + familiar
        self.renamed = {key: old for key, old in linked.items() if migrated and key not in without_id}
        self._by_link = {key: old for key, old in linked.items() if migrated or key in without_id}
        self.any = bool(self._by_link) or familiar > 0

    def of(self, post: Post) -> Known | None:
        return self._by_key.get(post.key) or self._by_link.get(post.key)


def _announced(
    new: Sequence[Post], feed: Followed, backfill: str, now: datetime, *, suspicious: bool
) -> tuple[Sequence[Post], tuple[Post, ...]]:
    """Which of the new posts are sent one by one, and which only as a summary; both in their order."""
    if feed.first_visit:
        return (), ()
    if suspicious:
        since = feed.last_success_at or feed.created_at
        return [post for post in new if post.published and since < post.published <= now], ()
    gap = _gap(new, feed, now)
    if not gap or backfill == "all" or (backfill == "digest" and len(gap) <= BACKFILL_ALL):
        return new, ()
    left = gap[:-BACKFILL_NEWEST] if backfill == "digest" else gap
    keys = {post.key for post in left}
    return [post for post in new if post.key not in keys], tuple(left) if backfill == "digest" else ()


def _gap(new: Sequence[Post], feed: Followed, now: datetime) -> Sequence[Post]:
    """Those that came while nobody could see: all after an outage; after silence those that were not just published."""
    if _outage(feed, now):
        return new
    if feed.told != "quiet":
        return ()
    return [post for post in new if post.published and post.published < now - RECENT]


def _outage(feed: Followed, now: datetime) -> bool:
    return feed.last_success_at is not None and now - feed.last_success_at > max(OUTAGE, 3 * feed.interval)


# --- When to come back ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a feed gets posts, as its documents tell."""

    quarter: timedelta | None  # of the median gap
    longest: timedelta | None


def rhythm(published: Iterable[datetime | None], before: Rhythm, now: datetime) -> Rhythm:
    """From the last 20 gaps between publications; too few dates tell nothing."""
    dates = sorted(at for at in published if at and at <= now)[-21:]
    gaps = [later - earlier for earlier, later in pairwise(dates) if later > earlier]
    if len(gaps) < 3:
        return before
    seconds = median(gap.total_seconds() for gap in gaps)
    return Rhythm(timedelta(seconds=seconds / 4), max(*gaps, before.longest or timedelta(0)))


def interval(feed: Followed, now: datetime) -> timedelta:
    """The time between two polls while all goes well: half the base interval to six times it, by rhythm.

    What the server wishes is a lower bound up to an hour: believing a weekly ttl would make alerts useless.
    """
    base = feed.interval
    if not feed.fixed:
        base = _adapted(feed, base, now)
        if feed.pushed_until and feed.pushed_until > now:
            base = max(base, _beside_a_hub(base))
    return max(base, min(feed.hint, HINT_CAP))


def _beside_a_hub(usual: timedelta) -> timedelta:
    """Hubs lose messages, so polling never ends."""
    return min(max(usual * BESIDE_A_HUB, AT_LEAST_BESIDE_A_HUB), AT_MOST_BESIDE_A_HUB)


def _adapted(feed: Followed, base: timedelta, now: datetime) -> timedelta:
    fastest, slowest = base / 2, base * 6
    last = feed.last_new_at or feed.created_at
    if now - last > QUIET_AFTER:
        return slowest
    if feed.last_new_at and now - feed.last_new_at < EAGER_AFTER_NEWS:
        return fastest
    return min(max(feed.rhythm, fastest), slowest) if feed.rhythm else base


def next_due(feed: Followed, now: datetime, spread: float) -> datetime:
    """``spread``: a factor around 1, so that feeds do not come due together."""
    return now + interval(feed, now) * spread


def spread() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311 (spreads load, no secret)


def gone_quiet(feed: Followed, now: datetime) -> bool:
    """Answers, but brings nothing for far longer than ever: bridges fail like that."""
    if feed.longest_gap is None or feed.last_new_at is None or feed.told:
        return False
    return now - feed.last_new_at > max(QUIET_GAPS * feed.longest_gap, timedelta(days=2))


# --- Failure --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setback:
    """What a failed poll changes."""

    due_at: datetime
    fault: str
    reason: str
    failures: int
    failing_since: datetime | None
    state: str | None = None  # a new state of the feed
    tell: str = ""  # what its subscribers are told now
    host_blocked_until: datetime | None = None


def after_failure(feed: Followed, error: SourceError, now: datetime, spread: float, *, ours: bool) -> Setback:
    """Decide from the error's class.  ``ours``: everything fails at once, so no feed is to blame."""
    wait = interval(feed, now)
    failures, since = feed.failures + 1, feed.failing_since or now
    match error:
        case FeedThrottled(after=after) | SourceSuspended(after=after):
            until = now + after
            return Setback(
                max(until, now + wait * spread), "throttled" if isinstance(error, FeedThrottled) else "suspended",
                str(error), feed.failures, feed.failing_since, host_blocked_until=until,
            )  # fmt: skip
        case FeedUnavailable():
            tell = "unavailable" if feed.told != "unavailable" else ""
            return Setback(now + UNAVAILABLE_PAUSE * spread, "unavailable", str(error), failures, since, tell=tell)
        case FeedGone():
            return Setback(now + wait, "gone", str(error), failures, since, state="gone", tell="gone")
        case FeedFailed(fault=fault) if ours and fault in UNREACHED:
            return Setback(now + wait * spread, fault, str(error), feed.failures, feed.failing_since)
        case FeedFailed(fault=fault):
            pass
        case _:
            fault = FeedFault.HTTP
    due = now + min(wait * 2 ** min(failures, 6), LONGEST_BACKOFF) * spread
    if failures >= TELL_AFTER and now - max(since, feed.last_success_at or feed.created_at) > DISABLE_AFTER:
        return Setback(due, fault, str(error), failures, since, state="disabled", tell="disabled")
    lasting = failures >= TELL_AFTER and (feed.interval >= TELL_NOT_BEFORE or now - since >= TELL_NOT_BEFORE)
    tell = "failing" if lasting and feed.told not in ("failing", "unavailable") else ""
    return Setback(due, fault, str(error), failures, since, tell=tell)


# --- Turns at a host ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Queue:
    """Who may ask a host when.  Mutable: turns are given one after another."""

    free_at: datetime  # the first moment that nobody has reserved
    blocked_until: datetime | None = None
    running: int = 0
    started: bool = False  # now: the next one waits for the gap
    gapless: bool = False  # a provider's: no turns are given there, but for when its block is over
    squeezed: int = 0  # turns that fell into the same moment: they come next, before those given later


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due feed."""

    id: int
    host: str  # empty: no politeness is owed
    due_at: datetime
    reserved_at: datetime | None  # equal to due_at: its turn was given to it before


@dataclass(slots=True)
class Turns:
    """Which of the due feeds are read now, and the turn that each of the others gets."""

    now: list[int] = field(default_factory=list)
    later: dict[int, datetime] = field(default_factory=dict)


def give_turns(
    due: Sequence[Candidate], queues: Mapping[str, Queue], gap: timedelta, at_once: int, now: datetime
) -> Turns:
    """Reserve a turn at its host for each due feed: starts ``gap`` apart, at most ``at_once`` running.

    A feed is put off once to its own turn instead of being looked at again each tick, so the work does not
    grow with a host's number of feeds.  A turn that was missed by more than ``LATE`` is given anew at the end of
    the queue: after a downtime all of them are due at once.
    """
    turns = Turns()
    step = max(gap, SHORTEST_WAIT)
    for one in due:
        queue = queues.get(one.host)
        if queue is None:
            turns.now.append(one.id)
            continue
        earliest = max(now, queue.blocked_until or now)
        if queue.gapless:
            if earliest <= now:
                turns.now.append(one.id)
            else:
                turns.later[one.id] = turn = max(queue.free_at, earliest)
                queue.free_at = turn + AFTER_A_BLOCK
            continue
        reserved = one.reserved_at == one.due_at and earliest == now and now - one.due_at <= LATE
        full = queue.running >= at_once
        if (reserved or max(queue.free_at, earliest) <= now) and not full and not (queue.started and gap):
            turns.now.append(one.id)
            queue.running += 1
            queue.started = True
            queue.free_at = max(queue.free_at, now + gap)
        elif reserved and not full and queue.squeezed < SQUEEZED:
            queue.squeezed += 1
            turns.later[one.id] = now + step / 2 + queue.squeezed * timedelta.resolution
        else:
            turns.later[one.id] = turn = max(queue.free_at, earliest, now + step)
            queue.free_at = turn + gap
    return turns
