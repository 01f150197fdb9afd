"""Posts: what polls found is stored, announced and scheduled in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.base import Page, Post, SourceError, SourceSuspended
from bot.rules import budget, options, polling, rendering
from bot.rules.retry import Schedules
from bot.usecases import hubs, notices, post_rows, providers, silence, spending
from bot.usecases.feeds import DueFeed
from storage import feeds, posts
from storage.database import Work
from storage.models import FeedState
from storage.outbox import recording, withdrawing

EDIT_PAUSE = timedelta(minutes=10)  # between two versions of a post


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided about posts."""

    schedules: Schedules
    backfill: str = "digest"
    operator_destination: int | None = None
    hold: timedelta = timedelta(days=7)  # that a delivery waits for a person at the longest
    websub: bool = False  # feeds may be pushed by hubs, for we can be reached
    paces: spending.Paces = field(default_factory=dict)

    def expires(self, now: datetime) -> dict[str, datetime]:
        """When a message queued now is worth nothing any more, by lane."""
        return {lane: now + schedule.expires for lane, schedule in self.schedules.items()}


@dataclass(frozen=True, slots=True)
class Polled:
    """One finished poll."""

    feed: DueFeed
    result: Page | SourceError
    ours: bool = False  # everything fails at once, so the feed is not to blame
    moved_host: str = ""  # of the page's ``moved_to``


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch of polls came to."""

    posts: int = 0
    deliveries: int = 0
    late: int = 0  # polls whose lease was somebody else's by then; nothing of them was kept


def record(work: Work, polls: Sequence[Polled], policy: Policy) -> Recorded:
    """Store new posts, their deliveries, the cursors and the next due times, all or nothing.

    After a crash a feed is polled again from its old cursor, so no post is lost and none announced twice.
    """
    ours = feeds.still_leased(work.session, {one.feed.id: one.feed.token for one in polls})
    mine = [_after(one, ours[one.feed.id]) for one in polls if one.feed.id in ours]
    batch = _Batch(work, policy)
    batch.take(mine)
    return replace(batch.store(), late=len(polls) - len(mine))


def _after(polled: Polled, last_seq: int) -> Polled:
    """With the numbers that posts have got which were pushed while the feed was read."""
    if polled.feed.followed.last_seq == last_seq:
        return polled
    followed = msgspec.structs.replace(polled.feed.followed, last_seq=last_seq)
    return replace(polled, feed=msgspec.structs.replace(polled.feed, followed=followed))


def push(work: Work, feed: DueFeed, page: Page, policy: Policy) -> tuple[polling.Finding, Recorded]:
    """Store posts that came by themselves, and their deliveries; cursor, due time and a poll under way stay.

    ``feed``: locked by this transaction.
    """
    batch = _Batch(work, policy, edit_pause=timedelta(0))  # nobody would come back for an edit that is put off
    found = batch.push(feed, page)
    recorded = batch.store()
    if found.new:
        feeds.grew(work.session, feed.id, feed.followed.last_seq + len(found.new), work.now)
    return found, recorded


def count(work: Work, feed_id: int, source: str, page: Page, policy: Policy) -> None:
    """Only what reading the page cost, for nothing of it is stored."""
    batch = _Batch(work, policy)
    batch.count(feed_id, source, page)
    batch.store()


class _Batch:
    """Collects what many polls change, so that storing it takes one statement for each kind of change."""

    def __init__(self, work: Work, policy: Policy, edit_pause: timedelta = EDIT_PAUSE) -> None:
        self._work, self._policy, self._edit_pause = work, policy, edit_pause
        self._feeds: list[dict[str, Any]] = []
        self._blocks: dict[str, datetime] = {}  # until when each of these hosts is left alone
        self._new: list[dict[str, Any]] = []
        self._announced: list[bytes] = []
        self._kinds = False  # among them are posts that only some want
        self._withdrawn: list[bytes] = []
        self._taken: set[tuple[str, str]] = set()  # names under which feeds of this batch go on
        self._offers: list[hubs.Offer] = []
        self._reads: list[spending.Read] = []
        self._suspended: dict[str, SourceSuspended] = {}  # by source
        self._answered: set[str] = set()  # sources with a provider of their own that were read

    def take(self, polls: Sequence[Polled]) -> None:
        polls = self._at_their_pace(polls)
        known = self._known([(one.feed, one.result.posts) for one in polls if isinstance(one.result, Page)])
        for one in polls:
            if isinstance(one.result, Page):
                self._withdraw(one.feed, one.result)
            if isinstance(one.result, SourceError):
                self._failed(one.feed, one.result, ours=one.ours)
                continue
            self.count(one.feed.id, one.feed.source, one.result)
            if one.feed.host and "://" not in one.feed.host:
                self._answered.add(one.feed.source)
            if one.result.info is None:
                self._unchanged(one.feed, one.result)
            else:
                self._read(one.feed, one.result, known.get(one.feed.id, []), one.moved_host)

    def _at_their_pace(self, polls: Sequence[Polled]) -> Sequence[Polled]:
        """With the intervals that their sources have now."""
        paces = self._policy.paces
        if not any(one.feed.source in paces for one in polls):
            return polls
        tempos = spending.tempos(self._work, paces, {one.feed.source for one in polls})
        return [
            replace(one, feed=_paced(one.feed, paces[one.feed.source], tempos[one.feed.source]))
            if one.feed.source in paces
            else one
            for one in polls
        ]

    def count(self, feed_id: int, source: str, page: Page) -> None:
        if page.reads > 0:
            self._reads.append(spending.Read(feed_id, source, page.via, page.reads))

    def push(self, feed: DueFeed, page: Page) -> polling.Finding:
        """Whether publishers changed their identifiers, a part of a document cannot tell: by its link only what has
        none is known."""
        by_id = [msgspec.structs.replace(post, link_key=None) if post.has_id else post for post in page.posts]
        known = self._known([(feed, by_id)]).get(feed.id, [])
        digests = [post_rows.digest(post) for post in page.posts]
        found = polling.find(page, feed.followed, known, digests, "all", self._work.now)
        self._store(feed, found)
        self.count(feed.id, feed.source, page)
        self._withdraw(feed, page)
        return found

    def store(self) -> Recorded:
        session, now = self._work.session, self._work.now
        feeds.settle(session, self._feeds)
        feeds.block_hosts(session, self._blocks)
        posts.add(session, self._new)
        if self._offers:
            hubs.offered(self._work, self._offers)
        self._account()
        bits = options.BITS if self._kinds else None
        made = recording.fan_out(session, self._announced, self._policy.expires(now), now, bits)
        if made:
            self._work.wakes.add("deliveries")
        if self._withdrawn:
            withdrawing.withdraw(session, posts.withdraw(session, self._withdrawn, now), now)
        return Recorded(len(self._new), made)

    def _account(self) -> None:
        """What reading costs, and whether sources can be read at all."""
        if self._reads:
            spending.count(self._work, self._reads, self._policy.paces, self._tell_operator)
        if self._answered:
            providers.sources_answered(self._work, self._answered, self._tell_operator)
        for source, error in self._suspended.items():
            providers.source_suspended(self._work, source, str(error), error.after, self._tell_operator)

    def _known(self, read: Sequence[tuple[DueFeed, Sequence[Post]]]) -> Mapping[int, list[polling.Known]]:
        """Stored posts that any of these documents may repeat, by feed."""
        session = self._work.session
        rows = list(posts.known(session, [post_rows.key(feed.id, post.key) for feed, some in read for post in some]))
        have = {row.key for row in rows}
        links = [
            post_rows.key(feed.id, post.link_key)
            for feed, some in read
            if not feed.followed.first_visit
            for post in some
            if post.link_key and post_rows.key(feed.id, post.key) not in have
        ]
        rows += [row for row in posts.known_by_link(session, links) if row.key not in have]
        found: dict[int, list[polling.Known]] = {}
        for row in rows:
            link = row.link_key[8:] if row.link_key else None
            feed_id = int.from_bytes(row.key[:8], "big")
            found.setdefault(feed_id, []).append(polling.Known(row.id, row.key[8:], link, row.digest))
        return found

    # One poll

    def _unchanged(self, feed: DueFeed, page: Page) -> None:
        now, was = self._work.now, feed.followed
        row = self._ended(feed, polling.next_due(was, now, polling.spread())) | {"last_success_at": now}
        if page.cursor is not feed.cursor:
            row["cursor"] = post_rows.as_json(page.cursor)
        self._feeds.append(row | self._fared_well(feed, page, news=False) | self._aside(feed, page))

    def _read(self, feed: DueFeed, page: Page, known: list[polling.Known], moved_host: str) -> None:
        now, was = self._work.now, feed.followed
        found = polling.find(
            page, was, known, [post_rows.digest(post) for post in page.posts], self._policy.backfill, now
        )
        self._store(feed, found)
        news = bool(found.new) and not was.first_visit
        published = [*page.left_out, *[post.published for post in page.posts]]
        beat = polling.rhythm(published, polling.Rhythm(was.rhythm, was.longest_gap), now)
        is_now = msgspec.structs.replace(
            was, rhythm=beat.quarter, hint=page.not_before, last_new_at=now if news else was.last_new_at
        )
        row = self._ended(feed, now if found.more else polling.next_due(is_now, now, polling.spread()))
        assert page.info is not None
        row |= {
            "title": page.info.title,
            "name": page.info.name or was.name,
            "image": page.info.image,
            "home": page.info.home,
            "language": page.info.language,
            "cursor": post_rows.as_json((page.halfway or feed.cursor) if found.more else page.cursor),
            "rhythm_seconds": post_rows.seconds(beat.quarter),
            "longest_gap_seconds": post_rows.seconds(beat.longest),
            "hint_seconds": post_rows.seconds(page.not_before),
            "last_seq": was.last_seq + len(found.new),
            "largest": max(was.largest, len(published)),
            "last_success_at": now,
            "last_new_at": is_now.last_new_at,
        }
        row |= self._fared_well(feed, page, news=news) | self._aside(feed, page)
        if was.name and page.info.name and page.info.name.casefold() != was.name.casefold():
            self._tell(feed, "renamed", f"(@{was.name}) is now called @{page.info.name}")
        row |= self._moved(feed, page.moved_to, moved_host)
        if page.ended:
            row["state"] = FeedState.GONE
        self._feeds.append(row)
        if self._policy.websub and page.info.hubs and page.info.topic:
            relied = was.pushed_until is not None and was.pushed_until > now
            fresh = [one.post for one in found.new]
            self._offers.append(hubs.Offer(feed.id, feed.key, page.info, fresh, relied, was.interval))

    def _aside(self, feed: DueFeed, page: Page) -> dict[str, Any]:
        """While there is more to read, what BACKFILL is about has not ended."""
        row: dict[str, Any] = {"reason": page.note[:500]}
        if page.more:
            row |= {"due_at": self._work.now, "last_success_at": feed.followed.last_success_at}
            self._work.wakes.add("feeds")
        return row

    def _failed(self, feed: DueFeed, error: SourceError, *, ours: bool) -> None:
        now = self._work.now
        setback = polling.after_failure(feed.followed, error, now, polling.spread(), ours=ours)
        row = self._ended(feed, setback.due_at) | {
            "fault": setback.fault,
            "reason": setback.reason[:500],
            "failures": setback.failures,
            "failing_since": setback.failing_since,
        }
        if setback.state:
            row["state"] = setback.state
        if setback.tell:
            row["told"] = self._tell(feed, setback.tell, _TROUBLE[setback.tell].format(reason=setback.reason))
        if isinstance(error, SourceSuspended):
            self._suspended[feed.source] = error
        if setback.host_blocked_until and feed.host:
            until = setback.host_blocked_until
            self._blocks[feed.host] = max(until, self._blocks.get(feed.host, until))
        self._feeds.append(row)

    def _ended(self, feed: DueFeed, due: datetime) -> dict[str, Any]:
        return {
            "_id": feed.id,
            "_token": feed.token,
            "due_at": due,
            "reserved_at": None,
            "last_polled_at": self._work.now,
        }

    def _moved(self, feed: DueFeed, key: str, host: str) -> dict[str, Any]:
        if not key or (feed.source, key) in self._taken or feeds.by_key(self._work.session, feed.source, key):
            return {}
        self._taken.add((feed.source, key))
        return {"key": key, "host": host}

    # Posts

    def _store(self, feed: DueFeed, found: polling.Finding) -> None:
        now, was = self._work.now, feed.followed
        for seq, fresh in enumerate(found.new, was.last_seq + 1):
            row = post_rows.row(feed.id, seq, fresh, now)
            self._new.append(row)
            if fresh.announce:
                self._announced.append(row["key"])
                self._kinds = self._kinds or bool(fresh.post.kind)
        for old, post, new_digest in found.edited:
            self._edit(old, post, new_digest)
        renamed = [{"_id": old.id, "key": post_rows.key(feed.id, post.key)} for old, post in found.rekeyed]
        posts.rekey(self._work.session, renamed)
        if withheld := [post for post in found.withheld if not post.kind]:
            lines = "\n".join(f"• {post.title or post.url}" for post in reversed(withheld[-20:]))
            text = f"brought {len(withheld)} more posts while it could not be read:\n{lines}"
            self._tell(feed, "digest", text)
        if found.suspicious:
            text = f"All {len(found.new)} posts of {feed.key} are new at once: only those with a recent date were sent."
            self._tell_operator(text)

    def _edit(self, old: polling.Known, post: Post, new_digest: bytes) -> None:
        """Keep the new version, if a person would see a difference and the last one is not too recent."""
        session, now = self._work.session, self._work.now
        stored = posts.content(session, old.id)
        if stored.withdrawn_at:
            return  # what was taken back does not come back
        if now - (stored.edited_at or stored.found_at) < self._edit_pause:
            return
        before = (stored.title, stored.url, rendering.normal_text(stored.content, is_html=stored.is_html))
        if before == (post.title, post.url, rendering.normal_text(post.content, is_html=post.is_html)):
            posts.set_digest(session, old.id, new_digest)
        else:
            posts.replace(session, old.id, post_rows.text(post) | {"digest": new_digest}, now)

    def _withdraw(self, feed: DueFeed, page: Page) -> None:
        """Their publisher took them back; done when everything is stored, for some may be on the same page."""
        self._withdrawn += [post_rows.key(feed.id, key) for key in page.withdrawn]

    # What subscribers are told

    def _fared_well(self, feed: DueFeed, page: Page, *, news: bool) -> dict[str, Any]:
        """No failures any more, and what subscribers have been told when this poll is done."""
        was, told = feed.followed, feed.followed.told
        if told in ("failing", "unavailable"):
            self._tell(feed, "recovered", f"can be read again (it could not since {_utc(was.failing_since)})")
            told = ""
        elif news:
            if told == "quiet" and page.if_silent:
                silence.ended(self._work, feed.source, f"{feed.key} brings posts again", self._tell_operator)
            told = ""
        elif polling.gone_quiet(was, self._work.now):
            told = self._tell(feed, "quiet", f"has brought nothing new since {_utc(was.last_new_at)}")
            if page.if_silent:
                what = f"{feed.key} has brought nothing new since {_utc(was.last_new_at)}"
                silence.fell(self._work, feed.source, what, page.if_silent, self._tell_operator)
        return {"failures": 0, "failing_since": None, "fault": "", "reason": "", "told": told}

    def _tell_operator(self, text: str) -> None:
        notices.tell_operator(self._work, self._policy.operator_destination, text, self._policy.schedules)

    def _tell(self, feed: DueFeed, what: str, text: str) -> str:
        notices.tell_subscribers(self._work, feed.id, f"feed.{what}", text, self._policy.schedules)
        return what


def _paced(feed: DueFeed, pace: budget.Pace, tempo: spending.Tempo) -> DueFeed:
    was = feed.followed
    usual = was.interval if was.fixed else pace.interval or was.interval
    interval = budget.interval(usual, tempo.stretch, listened=tempo.listened)
    fixed = was.fixed or pace.interval is not None
    return msgspec.structs.replace(feed, followed=msgspec.structs.replace(was, interval=interval, fixed=fixed))


_TROUBLE = {
    "unavailable": "cannot be read: {reason}. You hear when that has changed.",
    "failing": "cannot be read: {reason}. It is tried again, less often; you hear when it works.",
    "gone": "is gone: {reason}. It is no longer read; unsubscribe, or subscribe to its new address.",
    "disabled": "has not been readable for two weeks: {reason}. It is no longer read; subscribe again to resume.",
}


def _utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "the start"


def newest(work: Work, feed_id: int, limit: int, wants: int | None = None) -> Sequence[Any]:
    """The feed's posts as they are stored, the latest first; ``wants``: those of who asks for these kinds."""
    return posts.newest(work.session, feed_id, limit, None if wants is None else options.kinds(wants))
