"""Feeds, and the hosts whose politeness they share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, literal_column, or_, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from storage import leases
from storage.columns import moved_back, to_micros
from storage.models import Feed, FeedState, Host

FEEDS = Feed.__table__
HOSTS = Host.__table__

# The state is written out, or neither engine would see that the index of active feeds fits.
_DUE = leases.due(FEEDS, FEEDS.c.state == literal_column(f"'{FeedState.ACTIVE}'"))


def due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Active feeds whose time has come, oldest first; locked until the transaction ends."""
    return session.connection().execute(_DUE, {"now": now, "limit": limit}).all()


def take(session: Session, ids: Sequence[int], until: datetime) -> str:
    """Lease feeds that this transaction has locked; returns their token."""
    return leases.take(session, FEEDS, ids, until)


def postpone(session: Session, turns: Mapping[int, datetime]) -> None:
    """Give feeds their turn at their host."""
    rows = [{"_id": feed, "at": at} for feed, at in turns.items()]
    if rows:
        at = bindparam("at", type_=FEEDS.c.due_at.type)
        statement = update(FEEDS).where(FEEDS.c.id == bindparam("_id")).values(due_at=at, reserved_at=at)
        session.connection().execute(statement, rows)


def running(session: Session, hosts: Sequence[str], now: datetime) -> dict[str, int]:
    """How many feeds of each host are being read, by all processes."""
    statement = (
        select(FEEDS.c.host, func.count().label("n"))
        .where(FEEDS.c.lease_token.is_not(None), FEEDS.c.due_at > now, FEEDS.c.host.in_(hosts))
        .group_by(FEEDS.c.host)
    )
    return {row.host: row.n for row in session.execute(statement)}


