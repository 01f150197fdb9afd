"""``/admin/v1/channels``: whether platforms take our messages, and pausing them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.base import Channel
from bot.clock import Clock
from bot.errors import Conflict, NotFound
from bot.usecases.administration import channels
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.surface import Call, Route
from storage.database import Database


class Channels:
    def __init__(self, database: Database, installed: Mapping[str, Channel], clock: Clock) -> None:
        self._database, self._channels, self._clock = database, installed, clock

    def routes(self) -> list[Route]:
        one = "/admin/v1/channels/{channel}"
        common: dict[str, Any] = {
            "parameters": {"channel": "its name; of a further account with %2F: whatsapp%2Fsales"}
        }
        absent = ["there is no such channel"]
        return [
            Route("GET", "/admin/v1/channels", self.list_channels, "Channels, and how they fare", wire.ChannelList),
            Route(
                *("POST", f"{one}/pause", self.pause_channel, "Send nothing through it until it is resumed"),
                wire.ChannelRecord,
                errors={404: absent, 409: ["the channel is paused already"]},
                **common,
            ),
            Route(
                *("POST", f"{one}/resume", self.resume_channel, "Try it again at once, whatever it rests for"),
                wire.ChannelRecord,
                errors={404: absent, 409: ["the channel is not resting"]},
                **common,
            ),
        ]

    async def list_channels(self, _call: Call) -> wire.ChannelList:
        rows = await self._database.read(channels.troubled)
        return wire.ChannelList([self._record(name, rows.get(name)) for name in sorted(self._channels)])

    async def pause_channel(self, call: Call) -> wire.ChannelRecord:
        name = self._name(call)
        if self._channels[name].lane == "webhook":
            raise Conflict("each receiver of webhooks is its own: disable destinations, or hold all sending")
        return self._record(name, await self._database.write(channels.pause, actor(call), name))

    async def resume_channel(self, call: Call) -> wire.ChannelRecord:
        name = self._name(call)
        await self._database.write(channels.resume, actor(call), name)
        return self._record(name, None)

    def _name(self, call: Call) -> str:
        if (name := call.path["channel"]) not in self._channels:
            raise NotFound("there is no such channel")
        return name

    def _record(self, name: str, row: Any) -> wire.ChannelRecord:
        state = "ok" if row is None else _state(row, self._clock())
        until = None if state in ("ok", "paused") else row.paused_until
        reason = "" if state == "ok" else row.reason
        return wire.ChannelRecord(name, self._channels[name].lane, state, reason, until)


def _state(row: Any, now: datetime) -> str:
    if row.held_at:
        return "paused"
    if row.suspensions:
        return "suspended"
    return "resting" if row.paused_until and row.paused_until > now else "ok"
