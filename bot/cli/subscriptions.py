"""``postbell subscribe``, ``unsubscribe`` and ``subscriptions``: which feed's posts go where."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from adapters.base import FeedNotFound, Found, Page, Source
from bot import parts
from bot.cli import output
from bot.cli.beside import Desk, opened, sources
from bot.clock import utc_now
from bot.errors import UserError
from bot.jobs.lookup import look_up
from bot.rules import options
from bot.rules.options import Options
from bot.rules.plain_text import one_line
from bot.usecases import accounts, destinations, feeds, posts, subscriptions
from bot.usecases.audit import Change

LONGEST_SECONDS = 60.0  # for finding a feed: a command may wait longer than a chat


class Subscription(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    account: str | None  # e-mail
    feed_id: int
    feed: str  # title, or its address while it has none
    source: str
    key: str
    destination_id: int
    channel: str
    address: str
    options: Options  # what it brings besides ordinary posts
    created_at: datetime


class Subscribed(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    feed_id: int
    source: str
    key: str
    title: str
    destination_id: int
    new: bool  # False: it was there before
    latest_queued: bool
    posts: int  # how many the feed holds now
    newest_title: str
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A feed, by the source that knows it."""

    source: str
    found: Found
    host: str


class NotRecognised(UserError):
    """No source knows a feed by that name."""


def subscribe(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Id or e-mail.")],
    feed: Annotated[str, typer.Argument(metavar="FEED", help="Address of a feed or of a page with one, or an id.")],
    destination: Annotated[int, typer.Argument(metavar="DESTINATION", help="Its id.")],
    latest: Annotated[bool, typer.Option("--latest", help="Send the newest post that is there now, too.")] = False,
    reposts: Annotated[bool, typer.Option("--reposts", help="Of an account: also what it passes on.")] = False,
    replies: Annotated[bool, typer.Option("--replies", help="Of an account: also what it answers.")] = False,
    json: output.Json = False,
) -> None:
    """Follow a feed: its posts from now on go to a destination."""
    with opened() as desk:
        account_id = desk.read(accounts.get, account).id
        desk.read(destinations.get, destination)
        known, policy = asyncio.run(recognised(desk, feed))
        done = desk.change(
            "subscribe",
            _made,
            subscriptions.subscribe,
            account_id=account_id,
            destination_id=destination,
            source=known.source,
            found=known.found,
            host=known.host,
            policy=policy,
            default_interval=timedelta(seconds=desk.settings.poll_seconds),
            latest=latest,
            wishes=Options(reposts=reposts, replies=replies) if reposts or replies else None,
        )
        to = desk.read(destinations.get, destination)
        made = _subscribed(done, known.found.page)
    if json:
        return output.as_json(made)
    _tell(made, f"{to.channel} {to.address}")
    return None


def _made(done: subscriptions.Subscribed) -> Change:
    wish = done.subscription
    after = {"account": wish.account_id, "feed": wish.feed_id, "destination": wish.destination_id}
    return Change(f"subscription {wish.id}", after=after)


def unsubscribe(
    subscription: Annotated[int, typer.Argument(metavar="SUBSCRIPTION", help="Its id.")],
) -> None:
    """End a subscription at once; what is queued for it is not sent."""
    with opened() as desk:
        noted = Change(f"subscription {subscription}")
        ended = desk.change("unsubscribe", lambda _: noted, subscriptions.unsubscribe, subscription)
    output.say(f"subscription {ended.id} has ended: feed {ended.feed_id} no longer goes to {ended.destination_id}")


def list_all(
    account: Annotated[str, typer.Option(help="Only this account's (id or e-mail).")] = "",
    json: output.Json = False,
    limit: output.Limit = 100,
) -> None:
    """Active subscriptions, the latest first."""
    with opened() as desk:
        of = desk.read(accounts.get, account).id if account else None
        found = [_shown(row) for row in desk.read(subscriptions.newest, of, limit)]
    none = "No subscriptions yet.  `postbell subscribe ACCOUNT FEED DESTINATION` makes one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


# Which feed is meant


async def recognised(desk: Desk, name: str) -> tuple[Recognised, posts.Policy]:
    """By its id, or over the network by what people paste.  Raises NotFound, NotRecognised."""
    async with sources(desk.settings) as known:
        policy = parts.make_policy(desk.settings, known)
        if name.isdecimal():
            row = await desk.database.read(feeds.get, int(name))
            if row.last_success_at is not None:
                return Recognised(row.source, Found(row.key, Page(cursor={})), row.host), policy
            name = row.key
        with output.waiting(f"looking for a feed at {name} …"):
            return await resolve(known, name), policy


async def resolve(known: Mapping[str, Source], name: str) -> Recognised:
    """Ask each source in turn, over the network.  Raises NotRecognised with what might be meant instead."""
    looked = await look_up(known, name, utc_now(), LONGEST_SECONDS)
    if looked.found is not None:
        return Recognised(looked.source, looked.found, looked.host)
    if not isinstance(looked.error, FeedNotFound):
        raise NotRecognised(f"{name} cannot be read: {looked.error}")
    lines = [f"no feed at {name}: {looked.error}", *(f"  perhaps: {one}" for one in looked.error.candidates)]
    raise NotRecognised("\n".join(lines))


# What is shown


def _subscribed(done: subscriptions.Subscribed, page: Page) -> Subscribed:
    newest = page.posts[-1] if page.posts else None
    feed = done.feed
    return Subscribed(
        id=done.subscription.id,
        account_id=done.subscription.account_id,
        feed_id=feed.id,
        source=feed.source,
        key=feed.key,
        title=feed.title,
        destination_id=done.subscription.destination_id,
        new=done.new,
        latest_queued=done.latest_queued,
        posts=len(page.posts),
        newest_title=(newest.title or newest.url) if newest else "",
        newest_at=newest.published if newest else None,
    )


def _tell(made: Subscribed, to: str) -> None:
    output.say(f"recognised: {one_line(made.title) or '(no title)'} – {made.key}")
    if made.newest_title:
        age = f", {output.when(made.newest_at, utc_now())}" if made.newest_at else ""
        output.say(f"it holds {output.counted(made.posts, 'post')}; the newest: {_title(made.newest_title)}{age}")
    what = "subscription" if made.new else "was there already: subscription"
    where = f"destination {made.destination_id}, {to}"
    output.say(f"{what} {made.id}: posts of feed {made.feed_id} from now on go to {where}")
    if made.latest_queued:
        output.say("the newest one is on its way")


def _title(text: str) -> str:
    return f"“{output.shortened(text, 80)}”"


def _shown(row: Any) -> Subscription:
    wish, feed, to, account = row
    return Subscription(
        id=wish.id,
        account_id=account.id,
        account=account.email,
        feed_id=feed.id,
        feed=feed.title or feed.key,
        source=feed.source,
        key=feed.key,
        destination_id=to.id,
        channel=to.channel,
        address=to.address,
        options=options.read(wish.options),
        created_at=wish.created_at,
    )


def _table(found: list[Subscription]) -> Table:
    now, wide = utc_now(), ("Account", "Feed", "Destination")
    table = output.table("ID", "Account", "Feed", "Destination", "Since", wide=wide)
    for one in found:
        to = f"{one.destination_id}: {output.place(one.address, 60)}"
        feed = f"{one.feed_id}: {output.shortened(one.feed, 80)}"
        output.add_row(table, one.id, one.account or one.account_id, feed, to, output.when(one.created_at, now))
    return table
