"""``postbell destination …``: where messages go, what signs them, and how each fares."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from adapters.base import BadAddress, Channel
from adapters.signatures import new_secret, secret_key
from bot import parts
from bot.cli import output
from bot.cli.beside import opened
from bot.clock import utc_now
from bot.rules.secrets import OVERLAP
from bot.settings import Settings
from bot.usecases import accounts, destinations
from bot.usecases.audit import Change
from storage import models

MAX_SECRET_FILE = 4096  # bytes

app = typer.Typer(no_args_is_help=True, help="Where messages go.")

SecretFile = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="File with the signing secret, whsec_…; otherwise one is made."),
]
Id = Annotated[int, typer.Argument(metavar="ID", help="As `postbell destination list` shows it.")]


class Destination(msgspec.Struct, frozen=True):
    id: int
    uid: str
    account_id: int
    channel: str
    address: str
    name: str
    verified: bool
    state: str  # "ok", "unverified", "failing", "resting", "disabled"
    reason: str
    created_at: datetime


class Added(Destination, frozen=True):
    secret: str | None  # only when it was made here; it is never shown again


class Rotated(msgspec.Struct, frozen=True):
    id: int
    secret: str | None
    former_until: datetime


@app.command()
def add(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Id or e-mail.")],
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="webhook, feishu, whatsapp, or an account: whatsapp/sales")
    ],
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="URL of a webhook or a custom bot, oc_…, ou_…, or +34….")
    ],
    verified: Annotated[bool, typer.Option("--verified", help="The person there has agreed to get messages.")] = False,
    secret_file: SecretFile = None,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    json: output.Json = False,
) -> None:
    """Add a destination.  The signing secret of a webhook is shown this once, on the last line.

    A webhook counts as verified from the start: only who knows its secret can tell our messages from others'.
    """
    with opened() as desk:
        way = _channel(channel, desk.settings)
        secret = _given_or_new(secret_file, way)
        made = desk.change(
            "add destination",
            lambda made: _noted(made.id, account=made.account_id, channel=made.channel),
            destinations.add,
            desk.vault(),
            account_id=desk.read(accounts.get, account).id,
            channel=way.name,
            lane=way.lane,
            address=_normal(way, address),
            name=name,
            secret=secret,
            verified=verified or way.needs_secret,
        )
    fresh = None if secret_file else secret
    if json:
        return output.as_json(Added(**_fields(made), secret=fresh))
    unverified = "" if made.verified_at else ", not verified yet"
    output.say(f"destination {made.id}: {made.channel} {made.address}{unverified}")
    output.hint(f"Next: postbell subscribe {account} FEED {made.id}")
    return _show_secret(fresh)


@app.command("list")
def list_all(
    account: Annotated[str, typer.Option(help="Only this account's (id or e-mail).")] = "",
    json: output.Json = False,
    limit: output.Limit = 100,
) -> None:
    """Destinations, the oldest first, and how each fares."""
    with opened() as desk:
        of = desk.read(accounts.get, account).id if account else None
        found = [shown(row) for row in desk.read(destinations.of_account, of, limit)]
    none = "No destinations yet.  `postbell destination add ACCOUNT webhook https://…` makes one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


@app.command()
def rotate(id: Id, secret_file: SecretFile = None, json: output.Json = False) -> None:
    """Sign with a new secret; the former one signs beside it for a day, so that the receiver can change over."""
    with opened() as desk:
        way = _channel(desk.read(destinations.get, id).channel, desk.settings)
        secret = _given_or_new(secret_file, way)
        vault = desk.vault()
        desk.change("rotate secret", lambda _: _noted(id), destinations.rotate, vault, id, secret or "")
    fresh, until = None if secret_file else secret, utc_now() + OVERLAP
    if json:
        return output.as_json(Rotated(id, fresh, until))
    output.say(f"destination {id} has a new secret; the former one signs beside it until {until:%Y-%m-%d %H:%M} UTC")
    return _show_secret(fresh)


@app.command()
def enable(id: Id) -> None:
    """Try a disabled destination again, slowly at first."""
    with opened() as desk:
        found = desk.change("enable destination", lambda _: _noted(id), destinations.enable, id)
    output.say(f"destination {id} is enabled: {found.channel} {found.address}")
    output.hint("What failed meanwhile stays so: `postbell deliver-again DELIVERY` sends one of them.")


def _noted(id: int, **after: Any) -> Change:
    return Change(f"destination {id}", after=after)


def shown(row: models.Destination) -> Destination:
    return Destination(**_fields(row))


def _fields(row: models.Destination) -> dict[str, Any]:
    now = utc_now()
    state, reason = destinations.state(row, now), _reason(row, now)
    same = {name: getattr(row, name) for name in ("id", "account_id", "channel", "address", "name", "created_at")}
    return same | {"uid": str(row.uid), "verified": row.verified_at is not None, "state": state, "reason": reason}


def _reason(row: models.Destination, now: datetime) -> str:
    match destinations.state(row, now):
        case "disabled":
            return row.disabled_reason
        case "resting":
            return f"until {destinations.rests_until(row, now):%H:%M:%S} UTC"
        case "failing":
            return f"{output.counted(row.failures, 'time')} in a row"
    return ""


_GRADES = {"ok": "ok", "disabled": "wrong"}


def _table(found: list[Destination]) -> Table:
    table = output.table("ID", "Account", "Channel", "Address", "Name", "State", wide=("Address", "State"))
    for one in found:
        state = output.graded(f"{one.state}: {one.reason}".rstrip(": "), _GRADES.get(one.state, "warning"))
        output.add_row(table, one.id, one.account_id, one.channel, one.address, one.name, state)
    return table


def _channel(name: str, settings: Settings) -> Channel:
    known = parts.make_channels(parts.make_outbound(settings))
    if name not in known:
        raise typer.BadParameter(f"there is no channel {name!r}, only {', '.join(sorted(known))}", param_hint="CHANNEL")
    return known[name]


def _normal(channel: Channel, address: str) -> str:
    try:
        return channel.normal_address(address)
    except BadAddress as error:
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from None


def _given_or_new(file: Path | None, channel: Channel) -> str | None:
    """The secret in the file, else a new one where the channel signs."""
    if file is None:
        return new_secret() if channel.needs_secret else None
    if not channel.needs_secret:
        raise typer.BadParameter(f"a {channel.name} destination has no signing secret", param_hint="--secret-file")
    try:
        with file.open("rb") as opened_file:
            secret = opened_file.read(MAX_SECRET_FILE).strip()
        secret_key(secret)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--secret-file") from None
    return secret.decode()


def _show_secret(secret: str | None) -> None:
    if secret:
        output.say("Its signing secret, shown this once:")
        output.bare(secret)
