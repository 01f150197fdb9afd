"""``/console/channels``: what an operator enters where so that a channel works, and what is still missing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from adapters.base import Channel, Examined, Finding, Preparable, Prepared
from bot.usecases.console import destinations
from bot.web.apis.native import Desk
from bot.web.console import ways
from bot.web.console.pages import Page, Result, Shown, Visit

EVERY = 10.0  # seconds between two looks at one platform, however many look at the page
LONGEST = 45.0  # seconds for one look

log = structlog.get_logger("console")


class ChannelSetUp:
    """``base_url``: our public address; empty: it is not set."""

    def __init__(self, desk: Desk, base_url: str, tick: Callable[[], float]) -> None:
        self._desk, self._base_url = desk, base_url.rstrip("/")
        self._examinations = Examinations(desk.channels, tick)

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/channels/set-up", self.show, "operator"),
            Page("GET", "/channels/set-up/checks", self.show_checks, "operator", live=True),
        ]

    async def show(self, visit: Visit) -> Result:
        names = [name for name, way in self._desk.channels.items() if isinstance(way, Preparable)]
        name = visit.asked("channel") or next(iter(names), "")
        if not names:
            return Shown("channel_set_up.html", ways.shown(visit, names=(), name=""))
        way = ways.asked_for(visit, self._desk.channels, name)
        values = ways.shown(visit, names=names, name=name, way=way, base_url=self._base_url, **self._facts(name))
        return Shown("channel_set_up.html", values | await self._checks(name))

    async def show_checks(self, visit: Visit) -> Result:
        name = ways.asked_for(visit, self._desk.channels, visit.asked("channel")).name
        return Shown(
            "channel_checks.html", ways.shown(visit, name=name, **self._facts(name), **await self._checks(name))
        )

    def _facts(self, name: str) -> dict[str, object]:
        channel = self._desk.channels[name]
        prepared = channel.prepared if isinstance(channel, Preparable) else Prepared()
        return {"prepared": prepared, "callback": self._callback(name)}

    async def _checks(self, name: str) -> dict[str, object]:
        looked = self._examinations.look(name, self._callback(name))
        return {"looked": looked, "seen": await self._desk.database.read(destinations.seen, name)}

    def _callback(self, name: str) -> str:
        """Where the platform is to call us; empty: nobody knows."""
        return f"{self._base_url}/webhooks/{name}" if self._base_url else ""


@dataclass(slots=True)
class _Looked:
    findings: Sequence[Finding] | None  # None: not yet
    at: float
    task: asyncio.Task[None] | None = None


class Examinations:
    """What platforms say of our accounts: asked in the background, and not again within seconds."""

    def __init__(self, channels: Mapping[str, Channel], tick: Callable[[], float]) -> None:
        self._channels, self._tick = channels, tick
        self._known: dict[str, _Looked] = {}

    def look(self, name: str, callback_url: str) -> Sequence[Finding] | None:
        """What was found last; None: nothing yet, the platform is being asked."""
        way = self._channels[name]
        if not isinstance(way, Examined):
            return ()
        known = self._known.setdefault(name, _Looked(None, -EVERY))
        if known.task is None and self._tick() - known.at >= EVERY:
            known.at = self._tick()
            known.task = asyncio.create_task(self._ask(name, way, callback_url, known))
        return known.findings

    async def _ask(self, name: str, way: Examined, callback_url: str, known: _Looked) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                known.findings = await way.examine(callback_url)
        except TimeoutError:
            known.findings = [Finding(False, "the platform took too long to answer", "can this machine reach it?")]
        except Exception as error:  # a third party's channel may break its promise; the page stays
            log.error("a channel could not be examined", channel=name, exc_info=error)
            known.findings = [Finding(False, "this channel could not be examined", "the log says why")]
        finally:
            known.at, known.task = self._tick(), None
