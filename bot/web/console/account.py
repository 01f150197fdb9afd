"""``/console/account``: sessions, the password, and the end of an account."""

from bot.errors import Invalid, UserError
from bot.usecases.administration import accounts as administration
from bot.usecases.audit import Actor
from bot.usecases.console import signing_in
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from bot.web.console.welcome import Welcome
from storage.database import Database


class Account:
    def __init__(self, database: Database, welcome: Welcome) -> None:
        self._database, self._welcome = database, welcome

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/account", self.show),
            Page("POST", "/account/password", self.change_password),
            Page("POST", "/account/sessions/{session}/end", self.end_session),
            Page("POST", "/account/delete", self.delete),
        ]

    async def show(self, visit: Visit, wrong: str = "") -> Result:
        sessions = await self._database.read(signing_in.sessions, visit.account_id)
        return Shown("account.html", {"sessions": sessions, "wrong": wrong}, 422 if wrong else 200)

    async def change_password(self, visit: Visit) -> Result:
        form = await visit.form()
        assert visit.visitor is not None
        try:
            await self._must_fit(visit, form.secret("present"))
            hash_ = await self._welcome.new_hash(form.secret("password"), visit.visitor.email)
        except UserError as error:
            return await self.show(visit, worded(visit, error))
        await self._database.write(signing_in.change_password, visit.visitor, hash_, visit.browser)
        return Goto("/console/account?done=password_changed")

    async def end_session(self, visit: Visit) -> Result:
        await self._database.write(signing_in.end, visit.account_id, visit.number("session"))
        return Goto("/console/account?done=session_ended")

    async def delete(self, visit: Visit) -> Result:
        form = await visit.form()
        try:
            await self._must_fit(visit, form.secret("present"))
        except UserError as error:
            return await self.show(visit, worded(visit, error))
        actor = Actor("console", visit.account_id, "", visit.address)
        await self._database.write(administration.delete, actor, visit.account_id)
        return Goto("/console/sign-in?done=account_deleted", session="")

    async def _must_fit(self, visit: Visit, password: str) -> None:
        """Raises Invalid."""
        if not await self._welcome.fits(visit.account_id, password):
            raise Invalid("this is not the present password", code="password_wrong", field="present")
