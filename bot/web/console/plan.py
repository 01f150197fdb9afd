"""``/console/plan``: what the plan allows, what of it is used, and what reading costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.rules import buckets, budget, plans
from bot.usecases import spending
from bot.usecases.console import standing
from bot.usecases.console.standing import Standing
from bot.web.apis.native import Desk
from bot.web.console.pages import Page, Result, Shown, Visit

SOURCES = {"x": "X", "wechat": "WeChat", "tencent": "Tencent"}  # by the names that people know
LARGEST = 50  # feeds that are named as the dearest
NEARLY = 0.8  # of a limit: then it is shown in another colour


@dataclass(frozen=True, slots=True)
class Meter:
    """How much there is of something.  ``limit`` None: as much as anybody likes."""

    name: str
    used: int
    limit: int | None
    path: str  # where to have more or less of it; empty: nowhere

    @property
    def full(self) -> bool:
        return plans.is_reached(self.limit, self.used)

    @property
    def nearly(self) -> bool:
        return self.limit is not None and self.used >= NEARLY * self.limit and self.limit > 1

    @property
    def percent(self) -> float:
        """From 0 to 100."""
        if self.limit is None:
            return 0.0
        return 100.0 if self.full else round(100 * self.used / self.limit, 1)


class Plan:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/plan", self.show),
            Page("GET", "/plan/feeds", self.show_feeds, "operator"),
        ]

    async def show(self, visit: Visit) -> Result:
        desk, visitor = self._desk, visit.visitor
        found = await desk.database.read(
            standing.standing,
            desk.plans,
            desk.terms.policy.paces,
            account_id=visit.account_id,
            phones=desk.phones,
            operator=bool(visitor and visitor.operator),
        )
        values = {
            "standing": found,
            "meters": _meters(found),
            "credits": _credits(found),
            "bills": [(bill, Meter(bill.source, bill.reads, bill.budget or None, "")) for bill in found.bills],
            "rate": (round(1 / buckets.ONE.total_seconds()), buckets.SIZE),
            "sources": SOURCES,
            "next_month": budget.next_month(desk.clock()),
        }
        return Shown("plan.html", values)

    async def show_feeds(self, _visit: Visit) -> Result:
        """A page of its own: of the feeds that are billed all have to be looked at."""
        found = await self._desk.database.read(spending.largest, LARGEST)
        return Shown("plan_feeds.html", {"feeds": found, "sources": SOURCES})


def _meters(found: Standing) -> Sequence[Meter]:
    its, limits = found.overview, found.overview.limits
    return [
        Meter("subscriptions", its.subscriptions, limits.subscriptions, "/console/subscriptions"),
        Meter("phones", its.phones, limits.phones, "/console/destinations"),
        Meter("keys", its.api_keys, limits.api_keys, "/console/keys"),
    ]


def _credits(found: Standing) -> Meter | None:
    """How many are left; None: the account does not count them.

    An operator may have added some, so that more are left than the plan began with.
    """
    left, begins_with = found.overview.row.credits, found.begins_with
    if left is None:
        return None
    return Meter("credits", left, max(left, begins_with) if begins_with else None, "")