def settle(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """End leases: each row names ``_id``, ``_token`` and what changes besides.

    A row whose lease has passed to somebody else is left alone.
    """
    leases.settle(session, FEEDS, rows)


_LEASED = (
    select(FEEDS.c.id, FEEDS.c.lease_token, FEEDS.c.last_seq)
    .where(FEEDS.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)


def still_leased(session: Session, tokens: Mapping[int, str]) -> dict[int, int]:
    """Those of the feeds that still stand under the given token, locked until the transaction ends, and the number
    of the last post of each: some may have been pushed since the lease was taken."""
    held: dict[int, int] = {}
    for ids in leases.slices(sorted(tokens)):
        found = session.connection().execute(_LEASED, {"ids": ids}).all()
        held |= {row.id: row.last_seq for row in found if row.lease_token == tokens[row.id]}
    return held


def lock(session: Session, feed_id: int) -> Row[Any] | None:
    """The feed as it stands, which nobody changes until the transaction ends."""
    return session.execute(select(FEEDS).where(FEEDS.c.id == feed_id).with_for_update()).one_or_none()


def grew(session: Session, feed_id: int, last_seq: int, now: datetime) -> None:
    """Posts were pushed into it; what polling knows of it stays as it is."""
    session.execute(update(FEEDS).where(FEEDS.c.id == feed_id).values(last_seq=last_seq, last_new_at=now))


def set_wants(session: Session, feed_id: int, bits: int) -> None:
    """Which kinds of posts its subscriptions ask for together."""
    session.execute(update(FEEDS).where(FEEDS.c.id == feed_id, FEEDS.c.wants != bits).values(wants=bits))


def keys_of(session: Session, source: str, after: int, limit: int) -> Sequence[tuple[int, str]]:
    """Id and key of the source's active feeds behind this id, in the order of ids."""
    wanted = select(FEEDS.c.id, FEEDS.c.key).where(FEEDS.c.source == source, FEEDS.c.state == FeedState.ACTIVE)
    rows = session.execute(wanted.where(FEEDS.c.id > after).order_by(FEEDS.c.id).limit(limit))
    return [(row.id, row.key) for row in rows]


def spread(session: Session, source: str, now: datetime, interval: timedelta) -> None:
    """The source's feeds that are well come due within ``interval``, evenly, unless they do sooner."""
    steps = 1000
    turn = to_micros(now) + (FEEDS.c.id % steps) * (interval // timedelta(microseconds=steps))
    late = (FEEDS.c.source == source, FEEDS.c.state == FeedState.ACTIVE, FEEDS.c.due_at > now + interval)
    free = (FEEDS.c.lease_token.is_(None), FEEDS.c.failures == 0, FEEDS.c.interval_seconds.is_(None))
    session.execute(update(FEEDS).where(*late, *free).values(due_at=turn, reserved_at=None))


def set_pushed_until(session: Session, feed_id: int, until: datetime | None) -> None:
    """Till when a hub can be relied on to push; None: not at all."""
    session.execute(update(FEEDS).where(FEEDS.c.id == feed_id).values(pushed_until=until))


def bring_forward(session: Session, feed_id: int, due_at: datetime) -> None:
    """Read the feed then at the latest, unless it is just being read."""
    later = (FEEDS.c.id == feed_id) & (FEEDS.c.due_at > due_at) & FEEDS.c.lease_token.is_(None)
    session.execute(update(FEEDS).where(later).values(due_at=due_at, reserved_at=None))


def hosts(session: Session, names: Sequence[str]) -> Sequence[Host]:
    """The queues before these hosts, locked in the order of their names."""
    wanted = select(HOSTS).where(HOSTS.c.name.in_(names)).order_by(HOSTS.c.name).with_for_update()
    return [Host(**row._mapping) for row in session.execute(wanted)]


def save_hosts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store queues: ``name``, ``free_at``, ``blocked_until``."""
    if rows:
        insert = leases.insert_new(session, HOSTS)
        session.connection().execute(
            insert.on_conflict_do_update(
                index_elements=["name"],
                set_={"free_at": insert.excluded.free_at, "blocked_until": insert.excluded.blocked_until},
            ),
            rows,
        )


def block_hosts(session: Session, until: Mapping[str, datetime]) -> None:
    """Nobody asks these hosts before; turns that were given and a longer block stand."""
    if not until:
        return
    queues = {host.name: host for host in hosts(session, sorted(until))}
    rows = []
    for name, at in sorted(until.items()):
        queue = queues.get(name) or Host(name=name, free_at=at)
        longest = max(at, queue.blocked_until or at)
        rows.append({"name": name, "free_at": max(at, queue.free_at), "blocked_until": longest})
    save_hosts(session, rows)


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: what was to come comes as soon as it would have come without that."""
    for table, names in ((FEEDS, ("due_at", "reserved_at")), (HOSTS, ("free_at", "blocked_until"))):
        earlier = {name: moved_back(table.c[name], by, now) for name in names}
        session.execute(update(table).where(table.c[names[0]] > now).values(**earlier))


def release_all(session: Session, now: datetime) -> int:
    """At the start of the only process: every lease is a dead worker's.  Returns how many."""
    leased = update(FEEDS).where(FEEDS.c.lease_token.is_not(None))
    return leases.affected(session, leased.values(lease_token=None, due_at=now))


def add(session: Session, feed: Feed) -> Feed:
    """Store a new feed; the same object comes back with its id."""
    session.add(feed)
    session.flush()
    return feed


def get(session: Session, feed_id: int) -> Feed | None:
    return session.get(Feed, feed_id)


def by_key(session: Session, source: str, key: str) -> Feed | None:
    """The feed of this source under its normal name."""
    return session.exec(select_rows(Feed).where(col(Feed.source) == source, col(Feed.key) == key)).first()


def of_keys(session: Session, source: str, keys: Sequence[str]) -> dict[str, Feed]:
    """Those of these feeds that are known, by name."""
    found: dict[str, Feed] = {}
    for some in leases.slices(keys):
        wanted = select_rows(Feed).where(col(Feed.source) == source, col(Feed.key).in_(some))
        found |= {feed.key: feed for feed in session.exec(wanted)}
    return found


def add_all(session: Session, feeds: Sequence[Feed]) -> None:
    """Store new feeds; the same objects have their ids then."""
    session.add_all(feeds)
    session.flush()


def newest(session: Session, limit: int) -> Sequence[Feed]:
    """Feeds, the latest added first."""
    return session.exec(select_rows(Feed).order_by(col(Feed.id).desc()).limit(limit)).all()


def in_trouble(session: Session, limit: int) -> Sequence[Feed]:
    """Feeds whose last polls failed, or that were given up; the longest in trouble first."""
    bad = or_(col(Feed.failures) > 0, col(Feed.state).in_((FeedState.GONE, FeedState.DISABLED)))
    wanted = select_rows(Feed).where(bad, col(Feed.state) != FeedState.PAUSED)
    return session.exec(wanted.order_by(col(Feed.failing_since), col(Feed.id)).limit(limit)).all()
