"""``/console/``: the flow at a glance."""

from typing import Any

from bot.rules import texts
from bot.usecases.console import flow
from bot.web.apis.native import Desk
from bot.web.console import charts
from bot.web.console.pages import Page, Result, Shown, Visit

KINDS = ("sent", "queued", "held", "failed")  # from the ground up
NAMED = 3  # things that need somebody, by name
PLACES = {
    "follow": "/console/subscriptions",
    "destination": "/console/destinations",
    "credits": "/console/plan",
    "keys": "/console/keys",
    "disabled": "/console/destinations",
    "unreachable": "/console/destinations",
    "unverified": "/console/destinations",
    "feeds": "/console/subscriptions",
    "held": "/console/deliveries?state=held",
}
"""Where each need is met, by its account."""
BAD = {"disabled", "credits", "sending_held", "channels"}
FIRST = {"follow", "destination"}


class Home:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        return [Page("GET", "/", self.show), Page("GET", "/home/live", self.show_live, live=True)]

    async def show(self, visit: Visit) -> Result:
        return Shown("home.html", await self._values(visit))

    async def show_live(self, visit: Visit) -> Result:
        return Shown("parts/flow.html", await self._values(visit))

    async def _values(self, visit: Visit) -> dict[str, Any]:
        """Operators may look at the whole installation."""
        everything = visit.asked("of") == "all" and visit.visitor is not None and visit.visitor.operator
        of = None if everything else visit.account_id
        figures = await self._desk.database.read(flow.figures, of)
        return {
            "everything": everything,
            "figures": figures,
            "bars": list(zip(figures.bars, charts.stacked([bar.counts for bar in figures.bars], KINDS), strict=True)),
            "kinds": KINDS,
            "needs": await self._desk.database.read(flow.needs, of),
            "places": {} if everything else PLACES,
            "bad": BAD,
            "first": FIRST,
            "named": NAMED,
            "fault": lambda name: fault(visit, name),
        }


def fault(visit: Visit, name: str) -> str:
    """Why a feed cannot be read, in the words that chats use."""
    try:
        return texts.say(visit.language, f"fault.{name}")
    except KeyError:
        return texts.say(visit.language, "fault.other")
