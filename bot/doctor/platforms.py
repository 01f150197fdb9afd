"""What the doctor has to say of channels and sources: their platforms, streams and budgets."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from adapters.base import Examined
from bot.clock import utc_now
from bot.rules import budget
from bot.rules.findings import Finding
from bot.rules.measures import when
from bot.usecases import providers, spending, streams
from storage.database import Database

LONGEST_EXAMINATION = 45.0  # seconds; of one channel or source


async def examined(name: str, one: Examined, callback_url: str) -> AsyncIterator[Finding]:
    """A channel's or source's account, by its platform's word."""
    try:
        async with asyncio.timeout(LONGEST_EXAMINATION):
            found = await one.examine(callback_url)
    except TimeoutError:
        yield Finding(name, "wrong", "the platform took too long to answer", "can this machine reach it?")
        return
    for each in found:
        yield Finding(name, ("warning" if each.mend else "ok") if each.ok else "wrong", each.what, each.mend)


async def of_sources(database: Database, paces: spending.Paces) -> AsyncIterator[Finding]:
    """What the database knows of sources that can be refused, cost money or stream."""
    for source, row in (await database.read(providers.suspended_sources)).items():
        yield Finding(f"source {source}", "wrong", row.reason, "mend that; its feeds go on by themselves")
    for bill in await database.read(spending.bills, paces):
        yield _budget(bill)
    standings = {one.source: one for one in await database.read(streams.standings)}
    for source, pace in paces.items():
        if pace.streams:
            for finding in _stream(source, standings.get(source)):
                yield finding


def _budget(bill: spending.Bill) -> Finding:
    what, text = f"usage of {bill.source}", f"{bill.reads:,} reads this month, about {bill.forecast:,} at its end"
    if not bill.budget:
        return Finding(what, "ok", f"{text}; there is no budget")
    text += f", of {bill.budget:,}"
    mend = f"raise {bill.source.upper()}_MONTHLY_BUDGET, or follow less: `postbell usage` shows what costs most"
    if budget.used_up(bill.reads, bill.budget):
        return Finding(what, "wrong", f"{text}: nothing is read before the next month", mend)
    if bill.forecast > bill.budget:
        return Finding(what, "warning", f"{text}: it is read less often so that the rest lasts", mend)
    return Finding(what, "ok", text)


def _stream(source: str, standing: streams.Standing | None) -> Iterator[Finding]:
    what = f"stream of {source}"
    if standing is None or not standing.listens:
        yield Finding(what, "warning", "no process listens to it; its feeds are polled", "`postbell serve`")
        return
    since = when(standing.since, utc_now())
    if standing.hears:
        yield Finding(what, "ok", f"is heard, since {since}")
    else:
        yield Finding(what, "warning", f"is not heard, since {since}; its feeds are polled", "the log says why")
