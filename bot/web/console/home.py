"""``/console/``: the flow at a glance."""

from bot.web.apis.native import Desk
from bot.web.console.pages import Page, Result, Shown, Visit


class Home:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        return [Page("GET", "/", self.show)]

    async def show(self, visit: Visit) -> Result:
        return Shown("home.html", {"plan": visit.visitor.plan if visit.visitor else ""})
