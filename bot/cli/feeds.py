"""``postbell feeds`` and ``poll``: how each feed fares, and reading one at once."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from adapters.base import Page, Source, SourceError
from bot import parts
from bot.cli import output
from bot.cli.beside import Desk, opened, sources
from bot.cli.subscriptions import resolve
from bot.clock import utc_now
from bot.errors import NotFound, Unavailable
from bot.gate import Gate
from bot.metrics import Metrics
from bot.rules.plain_text import one_line
from bot.usecases import feeds, posts, spending
from storage.models import Feed as FeedRow
from storage.models import FeedState


class Feed(msgspec.Struct, frozen=True):
    id: int
    uid: str
    source: str
    key: str
    title: str
    home: str
    state: str  # "active", "paused" (nobody subscribes), "gone", "disabled"
    failures: int  # in a row
    failing_since: datetime | None
    fault: str
    reason: str
    posts: int  # numbered so far
    reads: int  # that its provider has counted this month; 0 for what nobody counts
    last_polled_at: datetime | None
    last_success_at: datetime | None
    last_new_at: datetime | None
    next_at: datetime | None  # None: it is not read any more
    reading: bool  # just now


class NewPost(msgspec.Struct, frozen=True):
    id: str
    seq: int
    title: str
    url: str
    published_at: datetime | None


class Polled(msgspec.Struct, frozen=True):
    feed_id: int
    outcome: str  # "new", "nothing new", "unchanged", "failed"
    reason: str
    posts: int  # in the document
    new: list[NewPost]  # the latest first
    next_at: datetime


def list_all(
    failing: Annotated[bool, typer.Option("--failing", help="Only those in trouble, the longest first.")] = False,
    json: output.Json = False,
    limit: output.Limit = 100,
) -> None:
    """Feeds, the latest added first: health, when it is read next, and what is wrong."""
    with opened() as desk:
        rows = desk.read(feeds.in_trouble if failing else feeds.newest, limit)
        reads = desk.read(spending.of_feeds, [row.id for row in rows])
        found = [shown(row, reads.get(row.id, 0)) for row in rows]
    none = "No feed is in trouble." if failing else "No feeds yet.  `postbell subscribe` follows one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


def poll(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="Its id or address.")],
    json: output.Json = False,
) -> None:
    """Read a feed at once, whatever its turn, and show what came.  New posts are queued as always."""
    with opened() as desk:
        polled = asyncio.run(_poll(desk, feed))
    if json:
        output.as_json(polled)
    else:
        _tell(polled)
    if polled.outcome == "failed":
        raise typer.Exit(1)


async def _poll(desk: Desk, name: str) -> Polled:
    settings, database = desk.settings, desk.database
    async with sources(settings) as known:
        row = await _followed(desk, name, known)
        poller = parts.make_poller(settings, database, known, utc_now, Metrics(), Gate())
        due = await database.write(feeds.hurry, row.id, timedelta(seconds=settings.poll_seconds))
        with output.waiting(f"reading {row.key} …"):
            result = await poller.poll(due)
    after = await database.read(feeds.get, row.id)
    if after.lease_token == due.token:
        raise Unavailable(f"feed {row.id} was read, but the result could not be stored; `postbell doctor` looks why")
    fresh = after.last_seq - row.last_seq
    new = await database.read(posts.newest, row.id, fresh) if fresh > 0 else ()
    return _polled(after, result, [NewPost(str(p.uid), p.seq, p.title, p.url, p.published_at) for p in new])


async def _followed(desk: Desk, name: str, known: Mapping[str, Source]) -> FeedRow:
    """The feed by its id, its address as stored, or what that address leads to.  Raises NotFound."""
    if name.isdecimal():
        return await desk.database.read(feeds.get, int(name))
    for kind in known:
        if row := await desk.database.read(feeds.find, kind, name):
            return row
    with output.waiting(f"looking for a feed at {name} …"):
        recognised = await resolve(known, name)
    if row := await desk.database.read(feeds.find, recognised.source, recognised.found.key):
        return row
    raise NotFound(f"nobody follows {recognised.found.key}; `postbell subscribe ACCOUNT FEED DESTINATION` does")


def _polled(row: FeedRow, result: Page | SourceError, new: list[NewPost]) -> Polled:
    if isinstance(result, SourceError):
        return Polled(row.id, "failed", str(result), 0, new, row.due_at)
    outcome = "new" if new else "unchanged" if result.info is None else "nothing new"
    return Polled(row.id, outcome, "", len(result.posts), new, row.due_at)


def _tell(polled: Polled) -> None:
    now = utc_now()
    match polled.outcome:
        case "failed":
            output.say(f"feed {polled.feed_id} could not be read: {one_line(polled.reason)}")
        case "unchanged":
            output.say(f"feed {polled.feed_id} has not changed since it was last read")
        case _:
            held = output.counted(polled.posts, "post")
            output.say(f"feed {polled.feed_id} holds {held}, {len(polled.new) or 'none'} of them new")
    for post in polled.new:
        output.say(f"  {post.seq}: {output.shortened(post.title or '(no title)', 90)}  {one_line(post.url)}")
    output.hint(f"It is read again {output.when(polled.next_at, now)}.")


def shown(row: FeedRow, reads: int = 0) -> Feed:
    same = (
        "id", "source", "key", "title", "home", "state", "failures", "failing_since", "fault", "reason",
        "last_polled_at", "last_success_at", "last_new_at",
    )  # fmt: skip
    active, reading = row.state == FeedState.ACTIVE, row.lease_token is not None
    return Feed(
        **{name: getattr(row, name) for name in same},
        uid=str(row.uid),
        posts=row.last_seq,
        reads=reads,
        next_at=row.due_at if active and not reading else None,
        reading=reading,
    )


def _table(found: list[Feed]) -> Table:
    now, wide = utc_now(), ("Feed", "Reason")
    counted = any(one.reads for one in found)
    more = ("Reads this month",) if counted else ()
    table = output.table("ID", "Feed", "Health", "Read", "New post", "Next", *more, "Reason", wide=wide)
    for one in found:
        name = f"{output.shortened(one.title, 60)} {output.place(one.key, 60)}".strip()
        following = "now" if one.reading else output.when(one.next_at and max(one.next_at, now), now)
        read, new = output.when(one.last_success_at, now), output.when(one.last_new_at, now)
        reason = output.shortened(one.reason, 160)
        reads = (f"{one.reads:,}",) if counted else ()
        output.add_row(table, one.id, name, _health(one), read, new, following, *reads, reason)
    return table


def _health(one: Feed) -> Text:
    if one.state != FeedState.ACTIVE:
        return output.graded(one.state, "warning" if one.state == FeedState.PAUSED else "wrong")
    if one.failures:
        return output.graded(f"failing ×{one.failures}", "warning")
    return output.graded("ok", "ok") if one.last_success_at else Text("not read yet")
