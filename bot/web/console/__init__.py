"""The console: pages for people, at ``/console``."""

from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from bot.settings import Settings
from bot.web.apis.native import Desk
from bot.web.checkup import Checkup
from bot.web.console import operator
from bot.web.console.account import Account
from bot.web.console.home import Home
from bot.web.console.menu import menu
from bot.web.console.pages import Frame, Page
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
    desk: Desk, settings: Settings, door: Door, tick: Callable[[], float], checkup: Checkup, copies: Copies
) -> web.Application:
    """To be mounted at ``PATH``.  ``tick``: seconds that only ever grow."""
    terms = desk.terms
    default = (terms.default_plan, terms.default_credits)
    welcome = Welcome(
        desk.database,
        signup=terms.signup == "open",
        default=default,
        known=desk.plans,
        after_first=f"{PATH}/",
        tick=tick,
    )
    parts: Sequence[Pages] = [
        welcome,
        Account(desk.database, welcome),
        Home(desk),
        *operator.parts(desk, settings, door, checkup, copies),
    ]
    frame = Frame(desk.database, desk.clock, desk.metrics, settings.public_base_url, door.address, {"menu": menu})
    return frame.application([page for part in parts for page in part.pages()])
