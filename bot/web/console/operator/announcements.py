"""``/console/operator/announcements``: what everybody is told, at the head of their pages."""

from typing import Any

from bot.errors import UserError
from bot.usecases.administration import announcements
from bot.web.console.operator.asking import PAGE, actor, moment
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from storage.database import Database


class Announcements:
    def __init__(self, database: Database) -> None:
        self._database = database

    def pages(self) -> list[Page]:
        here = "/operator/announcements"
        return [
            Page("GET", here, self.show, "operator"),
            Page("POST", here, self.announce, "operator"),
            Page("POST", f"{here}/{{announcement}}/withdraw", self.withdraw, "operator"),
        ]

    async def show(self, visit: Visit) -> Result:
        return await self._shown(visit)

    async def _shown(self, visit: Visit, wrong: str = "", typed: Any = None) -> Shown:
        found = await self._database.read(announcements.page, visit.below, PAGE)
        values = {
            "found": found,
            "levels": announcements.LEVELS,
            "longest": announcements.LONGEST_TEXT,
            "wrong": wrong,
            "typed": typed or {"text": "", "level": "info", "begins_at": "", "ends_at": ""},
        }
        return Shown("operator/announcements.html", values, 422 if wrong else 200)

    async def announce(self, visit: Visit) -> Result:
        form = await visit.form()
        typed = {name: form.text(name) for name in ("text", "level", "begins_at", "ends_at")}
        try:
            times = moment(form, "begins_at"), moment(form, "ends_at")
            wish = announcements.Wish(typed["text"], typed["level"] or "info", *times)
            await self._database.write(announcements.make, actor(visit), wish)
        except UserError as error:
            return await self._shown(visit, worded(visit, error), typed)
        return Goto("/console/operator/announcements?done=operator_announced")

    async def withdraw(self, visit: Visit) -> Result:
        await self._database.write(announcements.withdraw, actor(visit), visit.number("announcement"))
        return Goto("/console/operator/announcements?done=operator_withdrawn")
