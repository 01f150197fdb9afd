"""``/console/operator/backup`` and ``doctor``: a copy of everything, and what is wrong in the set-up."""

from bot.errors import UserError
from bot.web.checkup import Checkup
from bot.web.console.operator.asking import actor
from bot.web.console.pages import File, Goto, Page, Result, Shown, Visit, worded
from bot.web.copies import MEDIA_TYPE, Copies


class Tools:
    def __init__(self, checkup: Checkup, copies: Copies) -> None:
        self._checkup, self._copies = checkup, copies

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/operator/backup", self.show_backup, "operator"),
            Page("POST", "/operator/backup", self.download, "operator"),
            Page("GET", "/operator/doctor", self.show_doctor, "operator"),
            Page("POST", "/operator/doctor", self.examine, "operator"),
            Page("GET", "/operator/doctor/live", self.show_findings, "operator", live=True),
        ]

    async def show_backup(self, _visit: Visit, wrong: str = "") -> Result:
        return Shown("operator/backup.html", {"possible": self._copies.possible, "wrong": wrong}, 422 if wrong else 200)

    async def download(self, visit: Visit) -> Result:
        try:
            copy = await self._copies.make(actor(visit))
        except UserError as error:
            return await self.show_backup(visit, worded(visit, error))
        return File(copy.name, copy.file, MEDIA_TYPE)

    async def show_doctor(self, _visit: Visit) -> Result:
        return Shown("operator/doctor.html", {"checkup": self._checkup})

    async def show_findings(self, _visit: Visit) -> Result:
        return Shown("operator/findings.html", {"checkup": self._checkup})

    async def examine(self, _visit: Visit) -> Result:
        self._checkup.begin()
        return Goto("/console/operator/doctor")
