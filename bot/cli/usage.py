"""``postbell usage``: what reading has cost this month, what it will come to, and which feeds cost it."""

import asyncio
from collections.abc import Sequence

import msgspec
from rich.table import Table

from bot import parts
from bot.cli import output
from bot.cli.beside import opened, sources
from bot.clock import utc_now
from bot.rules import budget
from bot.settings import Settings
from bot.usecases import spending
from bot.usecases.spending import Bill, Paces


class SourceUsage(msgspec.Struct, frozen=True):
    source: str
    reads: int
    forecast: int  # for the whole month
    budget: int | None  # None: none
    usd: float | None  # by the provider's list; None: its price is not known
    forecast_usd: float | None


class FeedUsage(msgspec.Struct, frozen=True):
    feed_id: int
    source: str
    name: str
    via: str  # which of the source's providers; empty: its only one
    reads: int


class Usage(msgspec.Struct, frozen=True):
    month: str  # "2026-11", UTC
    sources: list[SourceUsage]
    feeds: list[FeedUsage]  # the most read first


def usage(json: output.Json = False, limit: output.Limit = 20) -> None:
    """What was read of sources that bill or count it this month, and what the month will come to."""
    with opened() as desk:
        paces = asyncio.run(_paces(desk.settings))
        bills, largest = desk.read(spending.bills, paces), desk.read(spending.largest, limit)
    found = Usage(
        budget.month(utc_now()),
        [_of_source(bill) for bill in bills],
        [FeedUsage(row.feed_id, row.source, row.name or row.title or row.key, row.via, row.reads) for row in largest],
    )
    if json:
        output.as_json(found)
    elif not found.sources:
        output.say("No source that is set up bills or counts what is read.")
    else:
        output.show(_sources_table(found.sources))
        if found.feeds:
            output.say("")
            output.show(_feeds_table(found.feeds))


async def _paces(settings: Settings) -> Paces:
    async with sources(settings) as known:
        return parts.make_paces(known)


def _of_source(bill: Bill) -> SourceUsage:
    usd = (round(bill.reads * bill.price, 2), round(bill.forecast * bill.price, 2)) if bill.price else (None, None)
    return SourceUsage(bill.source, bill.reads, bill.forecast, bill.budget or None, *usd)


def _sources_table(found: Sequence[SourceUsage]) -> Table:
    table = output.table("Source", "Reads this month", "At its end", "Budget", "List price", "At its end")
    for one in found:
        limit = f"{one.budget:,}" if one.budget else "none"
        output.add_row(
            table, one.source, f"{one.reads:,}", f"about {one.forecast:,}", limit, _usd(one.usd), _usd(one.forecast_usd)
        )
    return table


def _usd(amount: float | None) -> str:
    return "–" if amount is None else f"${amount:,.2f}"


def _feeds_table(found: Sequence[FeedUsage]) -> Table:
    table = output.table("Feed", "Source", "Name", "By", "Reads", wide=("Name",))
    for one in found:
        output.add_row(table, one.feed_id, one.source, output.shortened(one.name, 60), one.via, f"{one.reads:,}")
    return table
