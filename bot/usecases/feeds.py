"""Feeds: which are due, following a new one, and how each fares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from bot.clock import uuid7
from bot.errors import NotFound
from bot.rules import budget, polling
from bot.usecases import hubs, spending
from storage import feeds, official, subscriptions
from storage.database import Work
from storage.models import Feed, FeedState

LEASE = timedelta(seconds=120)  # longer than the longest poll


@dataclass(frozen=True, slots=True)
class Politeness:
    """How hard we may ask a host: at most so many at once, starts so far apart."""

    at_once: int
    gap: timedelta


class DueFeed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A feed that this process is to read now, under its lease.  A Struct, because thousands are made a second."""

    id: int
    token: str
    source: str
    key: str
    host: str
    cursor: Mapping[str, Any]  # adapters.base.Cursor
    followed: polling.Followed
    wants: int = 0  # kinds of posts that its subscriptions ask for, as bits of bot/rules/options.py


def take_due(
    work: Work, limit: int, politeness: Politeness, default: timedelta, paces: spending.Paces | None = None
) -> tuple[list[DueFeed], bool]:
    """Lease feeds whose time and turn has come; also whether more may be due at once.

    Sources whose budget is used up wait for the next month, or for a greater budget.
    """
    rows = feeds.due(work.session, work.now, limit)
    if not rows:
        return [], False
    used_up = spending.used_up(work, paces, {row.source for row in rows}) if paces else set()
    turns = _turns(work, [row for row in rows if row.source not in used_up], politeness)
    if used_up:
        later = min(work.now + budget.LOOK_AGAIN, budget.next_month(work.now))
        waiting = [row.id for row in rows if row.source in used_up]
        turns.later |= {id_: later + n * polling.AFTER_A_BLOCK for n, id_ in enumerate(waiting)}
    feeds.postpone(work.session, turns.later)
    token = feeds.take(work.session, turns.now, work.now + LEASE)
    mine = set(turns.now)
    return [_due(row, token, default) for row in rows if row.id in mine], len(rows) == limit


def _turns(work: Work, rows: Sequence[Any], politeness: Politeness) -> polling.Turns:
    candidates = [polling.Candidate(row.id, row.host, row.due_at, row.reserved_at) for row in rows]
    names = sorted({row.host for row in rows} - {""})
    if not names:
        return polling.Turns(now=[row.id for row in rows])
    servers = [name for name in names if "://" in name]  # the others are providers
    running = feeds.running(work.session, servers, work.now) if servers else {}
    queues = {name: polling.Queue(work.now, None, running.get(name, 0), gapless="://" not in name) for name in names}
    for host in feeds.hosts(work.session, names):
        queues[host.name].free_at, queues[host.name].blocked_until = host.free_at, host.blocked_until
    turns = polling.give_turns(candidates, queues, politeness.gap, politeness.at_once, work.now)
    feeds.save_hosts(
        work.session,
        [
            {"name": name, "free_at": q.free_at, "blocked_until": q.blocked_until}
            for name, q in queues.items()
            if not q.gapless or (q.blocked_until and q.blocked_until > work.now)
        ],
    )
    return turns


def hand_back(work: Work, due: Sequence[DueFeed]) -> None:
    """Claimed, and not read: due again at once."""
    feeds.settle(work.session, [{"_id": one.id, "_token": one.token, "due_at": work.now} for one in due])


def release_all(work: Work) -> int:
    """At the start of the only process: what is leased was a dead one's, and is read again.  Returns how many."""
    return feeds.release_all(work.session, work.now)


def locked(work: Work, feed_id: int, default: timedelta) -> DueFeed | None:
    """The feed as it stands, without a lease, for what comes beside its polls; nobody changes it until the
    transaction ends."""
    row = feeds.lock(work.session, feed_id)
    return None if row is None else _due(row, "", default)


def _due(row: Any, token: str, default: timedelta) -> DueFeed:
    return DueFeed(
        id=row.id,
        token=token,
        source=row.source,
        key=row.key,
        host=row.host,
        cursor=msgspec.json.decode(row.cursor),
        followed=followed(row, default),
        wants=row.wants,
    )


