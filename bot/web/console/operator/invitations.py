"""``/console/operator/accounts/invitations``: links for new accounts, and for new passwords; each is shown once."""

from typing import Any

from bot.errors import UserError
from bot.rules import plans, tokens
from bot.usecases.administration import accounts
from bot.usecases.console import invitations
from bot.web.console.operator.asking import actor
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from storage.database import Database


class Invitations:
    """``known``: the plans; ``plan``: of a new account unless another is chosen; ``base_url``: where links lead."""

    def __init__(self, database: Database, known: plans.Plans, plan: str, base_url: str) -> None:
        self._database, self._plans, self._plan, self._base = database, known, plan, base_url

    def pages(self) -> list[Page]:
        here = "/operator/accounts/invitations"
        return [
            Page("GET", here, self.show, "operator"),
            Page("POST", here, self.invite, "operator"),
            Page("POST", f"{here}/{{invitation}}/withdraw", self.withdraw, "operator"),
        ]

    async def show(self, _visit: Visit) -> Result:
        return await self._shown()

    async def _shown(self, wrong: str = "", link: str = "", row: Any = None, email: str = "") -> Shown:
        values = {
            "invitations": await self._database.read(invitations.waiting),
            "plans": sorted(self._plans),
            "plan": self._plan,
            "wrong": wrong,
            "link": link,
            "made": row,
            "email": email,
        }
        return Shown("operator/invitations.html", values, 422 if wrong else 200)

    async def invite(self, visit: Visit) -> Result:
        form = await visit.form()
        email = form.text("email", 254)
        wish = invitations.Wish(email, form.text("plan", 100), form.on("operator"))
        try:
            if form.on("create"):
                return await self._create(visit, wish)
            row, link = await self.make(visit, wish)
        except UserError as error:
            return await self._shown(worded(visit, error), email=email)
        return await self._shown(link=link, row=row)

    async def _create(self, visit: Visit, wish: invitations.Wish) -> Result:
        """At once: nobody can sign in as it yet.  Raises Invalid, Conflict."""
        row, _ = await self._database.write(
            accounts.create,
            actor(visit),
            self._plans,
            email=wish.email,
            name="",
            plan=wish.plan or self._plan,
            operator=wish.operator,
        )
        return Goto(f"/console/operator/accounts/{row.id}?done=operator_created")

    async def make(self, visit: Visit, wish: invitations.Wish) -> tuple[Any, str]:
        """The invitation and its link.  Raises Invalid, Conflict, NotFound."""
        token = tokens.new()
        row = await self._database.write(invitations.invite, actor(visit), self._plans, token, wish)
        return row, f"{self._base}/console/invitations/{token}"

    async def withdraw(self, visit: Visit) -> Result:
        await self._database.write(invitations.withdraw, actor(visit), visit.number("invitation"))
        return Goto("/console/operator/accounts/invitations?done=operator_withdrawn")
