"""Whatever outsiders write is text on every page, and every page keeps the rules of the console.

Pages are found from the router, so one that is added is looked at, too.  A page that nothing leads to is reached by
an address in ``MORE``; one that is there only after a form was sent is named in ``console_walk.LATER``.
"""

import csv
import io
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lxml import etree

from storage.columns import Base
from storage.database import Database
from tests import hostile
from tests.bot.web.console_walk import Route, Walk, looked_at, routes, talks
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import Person, Shown, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE = ["/console/invitations/hostile-1", "/console/channels/set-up/checks?channel=feishu"]
OPEN = {"/console/sign-in", "/console/sign-up", "/console/invitations/{token}"}
"""What anybody may look at."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class House:
    served: Served
    operator: Person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[House]:
    """On one engine: templates do not know which it is."""
    file = tmp_path_factory.mktemp("hostile") / "postbell.db"
    shutil.copy(sqlite_template, file)
    clock = MovableClock()
    database = Database(f"sqlite:///{file}", clock, shared_time=False)
    async with serving(database, clock, signup="open") as served, await signed_in(served, operator=True) as operator:
        await database.write(hostile.fill, operator.account_id)
        await talks(operator)
        yield House(served, operator)
    database.close()


def faults(shown: Shown) -> list[str]:
    """Of a page, a table or any other file."""
    kind = shown.headers.get("Content-Type", "").partition(";")[0]
    if kind == "text/html":
        return hostile.read(shown.text).faults
    if kind == "text/csv":
        cells = [cell for row in csv.reader(io.StringIO(shown.text)) for cell in row]
        return [f"a spreadsheet obeys {cell!r}" for cell in cells if cell.startswith(FORMULA)]
    if "xml" in kind or "opml" in kind:
        tags = {str(one.tag) for one in etree.fromstring(shown.text.encode()).iter() if isinstance(one.tag, str)}
        return [
            f"there is an element {tag}" for tag in tags - {"opml", "head", "title", "body", "outline", "dateCreated"}
        ]
    return [] if "attachment" in shown.headers.get("Content-Disposition", "") else [f"what is {kind}?"]


async def test_there_are_enough_payloads() -> None:
    assert len(hostile.payloads()) == len(set(hostile.payloads())) >= 200


async def test_every_table_was_thought_of() -> None:
    """A new one that holds what outsiders write belongs into ``hostile.SPOILT``, any other into ``CLEAN``."""
    assert set(Base.metadata.tables) - set(hostile.SPOILT) - hostile.CLEAN == set()


async def test_whatever_outsiders_write_is_text_on_every_page(house: House) -> None:
    walk, found, said = Walk(house.served.web, house.operator), [], ""
    async for route, address, shown in walk.pages(MORE):
        assert shown.status in (200, 204, 303), (address, shown.words[:300])
        if shown.status == 200:
            found += [f"{route.path}: {fault}" for fault in faults(shown)]
        if shown.headers.get("Content-Type", "").startswith("text/html"):
            said += "".join(hostile.read(shown.text).words)
    assert not found, "\n".join(found[:20])
    assert not walk.missed(), "no link leads to these pages: add an address of each to MORE, or name it in LATER"
    said = plain(said)
    assert [one for one in hostile.payloads() if plain(one) not in said] == []


def plain(text: str) -> str:
    """Without what cleaning and reading take away: blanks, line ends, and what is no character of a text."""
    return re.sub(r"[\s\x00-\x1f\x7f\ufffd\ufffe\uffff]", "", text)


async def test_queries_are_text_too(house: House) -> None:
    names = ("q", "search", "done", "to", "before", "after", "cursor", "at", "channel", "source", "state", "feed")
    found = []
    for route in looked_at(house.served.web):
        for n, value in enumerate(hostile.queries() if route.fixed else ()):
            query = "&".join(f"{names[(n + i) % len(names)]}={value}" for i in (0, 4, 8))
            shown = await house.operator.get(f"{route.path.removeprefix('/console')}?{query}", allow_redirects=False)
            assert shown.status in (200, 303, 404, 422), (route.path, query)
            if shown.headers.get("Content-Type"):
                found += [f"{route.path}: {fault}" for fault in faults(shown)]
            assert "evil.example" not in shown.headers.get("Location", "").partition("?")[0]
    assert not found, "\n".join(found[:20])


async def test_every_page_carries_the_policy_and_is_kept_by_nobody(house: House) -> None:
    async for _, _, shown in Walk(house.served.web, house.operator, most=2).pages(MORE):
        assert_protected(shown.headers)


def assert_protected(headers: Any) -> None:
    policy = headers["Content-Security-Policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def somewhere(route: Route) -> str:
    """An address of the route, below /console, of something that does not exist."""
    return re.sub(r"\{[^{}]+\}", "1", route.path).removeprefix("/console")


async def test_every_page_wants_somebody_signed_in(house: House) -> None:
    async with Person(house.served.url) as nobody:
        for route in looked_at(house.served.web):
            if route.path not in OPEN:
                shown = await nobody.get(somewhere(route), allow_redirects=False)
                assert shown.status == 303, route.path
                assert shown.headers["Location"].startswith("/console/sign-in?to="), route.path


async def test_nothing_is_changed_by_a_request_from_elsewhere(house: House) -> None:
    """Whatever route it is, and before anything is looked up."""
    changing = [one for one in routes(house.served.web) if one.method not in ("GET", "HEAD")]
    assert len(changing) > 10
    for route in changing:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}):
            shown = await house.operator._ask(route.method, somewhere(route), headers=headers)
            assert (shown.status, "did not come from a page" in shown.words) == (403, True), route.path


async def test_nothing_changes_by_being_looked_at(house: House) -> None:
    """Addresses that change something do not answer to GET."""
    looking = {one.path for one in looked_at(house.served.web)}
    for route in routes(house.served.web):
        if route.method not in ("GET", "HEAD") and route.path not in looking:
            shown = await house.operator.get(somewhere(route), allow_redirects=False)
            assert shown.status in (404, 405), route.path


async def test_what_is_for_operators_is_nobody_elses(house: House) -> None:
    async with await signed_in(house.served) as ann:
        for route in routes(house.served.web):
            if route.path.startswith("/console/operator"):
                shown = await ann._ask(route.method, somewhere(route))
                assert shown.status == 403, route.path
