"""Every page of the console that can be looked at, found from the router and from the links of other pages."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import PrefixedSubAppResource

from bot.web import console
from tests import hostile
from tests.bot.web.people import Person, Shown

MOST = 30  # pages of one route that are looked at, unless fewer are wanted
LATER = {
    "/console/subscriptions/import/{run}",
    "/console/subscriptions/import/{run}/live",
    "/console/destinations/new/links/{link}",
}
"""Routes that lead somewhere only after a form was sent, so no walk gets there."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str  # "/console/keys/{prefix}/delete"

    @property
    def fixed(self) -> bool:
        return "{" not in self.path

    def fits(self, path: str) -> bool:
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^{}]+\})", self.path)
        )
        return re.fullmatch(pattern, path) is not None


def routes(app: web.Application) -> list[Route]:
    """All below /console, those of files apart."""
    (mounted,) = (one for one in app.router.resources() if isinstance(one, PrefixedSubAppResource))
    return [
        Route(route.method, route.resource.canonical)
        for route in mounted
        if route.resource is not None and not isinstance(route.resource, web.StaticResource)
    ]


def looked_at(app: web.Application) -> list[Route]:
    return [one for one in routes(app) if one.method == "GET"]


@dataclass
class Walk:
    """``seen``: which addresses of each route were looked at; ``there``: the routes that answered with something."""

    app: Any
    person: Person
    most: int = MOST
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    there: set[str] = field(default_factory=set)

    async def pages(self, more: Iterable[str] = ()) -> AsyncIterator[tuple[Route, str, Shown]]:
        """Each with the address at which it stands.  ``more``: addresses to which nothing leads."""
        known = looked_at(self.app)
        ahead = [*more, *(route.path for route in known if route.fixed)]
        while ahead:
            address = ahead.pop(0)
            route = _route(known, address)
            if route is None or address in self.seen[route.path] or len(self.seen[route.path]) >= self.most:
                continue
            self.seen[route.path].add(address)
            shown = await self.person.get(address.removeprefix(console.PATH), allow_redirects=False)
            if shown.status == 404 and address == route.path:
                continue  # it wants to know what to show, and a link that says so is to follow
            self.there.add(route.path)
            yield route, address, shown
            if shown.headers.get("Content-Type", "").startswith("text/html"):
                ahead += _ours(address, shown)

    def missed(self) -> set[str]:
        return {one.path for one in looked_at(self.app)} - self.there - LATER


def _route(known: Iterable[Route], address: str) -> Route | None:
    """What is written out goes before what has places for values, as in the router."""
    path = address.partition("?")[0]
    return next((one for one in sorted(known, key=lambda one: not one.fixed) if one.fits(path)), None)


def _ours(address: str, shown: Shown) -> Iterator[str]:
    for link in hostile.read(shown.text).links:
        if link.startswith("?"):
            yield address.partition("?")[0] + link
        elif link.startswith(f"{console.PATH}/"):
            yield link.partition("#")[0]


async def talks(person: Person) -> None:
    """Says it all in the chats of the simulator, where there is one."""
    for platform in ("feishu", "whatsapp"):
        for n in range(hostile.ROWS):
            said = await person.post(f"/simulator/{platform}/say", {"text": hostile.text(n)}, allow_redirects=False)
            if said.status == 404:
                return
            assert said.status == 303, said.words
