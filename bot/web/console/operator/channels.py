"""``/console/operator/channels``: whether platforms take our messages, whether sources can be read, and resuming."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.base import Channel, Source
from bot.clock import Clock
from bot.errors import NotFound, UserError
from bot.usecases import providers
from bot.usecases.administration import channels
from bot.web.console.operator.asking import actor, bounded
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from storage.database import Database


class Channels:
    """``ways``: each account of a channel, by name; ``sources``: by kind."""

    def __init__(
        self, database: Database, ways: Mapping[str, Channel], sources: Mapping[str, Source], clock: Clock
    ) -> None:
        self._database, self._ways, self._sources, self._clock = database, ways, sources, clock

    def pages(self) -> list[Page]:
        here = "/operator/channels"
        return [
            Page("GET", here, self.show, "operator"),
            Page("POST", f"{here}/pause", self.pause, "operator"),
            Page("POST", f"{here}/resume", self.resume, "operator"),
        ]

    async def show(self, _visit: Visit, wrong: str = "") -> Result:
        rows = await self._database.read(channels.troubled)
        counts = await self._database.read(channels.destinations, sorted(self._ways))
        suspended = await self._database.read(providers.suspended_sources)
        now = self._clock()
        ways = [
            {
                "name": name,
                "state": _state(rows.get(name), now),
                "row": rows.get(name),
                "count": bounded(counts[name]),
                "pausable": self._ways[name].lane != "webhook",
            }
            for name in sorted(self._ways)
        ]
        sources = [{"name": name, "row": suspended.get(name)} for name in sorted(self._sources)]
        values = {"ways": ways, "sources": sources, "wrong": wrong}
        return Shown("operator/channels.html", values, 422 if wrong else 200)

    async def pause(self, visit: Visit) -> Result:
        name = await self._named(visit)
        if self._ways[name].lane == "webhook":
            return await self.show(visit, visit.say("operator.webhooks_own"))
        return await self._change(visit, channels.pause, name)

    async def resume(self, visit: Visit) -> Result:
        return await self._change(visit, channels.resume, await self._named(visit))

    async def _change(self, visit: Visit, change: Any, name: str) -> Result:
        try:
            await self._database.write(change, actor(visit), name)
        except UserError as error:
            return await self.show(visit, worded(visit, error))
        return Goto("/console/operator/channels?done=operator_changed")

    async def _named(self, visit: Visit) -> str:
        """Raises NotFound."""
        name = (await visit.form()).text("channel", 200)
        if name not in self._ways:
            raise NotFound(visit.say("error.nothing_here"))
        return name


def _state(row: Any, now: datetime) -> str:
    if row is None:
        return "ok"
    if row.held_at:
        return "paused"
    if row.suspensions:
        return "suspended"
    return "resting" if row.paused_until and row.paused_until > now else "ok"
