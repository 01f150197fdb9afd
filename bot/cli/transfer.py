"""``postbell import`` and ``export``: the feeds of another reader taken over, and ours handed on, as OPML."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bot import parts
from bot.cli import output
from bot.cli.beside import Desk, opened
from bot.errors import Invalid
from bot.rules import opml as rules
from bot.usecases import accounts, audit, destinations, opml
from storage.models import Destination

AccountOption = Annotated[str, typer.Option("--account", help="Whose (id or e-mail).")]
DestinationOption = Annotated[int, typer.Option("--destination", help="Where to (id).")]


class Imported(msgspec.Struct, frozen=True):
    account_id: int
    destination_id: int
    new: int  # subscriptions
    known: int  # were there before
    refused: list[str]  # addresses that cannot be followed


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OPML, as feed readers export it.", dir_okay=False)],
    account: AccountOption = "",
    destination: DestinationOption = 0,
    json: output.Json = False,
) -> None:
    """Subscribe to every feed of a list.  Each is read for the first time at its turn; nothing old is sent.

    Account and destination may be left out where there is only one.
    """
    outlines = _read(file)
    with opened() as desk:
        to = _destination(desk, account, destination)
        done = asyncio.run(_import(desk, to, outlines))
    made = Imported(
        account_id=to.account_id,
        destination_id=to.id,
        new=sum(len(part.made) for part in done),
        known=sum(part.known for part in done),
        refused=[one.url for part in done for one in part.refused],
    )
    if json:
        return output.as_json(made)
    output.say(f"{output.counted(made.new, 'new subscription')} at destination {made.destination_id}, {to.address}")
    if made.known:
        output.say(f"{made.known} were there already")
    for url in made.refused:
        output.say(f"not followed, its address is not allowed here: {url}")
    return None


def _read(file: Path) -> list[rules.Outline]:
    document = file.read_bytes()
    if len(document) > rules.MOST_BYTES:
        raise Invalid(f"{file} is larger than 5 MiB; split it")
    try:
        return rules.read(document)
    except rules.NotOpml as error:
        where = f"there is a fault in line {error.line}" if error.line else "there is no feed in it"
        raise Invalid(f"{file} is no list of feeds (OPML): {where}") from None


async def _import(desk: Desk, to: Destination, outlines: list[rules.Outline]) -> list[opml.Imported]:
    async with parts.make_outbound(desk.settings) as outbound:
        source = parts.make_sources(outbound)[opml.SOURCE]
        try:
            return [
                await desk.database.write(
                    audit.noted,
                    audit.COMMAND_LINE,
                    "import subscriptions",
                    partial(_noted, to.id),
                    opml.import_opml,
                    account_id=to.account_id,
                    destination_id=to.id,
                    outlines=outlines[first : first + opml.AT_ONCE],
                    naming=parts.make_naming(outbound, source),
                )
                for first in range(0, len(outlines), opml.AT_ONCE)
            ]
        finally:
            await source.close()


def _noted(destination_id: int, done: opml.Imported) -> audit.Change | None:
    return audit.Change(f"destination {destination_id}", after={"subscriptions": done.made}) if done.made else None


def _destination(desk: Desk, account: str, destination: int) -> Destination:
    """The one that is named, or the only one.  Raises NotFound, Invalid."""
    owner = desk.read(accounts.get, account).id if account else None
    if destination:
        to = desk.read(destinations.get, destination)
        if owner not in (None, to.account_id):
            raise Invalid(f"destination {destination} is not of account {account}")
    else:
        known = desk.read(destinations.of_account, owner, 2)
        if len(known) != 1:
            raise Invalid("say where to, by --destination; `postbell destination list` shows them")
        to = known[0]
    if to.verified_at is None:
        raise Invalid(f"destination {to.id} is not verified yet")
    return to


def export(
    account: AccountOption = "",
    destination: Annotated[int, typer.Option("--destination", help="Only what goes there (id).")] = 0,
) -> None:
    """Print the feeds that are subscribed to as OPML, which every feed reader takes."""
    with opened() as desk:
        owner = desk.read(accounts.get, account).id if account else None
        if destination:
            desk.read(destinations.get, destination)
        outlines = desk.read(opml.export_opml, account_id=owner, destination_id=destination or None)
    sys.stdout.write(rules.write(outlines, "Postbell"))
