"""``/console/operator/feeds``: what is read, how each fares, and reading one now, elsewhere or not at all."""

from collections.abc import Mapping
from typing import Any

from adapters.base import Source
from bot.clock import Clock
from bot.errors import NotFound, UserError
from bot.usecases.administration import feeds
from bot.web.console.operator.asking import PAGE, actor, bounded, sought
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from bot.web.moving import move
from storage.database import Database

STATES = ("failing", "active", "paused", "gone", "disabled")


class Feeds:
    def __init__(self, database: Database, sources: Mapping[str, Source], clock: Clock) -> None:
        self._database, self._sources, self._clock = database, sources, clock

    def pages(self) -> list[Page]:
        one = "/operator/feeds/{feed}"
        return [
            Page("GET", "/operator/feeds", self.show_all, "operator"),
            Page("GET", one, self.show, "operator"),
            Page("POST", f"{one}/poll", self.poll, "operator"),
            Page("POST", f"{one}/pause", self.pause, "operator"),
            Page("POST", f"{one}/resume", self.resume, "operator"),
            Page("POST", f"{one}/move", self.move, "operator"),
        ]

    async def show_all(self, visit: Visit) -> Result:
        search, state = sought(visit, "search"), sought(visit, "state")
        state = state if state in STATES else ""
        found = await self._database.read(feeds.page, feeds.Sought("", state, search), visit.below, PAGE)
        values = {"found": found, "search": search, "state": state, "feed_states": ("", *STATES)}
        return Shown("operator/feeds.html", values)

    async def show(self, visit: Visit, wrong: str = "", address: str = "") -> Result:
        feed_id = visit.number("feed")
        try:
            row = await self._database.read(feeds.get, feed_id)
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None
        count = await self._database.read(feeds.subscribers, feed_id)
        values = {
            "row": row,
            "subscribers": bounded(count),
            "movable": row.source == feeds.MOVABLE,
            "wrong": wrong,
            "address": address,
        }
        return Shown("operator/feed.html", values, 422 if wrong else 200)

    async def poll(self, visit: Visit) -> Result:
        return await self._change(visit, feeds.poll) or self._to(visit, "?done=operator_polled")

    async def pause(self, visit: Visit) -> Result:
        return await self._change(visit, feeds.pause) or self._to(visit, "?done=operator_changed")

    async def resume(self, visit: Visit) -> Result:
        return await self._change(visit, feeds.resume) or self._to(visit, "?done=operator_changed")

    async def move(self, visit: Visit) -> Result:
        address = (await visit.form()).text("address")
        feed_id = visit.number("feed")
        try:
            await move(self._database, self._sources, self._clock, actor(visit), feed_id, address)
        except NotFound:
            raise
        except UserError as error:
            return await self.show(visit, worded(visit, error), address)
        return self._to(visit, "?done=operator_moved")

    async def _change(self, visit: Visit, change: Any) -> Result | None:
        """What is wrong, if anything is."""
        try:
            await self._database.write(change, actor(visit), visit.number("feed"))
        except NotFound:
            raise
        except UserError as error:
            return await self.show(visit, worded(visit, error))
        return None

    def _to(self, visit: Visit, done: str) -> Goto:
        return Goto(f"/console/operator/feeds/{visit.number('feed')}{done}")
