"""A small populated gateway for tests: accounts, destinations, feeds, subscriptions and posts, by number."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text

from adapters.base import FeedInfo, Page, Post, Receipt, SendError, SourceError
from bot.rules.retry import Schedule
from bot.usecases import deliveries, feeds, posts, settling
from storage import columns, models
from storage.database import Work

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

SCHEDULES = {
    "webhook": Schedule((5 * SECOND, 5 * MINUTE, 30 * MINUTE), 4 * DAY),
    "chat": Schedule((2 * SECOND, 10 * SECOND, 30 * SECOND), DAY),
    "code": Schedule((2 * SECOND, 5 * SECOND), 15 * MINUTE),
    "reply": Schedule((1 * SECOND, 3 * SECOND), 2 * MINUTE),
}
POLICY = posts.Policy(SCHEDULES)
LIMITS = {"webhook": 4, "chat": 1}
INTERVAL = 10 * MINUTE
POLITE = feeds.Politeness(at_once=2, gap=SECOND)


def uid(number: int) -> UUID:
    return UUID(int=number)


def add_account(work: Work, /, number: int = 1) -> int:
    work.session.add(models.Account(id=number, email=f"{number}@example.org", created_at=work.now))
    _count_on(work, models.Account)
    return number


def _count_on(work: Work, /, table: type[columns.Base]) -> None:
    """PostgreSQL counts by itself only what it has numbered itself."""
    work.session.flush()
    if work.session.get_bind().dialect.name == "postgresql":
        name = table.__table__.name
        work.session.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))


def add_destinations(
    work: Work, /, count: int, channel: str = "webhook", *, first: int = 1, account: int = 1
) -> list[int]:
    """Destinations numbered from ``first``; their lane is called as their channel."""
    if work.session.get(models.Account, account) is None:
        add_account(work, account)
    rows: list[dict[str, Any]] = [
        {
            "id": number,
            "uid": uid(number),
            "account_id": account,
            "channel": channel,
            "lane": channel,
            "address": f"https://example.org/{number}",
            "verified_at": work.now,
            "created_at": work.now,
        }
        for number in range(first, first + count)
    ]
    work.session.execute(insert(models.Destination.__table__), rows)
    _count_on(work, models.Destination)
    return [row["id"] for row in rows]


def add_feed(work: Work, /, number: int = 1, **fields: Any) -> int:
    """An active feed that was visited before and is due now."""
    known: dict[str, Any] = {
        "id": number,
        "uid": uid(number),
        "source": "feed",
        "key": f"https://{number}.example.org/feed",
        "host": f"https://{number}.example.org:443",
        "due_at": work.now,
        "last_success_at": work.now - MINUTE,
        "created_at": work.now - DAY,
    }
    work.session.add(models.Feed(**known | fields))
    _count_on(work, models.Feed)
    return number


def subscribe(work: Work, /, feed: int, destinations: Iterable[int], *, account: int = 1) -> None:
    for destination in destinations:
        work.session.add(
            models.Subscription(
                account_id=account, feed_id=feed, destination_id=destination, active=True, created_at=work.now
            )
        )
    work.session.flush()


def queue(work: Work, /, destination: int, count: int = 1, lane: str = "webhook", *, account: int = 1) -> list[int]:
    """Ready notices for a destination; returns their ids."""
    table = models.Delivery.__table__
    before = work.session.execute(select(func.max(table.c.id))).scalar() or 0
    row: dict[str, Any] = {
        "account_id": account,
        "destination_id": destination,
        "event": "feed.quiet",
        "lane": lane,
        "state": "ready",
        "due_at": work.now,
        "expires_at": work.now + SCHEDULES[lane].expires,
        "created_at": work.now,
    }
    notices = [row | {"uid": uid(n), "text": f"notice {n}"} for n in range(before + 1, before + 1 + count)]
    work.session.execute(insert(table), notices)
    return list(work.session.execute(select(table.c.id).where(table.c.id > before).order_by(table.c.id)).scalars())


def item(name: str | int, **fields: Any) -> Post:
    """A post of a document; key and link follow from ``name``."""
    name = str(name)
    usual: dict[str, Any] = {
        "key": blake2b(name.encode(), digest_size=16).digest(),
        "link_key": blake2b(b"link " + name.encode(), digest_size=16).digest(),
        "title": f"Post {name}",
        "url": f"https://example.org/{name}",
        "content": f"<p>The text of {name}.</p>",
    }
    return Post(**usual | fields)


def page(*some: Post, cursor: object = None, **fields: Any) -> Page:
    usual: dict[str, Any] = {"cursor": {"at": cursor}, "posts": some, "info": FeedInfo(title="A feed")}
    return Page(**usual | fields)


def take_feeds(work: Work, /, limit: int = 100) -> list[feeds.DueFeed]:
    return list(feeds.take_due(work, limit, POLITE, INTERVAL)[0])


def take(work: Work, /, lane: str = "webhook", room: int = 100, after: int = 0) -> deliveries.Claim:
    return deliveries.take_due(work, lane, room, after, LIMITS)


def settle(
    work: Work, /, due: Sequence[deliveries.DueDelivery], result: Receipt | SendError | None = None, **fields: Any
) -> settling.Settled:
    """End attempts, all with the same result; by default they were sent."""
    now: datetime = work.now
    sent = [
        settling.Sent(due=one, result=result or Receipt(status=200), started_at=now, ended_at=now, **fields)
        for one in due
    ]
    return settling.settle(work, sent, POLICY)


def row(work: Work, /, table: type[columns.Base], number: int) -> Any:
    """A stored row as it is now."""
    return work.session.execute(select(table.__table__).where(table.__table__.c.id == number)).one()


def rows(work: Work, /, table: type[columns.Base], **equal: Any) -> list[Any]:
    """Stored rows with these values, in the order of ids."""
    wanted = select(table.__table__).order_by(table.__table__.c.id)
    for name, value in equal.items():
        wanted = wanted.where(table.__table__.c[name] == value)
    return list(work.session.execute(wanted))


def record(
    work: Work, /, feed: feeds.DueFeed, result: Page | SourceError, policy: posts.Policy = POLICY, **fields: Any
) -> posts.Recorded:
    """Store the outcome of one poll."""
    return posts.record(work, [posts.Polled(feed, result, **fields)], policy)
