"""The console: pages for people, at ``/console``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from aiohttp import web

from bot.settings import Settings
from bot.simulator.simulator import Simulator as Platforms
from bot.web.apis.native import Desk
from bot.web.checkup import Checkup
from bot.web.console import operator
from bot.web.console.account import Account
from bot.web.console.channel_set_up import ChannelSetUp
from bot.web.console.deliveries import Deliveries
from bot.web.console.destinations import Destinations
from bot.web.console.following import Following
from bot.web.console.home import Home
from bot.web.console.keys import Keys
from bot.web.console.menu import SIMULATOR, menu
from bot.web.console.new_destination import NewDestination
from bot.web.console.pages import Frame, Page
from bot.web.console.plan import Plan
from bot.web.console.simulator import Simulator
from bot.web.console.subscriptions import Subscriptions
from bot.web.console.transfer import Transfer
from bot.web.console.welcome import Welcome
from bot.web.copies import Copies
from bot.web.keys import Door

PATH = "/console"


class Pages(Protocol):
    """What belongs together: the pages of one noun."""

    def pages(self) -> list[Page]: ...


def ways_in() -> list[web.RouteDef]:
    """For people who type less."""

    async def go(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{PATH}/"})

    return [web.get("/", go), web.get(PATH, go)]


def make(
    desk: Desk,
    settings: Settings,
    door: Door,
    tick: Callable[[], float],
    checkup: Checkup,
    copies: Copies,
    platforms: Platforms | None,
) -> web.Application:
    """To be mounted at ``PATH``.  ``tick``: seconds that only ever grow; ``platforms``: None: there is no simulator."""
    terms = desk.terms
    default = (terms.default_plan, terms.default_credits)
    welcome = Welcome(
        desk.database,
        signup=terms.signup == "open",
        default=default,
        known=desk.plans,
        after_first=f"{PATH}/simulator" if platforms else f"{PATH}/",
        tick=tick,
    )
    parts: Sequence[Pages] = [
        welcome,
        Account(desk.database, welcome),
        Home(desk),
        *([Simulator(desk, platforms, settings.public_base_url)] if platforms else []),
        Following(desk),
        Transfer(desk),
        Subscriptions(desk),
        NewDestination(desk),
        Destinations(desk),
        Deliveries(desk),
        ChannelSetUp(desk, settings.worker_public_base_url and settings.public_base_url, tick),
        Keys(desk, door),
        Plan(desk),
        *operator.parts(desk, settings, door, checkup, copies),
    ]
    shown = {"menu": partial(menu, missing=() if platforms else (SIMULATOR,))}
    frame = Frame(desk.database, desk.clock, desk.metrics, settings.public_base_url, door.address, shown)
    return frame.application([page for part in parts for page in part.pages()])
