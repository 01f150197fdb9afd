"""``/console/operator/installation``: what waits, what is kept, and holding everything."""

from datetime import timedelta
from typing import Any

from bot.rules import texts
from bot.usecases.administration import deliveries, installation
from bot.web.console.operator.asking import actor, bounded
from bot.web.console.pages import Goto, Page, Result, Shown, Visit
from storage.database import Database

STATES = ("ready", "leased", "waiting", "held")


class Installation:
    """``egress_allow``: as set; ``keep``: how long finished deliveries are kept."""

    def __init__(self, database: Database, egress_allow: str, keep: timedelta) -> None:
        self._database, self._keep = database, keep
        self._opened = [piece.strip() for piece in egress_allow.split(",") if piece.strip()]

    def pages(self) -> list[Page]:
        here = "/operator/installation"
        return [
            Page("GET", here, self.show, "operator"),
            Page("GET", f"{here}/live", self.show_queue, "operator", live=True),
            Page("POST", f"{here}/hold", self.hold, "operator"),
            Page("POST", f"{here}/release", self.release, "operator"),
        ]

    async def show(self, visit: Visit) -> Result:
        things = await self._database.read(installation.things)
        size = await self._database.read(installation.size)
        kept = {name: span.days for name, span in installation.kept(self._keep).items()}
        values = {
            "things": {name: bounded(n) for name, n in things.items()},
            "size": size,
            "kept": kept,
            "engine": "SQLite" if self._database.engine == "sqlite" else "PostgreSQL",
            "opened": self._opened,
        }
        return Shown("operator/installation.html", {**values, **await self._queue(visit)})

    async def show_queue(self, visit: Visit) -> Result:
        return Shown("operator/queue.html", await self._queue(visit))

    async def _queue(self, visit: Visit) -> dict[str, Any]:
        found = await self._database.read(installation.waiting)
        lanes = {
            lane: {state: bounded(found.rows.get((lane, state), 0)) for state in STATES} for lane in installation.LANES
        }
        oldest = texts.span(visit.language, timedelta(seconds=round(found.oldest_seconds)))
        return {
            "waiting": found,
            "lanes": lanes,
            "states": STATES,
            "queued": sum(found.rows.values()),
            "oldest": oldest if found.oldest_seconds else "",
        }

    async def hold(self, visit: Visit) -> Result:
        await self._database.write(deliveries.hold, actor(visit))
        return Goto("/console/operator/installation?done=operator_held")

    async def release(self, visit: Visit) -> Result:
        await self._database.write(deliveries.release, actor(visit))
        return Goto("/console/operator/installation?done=operator_released")
