"""``/console/operator/accounts``: who there is, on which plan, with which limits and credits."""

from collections.abc import Callable
from typing import Any

import msgspec

from bot.errors import Conflict, Invalid, NotFound, UserError
from bot.rules import plans
from bot.usecases.administration import accounts
from bot.usecases.console import invitations
from bot.usecases.keys import public_id
from bot.web.console.forms import Form
from bot.web.console.operator.asking import PAGE, actor, sought, whole
from bot.web.console.operator.invitations import Invitations
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from bot.web.keys import Door
from storage.database import Database

LIMITS = ("api_keys", "phones", "subscriptions")
ANY = ("*", "∞")  # in the field of a limit: as many as anybody likes


class Accounts:
    """``known``: the plans; ``door``: remembers what keys may do, for a while."""

    def __init__(self, database: Database, known: plans.Plans, door: Door, links: Invitations) -> None:
        self._database, self._plans, self._door, self._links = database, known, door, links

    def pages(self) -> list[Page]:
        one = "/operator/accounts/{account}"
        return [
            Page("GET", "/operator/accounts", self.show_all, "operator"),
            Page("GET", one, self.show, "operator"),
            Page("POST", f"{one}/plan", self.change_plan, "operator"),
            Page("POST", f"{one}/limits", self.change_limits, "operator"),
            Page("POST", f"{one}/credits", self.change_credits, "operator"),
            Page("POST", f"{one}/disable", self.disable, "operator"),
            Page("POST", f"{one}/enable", self.enable, "operator"),
            Page("POST", f"{one}/operator", self.set_operator, "operator"),
            Page("POST", f"{one}/link", self.make_link, "operator"),
            Page("POST", f"{one}/delete", self.delete, "operator"),
        ]

    async def show_all(self, visit: Visit) -> Result:
        search = sought(visit, "search")
        found = await self._database.read(accounts.page, search, visit.below, PAGE)
        return Shown("operator/accounts.html", {"found": found, "search": search})

    async def show(self, visit: Visit, wrong: str = "", link: str = "") -> Result:
        account_id = visit.number("account")
        try:
            row, usage = await self._database.read(accounts.get, account_id)
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None
        limits = plans.limits(self._plans, row.plan, row.overrides)
        values = {
            "row": row,
            "user_id": public_id(row.id, row.created_at),
            "usage": {name: (getattr(usage, name), getattr(limits, name)) for name in LIMITS},
            "own": _as_typed(row.overrides),
            "plans": sorted({*self._plans, row.plan}),
            "wrong": wrong,
            "link": link,
        }
        return Shown("operator/account.html", values, 422 if wrong else 200)

    async def change_plan(self, visit: Visit) -> Result:
        form = await visit.form()
        return await self._change(
            visit, accounts.set_plan, self._plans, visit.number("account"), form.text("plan", 100)
        )

    async def change_limits(self, visit: Visit) -> Result:
        form = await visit.form()
        try:
            own = _own_limits(form)
        except Invalid as error:
            return await self.show(visit, worded(visit, error))
        return await self._change(visit, accounts.set_overrides, visit.number("account"), own)

    async def change_credits(self, visit: Visit) -> Result:
        form = await visit.form()
        try:
            credits = whole(form, "credits")
        except Invalid as error:
            return await self.show(visit, worded(visit, error))
        change: Any = accounts.add_credits if form.text("how") == "add" else accounts.set_credits
        if change is accounts.add_credits and credits is None:
            return await self.show(visit, visit.say("error.whole_number"))
        return await self._change(visit, change, visit.number("account"), credits)

    async def disable(self, visit: Visit) -> Result:
        form = await visit.form()
        return await self._change(visit, accounts.disable, visit.number("account"), form.text("reason", 500))

    async def enable(self, visit: Visit) -> Result:
        return await self._change(visit, accounts.enable, visit.number("account"))

    async def set_operator(self, visit: Visit) -> Result:
        operator = (await visit.form()).on("operator")
        return await self._change(visit, accounts.set_operator, visit.number("account"), operator)

    async def make_link(self, visit: Visit) -> Result:
        """For a new password; shown this once."""
        try:
            _, link = await self._links.make(visit, invitations.Wish(account_id=visit.number("account")))
        except Conflict as error:
            return await self.show(visit, worded(visit, error))
        return await self.show(visit, link=link)

    async def delete(self, visit: Visit) -> Result:
        """The address, or the id of an account without one, is typed: nobody deletes the wrong one by a slip."""
        form, account_id = await visit.form(), visit.number("account")
        row, _ = await self._database.read(accounts.get, account_id)
        if account_id == visit.account_id:
            return await self.show(visit, visit.say("error.own_account"))
        if form.text("email", 320).lower() != (row.email or str(row.id)):
            return await self.show(visit, visit.say("operator.delete_mistyped"))
        await self._database.write(accounts.delete, actor(visit), account_id)
        self._door.forget_account(account_id)
        return Goto("/console/operator/accounts?done=operator_deleted")

    async def _change(self, visit: Visit, change: Callable[..., Any], *args: Any) -> Result:
        try:
            await self._database.write(change, actor(visit), *args)
        except NotFound:
            raise
        except UserError as error:
            return await self.show(visit, worded(visit, error))
        self._door.forget_account(visit.number("account"))
        return Goto(f"/console/operator/accounts/{visit.number('account')}?done=operator_changed")


def _own_limits(form: Form) -> dict[str, int | None]:
    """As they were typed: nothing is the plan's.  Raises Invalid."""
    own: dict[str, int | None] = {}
    for name in LIMITS:
        if form.text(name, 20) in ANY:
            own[name] = None
        elif (number := whole(form, name)) is not None:
            own[name] = number
    return own


def _as_typed(overrides: str) -> dict[str, str]:
    own = msgspec.json.decode(overrides) if overrides else {}
    return {name: "" if name not in own else ANY[0] if own[name] is None else str(own[name]) for name in LIMITS}
