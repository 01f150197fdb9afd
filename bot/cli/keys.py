"""``postbell key …``: with what programs call the APIs."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from bot.cli import output
from bot.cli.beside import opened
from bot.clock import utc_now
from bot.errors import Invalid
from bot.rules import keys as rules
from bot.usecases import accounts, keys
from bot.usecases.administration import keys as administration
from bot.usecases.audit import COMMAND_LINE

app = typer.Typer(no_args_is_help=True, help="With what programs call the APIs.")

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Id or e-mail.")]


class NewKey(msgspec.Struct, frozen=True):
    account_id: int
    prefix: str
    name: str
    created_at: datetime
    expires_at: datetime
    key: str
    messages_url: str  # what it reads WeChat messages from


class Key(msgspec.Struct, frozen=True):
    prefix: str
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@app.command()
def add(
    account: Account,
    name: Annotated[str, typer.Option(help="What to call it.")] = "Default",
    json: output.Json = False,
) -> None:
    """Make a key for an account, whatever its plan allows.  It is shown this once."""
    if len(name) > rules.LONGEST_NAME:
        raise Invalid(f"--name: at most {rules.LONGEST_NAME} characters")
    with opened() as desk:
        holder = desk.read(accounts.get, account)
        made = desk.write(administration.create, COMMAND_LINE, holder.id, name)
        messages_url = f"{desk.settings.public_base_url}/api/v1/wechat/messages"
    if json:
        times = (made.created_at, made.expires_at)
        return output.as_json(NewKey(holder.id, made.prefix, made.name, *times, made.key, messages_url))
    output.hint(f"It also reads the messages of followed WeChat accounts: GET {messages_url}")
    output.hint(f"Key “{made.name}” of account {holder.id}, until {made.expires_at:%Y-%m-%d}; it is shown this once:")
    return output.bare(made.key)


@app.command("list")
def list_all(account: Account, json: output.Json = False) -> None:
    """An account's keys, the oldest first."""
    with opened() as desk:
        found = [_shown(row) for row in desk.read(keys.of_account, desk.read(accounts.get, account).id)]
    output.listing(found, lambda: _table(found), json=json, none="No keys yet.  `postbell key add ACCOUNT` makes one.")


@app.command()
def remove(account: Account, prefix: Annotated[str, typer.Argument(metavar="PREFIX")]) -> None:
    """End a key.  A running server lets it in for up to five seconds more."""
    if len(prefix) > rules.PREFIX and rules.looks_like_key(prefix):
        raise Invalid(f"use the first {rules.PREFIX} characters only, as `postbell key list` shows them")
    with opened() as desk:
        desk.write(administration.remove, COMMAND_LINE, desk.read(accounts.get, account).id, prefix)
    output.say(f"key {prefix} has ended")


def _shown(row: Any) -> Key:
    return Key(row.prefix, row.name, row.created_at, row.expires_at, row.last_used_at)


def _table(found: list[Key]) -> Table:
    now, table = utc_now(), output.table("Prefix", "Name", "Made", "Ends", "Last used", wide=("Name",))
    for one in found:
        times = (one.created_at, one.expires_at, one.last_used_at)
        output.add_row(table, one.prefix, one.name, *(output.when(at, now) for at in times))
    return table
