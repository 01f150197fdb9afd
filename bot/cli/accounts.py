"""``postbell account …``: who holds destinations and subscriptions."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from bot import parts
from bot.cli import output
from bot.cli.beside import opened
from bot.clock import utc_now
from bot.errors import Invalid
from bot.usecases import accounts
from storage import models

app = typer.Typer(no_args_is_help=True, help="Who holds destinations and subscriptions.")


class Account(msgspec.Struct, frozen=True):
    id: int
    email: str | None
    name: str
    plan: str
    operator: bool
    created_at: datetime


@app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    plan: Annotated[str, typer.Option(help="Default: DEFAULT_PLAN.")] = "",
    operator: Annotated[bool, typer.Option("--operator", help="May do everything.")] = False,
    json: output.Json = False,
) -> None:
    """Make an account.  On a fresh machine with SQLite this makes the database, too."""
    with opened(create=True) as desk:
        plan = plan or desk.settings.default_plan
        if plan not in (known := parts.make_plans(desk.settings)):
            raise Invalid(f"there is no plan {plan!r}, only {', '.join(sorted(known))} (PLANS_FILE adds more)")
        made = shown(desk.write(accounts.add, email, plan=plan, operator=operator))
    if json:
        return output.as_json(made)
    output.say(f"account {made.id}: {made.email}, plan {made.plan}{', operator' if made.operator else ''}")
    return output.hint(f"Next: postbell destination add {made.email} webhook https://…")


@app.command("list")
def list_all(json: output.Json = False, limit: output.Limit = 100) -> None:
    """Accounts, the oldest first."""
    with opened() as desk:
        found = [shown(row) for row in desk.read(accounts.list_all, limit)]
    none = "No accounts yet.  `postbell account add EMAIL` makes one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


def shown(row: models.Account) -> Account:
    return Account(row.id, row.email, row.name, row.plan, row.operator, row.created_at)


def _table(found: list[Account]) -> Table:
    now, table = utc_now(), output.table("ID", "E-mail", "Plan", "Operator", "Added", wide=("E-mail",))
    for one in found:
        cells = (one.id, one.email or "–", one.plan, "yes" if one.operator else "", output.when(one.created_at, now))
        output.add_row(table, *cells)
    return table
