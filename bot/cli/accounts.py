"""``postbell account …``: who holds destinations and subscriptions."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from bot import parts
from bot.cli import output
from bot.cli.beside import Desk, opened
from bot.clock import utc_now
from bot.errors import Conflict
from bot.rules import tokens
from bot.usecases import accounts
from bot.usecases.administration import accounts as administration
from bot.usecases.audit import COMMAND_LINE
from bot.usecases.console import invitations
from storage import models

app = typer.Typer(no_args_is_help=True, help="Who holds destinations and subscriptions.")
Who = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id or e-mail address.")]


class Account(msgspec.Struct, frozen=True):
    id: int
    email: str | None
    name: str
    plan: str
    operator: bool
    credits: int | None  # alerts that it may still be sent; None: they are not counted
    disabled: bool
    created_at: datetime


class Invited(msgspec.Struct, frozen=True):
    id: int
    account_id: int | None  # whose new password; None: for a new account
    email: str
    url: str
    expires_at: datetime


@app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    plan: Annotated[str, typer.Option(help="Default: DEFAULT_PLAN.")] = "",
    operator: Annotated[bool, typer.Option("--operator", help="May do everything.")] = False,
    json: output.Json = False,
) -> None:
    """Make an account.  On a fresh machine with SQLite this makes the database, too."""
    with opened(create=True) as desk:
        wish = {"email": email, "name": "", "plan": plan or desk.settings.default_plan}
        known = parts.make_plans(desk.settings)
        row, _ = desk.write(administration.create, COMMAND_LINE, known, **wish, operator=operator)
        made = shown(row)
    if json:
        return output.as_json(made)
    output.say(f"account {made.id}: {made.email}, plan {made.plan}{', operator' if made.operator else ''}")
    return output.hint(f"Next: postbell destination add {made.email} webhook https://…")


@app.command()
def invite(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    plan: Annotated[str, typer.Option(help="Default: DEFAULT_PLAN.")] = "",
    operator: Annotated[bool, typer.Option("--operator", help="May do everything.")] = False,
    json: output.Json = False,
) -> None:
    """Make a link that lets somebody into the console: for a new account, or a new password of one that is there.

    It works once, and for a week.  It stands alone on the last line.
    """
    with opened(create=True) as desk:
        token, known = tokens.new(), parts.make_plans(desk.settings)
        there = desk.read(administration.by_email, email)
        if there is not None and (plan or operator):
            raise Conflict(f"there is an account for {email} already; its link is for a new password only")
        wish = invitations.Wish(email, plan, operator, there)
        row = desk.write(invitations.invite, COMMAND_LINE, known, token, wish)
        url = f"{desk.settings.public_base_url}/console/invitations/{token}"
    if json:
        return output.as_json(Invited(row.id, row.account_id, row.email, url, row.expires_at))
    what = "a new password" if there is not None else "a new account"
    output.hint(f"For {what} of {row.email}, once, until {row.expires_at:%Y-%m-%d %H:%M} UTC:")
    return output.bare(url)


@app.command("list")
def list_all(json: output.Json = False, limit: output.Limit = 100) -> None:
    """Accounts, the oldest first."""
    with opened() as desk:
        found = [shown(row) for row in desk.read(accounts.list_all, limit)]
    none = "No accounts yet.  `postbell account add EMAIL` makes one."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


@app.command()
def plan(account: Who, plan: Annotated[str, typer.Argument(metavar="PLAN")], json: output.Json = False) -> None:
    """Put an account on another plan."""
    with opened() as desk:
        one = desk.read(accounts.get, account).id
        desk.write(administration.set_plan, COMMAND_LINE, parts.make_plans(desk.settings), one, plan)
        _say_changed(desk, one, json=json)


@app.command()
def credits(
    account: Who,
    add: Annotated[int | None, typer.Option("--add", metavar="N", help="So many more; negative: fewer.")] = None,
    set_to: Annotated[int | None, typer.Option("--set", metavar="N", help="So many are left.")] = None,
    uncounted: Annotated[bool, typer.Option("--uncounted", help="Alerts cost nothing.")] = False,
    json: output.Json = False,
) -> None:
    """How many posts an account may still be sent on WhatsApp."""
    if [add is not None, set_to is not None, uncounted].count(True) != 1:
        raise typer.BadParameter("say one of --add, --set and --uncounted")
    with opened() as desk:
        one = desk.read(accounts.get, account).id
        if add is not None:
            desk.write(administration.add_credits, COMMAND_LINE, one, add)
        else:
            desk.write(administration.set_credits, COMMAND_LINE, one, set_to)
        _say_changed(desk, one, json=json)


@app.command()
def disable(
    account: Who,
    reason: Annotated[str, typer.Option(help="For the operators.")] = "",
    json: output.Json = False,
) -> None:
    """An account may do nothing and gets nothing.  A running server lets its keys in for up to five seconds more."""
    with opened() as desk:
        one = desk.read(accounts.get, account).id
        desk.write(administration.disable, COMMAND_LINE, one, reason)
        _say_changed(desk, one, json=json)


@app.command()
def enable(account: Who, json: output.Json = False) -> None:
    """Let a disabled account in again; what was not delivered meanwhile stays so."""
    with opened() as desk:
        one = desk.read(accounts.get, account).id
        desk.write(administration.enable, COMMAND_LINE, one)
        _say_changed(desk, one, json=json)


def _say_changed(desk: Desk, account_id: int, *, json: bool) -> None:
    one = shown(desk.read(accounts.get, str(account_id)))
    if json:
        return output.as_json(one)
    counted = "not counted" if one.credits is None else f"{one.credits:,} left"
    state = "disabled" if one.disabled else "enabled"
    return output.say(
        f"account {one.id}: {one.email or one.name or 'no name'}, plan {one.plan}, credits {counted}, {state}"
    )


def shown(row: models.Account) -> Account:
    return Account(
        row.id, row.email, row.name, row.plan, row.operator, row.credits, row.disabled_at is not None, row.created_at
    )


def _table(found: list[Account]) -> Table:
    now = utc_now()
    table = output.table("ID", "E-mail", "Plan", "Credits", "Operator", "State", "Added", wide=("E-mail",))
    for one in found:
        credits_, operator = "" if one.credits is None else one.credits, "yes" if one.operator else ""
        state = output.graded("disabled", "wrong") if one.disabled else output.graded("ok", "ok")
        added = output.when(one.created_at, now)
        output.add_row(table, one.id, one.email or "–", one.plan, credits_, operator, state, added)
    return table
