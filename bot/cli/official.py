"""``postbell official …``: which feeds callers of the official-account history API see."""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from bot.cli import output
from bot.cli.beside import opened
from bot.cli.subscriptions import Recognised, recognised
from bot.clock import utc_now
from bot.usecases import official
from bot.usecases.audit import Change
from storage.models import Feed

app = typer.Typer(no_args_is_help=True, help="Feeds that callers see as official accounts.")


class Account(msgspec.Struct, frozen=True):
    id: str  # "@TOA#_15ERQPAER"
    feed_id: int
    source: str
    key: str
    title: str
    created_at: datetime


@app.command()
def add(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="Address of a feed or of a page with one, or an id.")],
    name: Annotated[str, typer.Option("--id", help="What it is called: @TOA#_ and up to 100 characters.")] = "",
    json: output.Json = False,
) -> None:
    """Show a feed as an official account.  It is followed from now on, also when nobody subscribes to it."""
    with opened() as desk:
        known, _ = asyncio.run(recognised(desk, feed))
        of = {"source": known.source, "key": known.found.key, "host": known.host}
        row, made = desk.change("show official account", _noted, official.follow, **of, name=name)
        shown = Account(made, row.id, row.source, row.key, row.title or _title(known), utc_now())
    if json:
        return output.as_json(shown)
    output.say(f"feed {shown.feed_id}, {shown.title or shown.key}, is shown as:")
    return output.bare(shown.id)


@app.command("list")
def list_all(json: output.Json = False, limit: output.Limit = 100) -> None:
    """Official accounts, in the order of their ids."""
    with opened() as desk:
        rows = desk.read(official.list_all, limit)
    found = [Account(row.name, row.id, row.source, row.key, row.title, row.created_at) for row in rows]
    none = "No official accounts yet.  `postbell official add FEED` makes one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


@app.command()
def remove(which: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id, or that of its feed.")]) -> None:
    """Show it no more; its feed is read on while somebody subscribes to it."""
    with opened() as desk:
        name = desk.change("hide official account", lambda name: Change(name), official.remove, which)
    output.say(f"{name} is shown no more")


def _noted(shown: tuple[Feed, str]) -> Change:
    return Change(shown[1], after={"feed": shown[0].id})


def _title(known: Recognised) -> str:
    return known.found.page.info.title if known.found.page.info else ""


def _table(found: list[Account]) -> Table:
    now, table = utc_now(), output.table("Account", "Feed", "Since", wide=("Feed",))
    for one in found:
        feed = f"{one.feed_id}: {output.shortened(one.title or one.key, 80)}"
        output.add_row(table, one.id, feed, output.when(one.created_at, now))
    return table