def followed(row: Any, default: timedelta) -> polling.Followed:
    """The rules' view of a row; ``default``: the interval where nobody has set one."""
    return polling.Followed(
        first_visit=row.last_success_at is None,
        name=row.name,
        last_seq=row.last_seq,
        largest=row.largest,
        interval=timedelta(seconds=row.interval_seconds) if row.interval_seconds else default,
        fixed=row.interval_seconds is not None,
        rhythm=_seconds(row.rhythm_seconds),
        longest_gap=_seconds(row.longest_gap_seconds),
        hint=timedelta(seconds=row.hint_seconds),
        failures=row.failures,
        failing_since=row.failing_since,
        told=row.told,
        last_success_at=row.last_success_at,
        last_new_at=row.last_new_at,
        created_at=row.created_at,
        pushed_until=row.pushed_until,
    )


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def follow(work: Work, source: str, key: str, host: str, uid: UUID) -> Feed:
    """The feed under this name: made if nobody followed it yet, polled again if nobody did any more."""
    feed = feeds.by_key(work.session, source, key)
    if feed is None:
        feed = Feed(uid=uid, source=source, key=key, host=host, due_at=work.now, created_at=work.now)
        work.wakes.add("feeds")
        return feeds.add(work.session, feed)
    _revive(work, feed)
    return feed


def follow_all(work: Work, source: str, named: Mapping[str, tuple[str, str]]) -> Mapping[str, Feed]:
    """As ``follow``, for many at once: host and title by name.  The title stands until the feed's own is known."""
    known = feeds.of_keys(work.session, source, list(named))
    new = {
        key: Feed(
            uid=uuid7(work.now), source=source, key=key, host=host, title=title, due_at=work.now, created_at=work.now
        )
        for key, (host, title) in named.items()
        if key not in known
    }
    feeds.add_all(work.session, list(new.values()))
    for key, feed in known.items():
        feed.title = feed.title or named[key][1]
        _revive(work, feed)
    if new:
        work.wakes.add("feeds")
    return {**known, **new}


def _revive(work: Work, feed: Feed) -> None:
    if feed.state != FeedState.ACTIVE:
        feed.state, feed.due_at, feed.told, feed.failures, feed.failing_since = FeedState.ACTIVE, work.now, "", 0, None
        work.session.add(feed)
        work.session.flush()
        work.wakes.add("feeds")


def get(work: Work, feed_id: int) -> Feed:
    """Raises NotFound."""
    if (feed := feeds.get(work.session, feed_id)) is None:
        raise NotFound(f"there is no feed {feed_id}; `postbell feeds` lists them")
    return feed


def find(work: Work, source: str, key: str) -> Feed | None:
    return feeds.by_key(work.session, source, key)


def newest(work: Work, limit: int) -> Sequence[Feed]:
    """Feeds, the latest added first."""
    return feeds.newest(work.session, limit)


def in_trouble(work: Work, limit: int) -> Sequence[Feed]:
    """Feeds that cannot be read at present, or are read no more, the longest first."""
    return feeds.in_trouble(work.session, limit)


def hurry(work: Work, feed_id: int, default: timedelta) -> DueFeed:
    """Lease one feed for reading at once, whatever its turn.  Raises NotFound."""
    feed = get(work, feed_id)
    token = feeds.take(work.session, [feed_id], work.now + LEASE)
    return _due(feed, token, default)


def want(work: Work, feed_id: int) -> None:
    """Read the kinds of posts that its subscriptions ask for now."""
    feeds.set_wants(work.session, feed_id, subscriptions.all_wants(work.session, feed_id))


def forget_if_unwanted(work: Work, feed_id: int) -> None:
    """Stop reading what nobody subscribes to, and what is no official account; its posts stay, so that a return floods
    nobody."""
    if official.name_of(work.session, feed_id):
        return
    if not subscriptions.any_active(work.session, feed_id) and (feed := feeds.get(work.session, feed_id)):
        feed.state = FeedState.PAUSED
        work.session.add(feed)
        work.session.flush()
        hubs.leave(work, feed_id)


def read_soon(work: Work, source: str, keys: Sequence[str]) -> None:
    """Their platform says that they have something new; those that nobody follows are passed over."""
    for feed in feeds.of_keys(work.session, source, keys).values():
        if feed.state == FeedState.ACTIVE:
            feeds.bring_forward(work.session, feed.id, work.now)
            work.wakes.add("feeds")
