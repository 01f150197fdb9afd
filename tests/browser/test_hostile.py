"""An installation full of hostile text, looked at by a real browser: nothing runs, and nothing is asked of others."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest

from bot import app
from bot.clock import utc_now
from tests import hostile
from tests.bot.web.console_walk import Walk, talks
from tests.bot.web.people import Person
from tests.browser.walker import Walker

EACH = 2  # pages of one route
SETTLED = 120  # milliseconds: what a page loads by itself has come
WATCH = """
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.blockedURI}`));
    for (const name of ["alert", "confirm", "prompt", "open", "print"]) window[name] = () => { window.pwned = name; };
"""
LOOK = """
(known) => {
  const found = [];
  if (window.pwned !== undefined) found.push(`it ran: ${window.pwned}`);
  if ({}.pwned !== undefined) found.push("every object has it");
  if (document.cookie.includes("pwned")) found.push("a cookie was set");
  for (const one of document.querySelectorAll("*")) {
    const name = one.localName;
    if (!known.includes(name)) found.push(`there is an element ${name}`);
    if (one.classList.contains("pwned") || one.id === "pwned") found.push(`a payload became ${name}`);
    for (const { name: attribute, value } of one.attributes) {
      if (/^(on|data-hx|hx-on|srcdoc$|style$|pwned)/.test(attribute)) found.push(`${name} has ${attribute}`);
      if (/^\\s*(javascript|data:text|vbscript)/i.test(value) && /href|src|action|data$/.test(attribute))
        found.push(`${name} has ${attribute}=${value}`);
    }
    if (name === "a" && one.href && one.origin !== location.origin && !/noopener.*noreferrer.*nofollow/.test(one.rel))
      found.push(`a link elsewhere: ${one.href} ${one.rel}`);
  }
  return found;
}
"""


@pytest.fixture
def more_settings() -> Mapping[str, Any]:
    return {"signup": "open"}


async def test_nothing_of_it_runs_and_nothing_leaves_the_origin(walker: Walker) -> None:
    account_id = await walker.signs_in(operator=True)
    await walker.gateway.database.write(hostile.fill, account_id)
    page = walker.page
    await page.add_init_script(WATCH)
    page.on("dialog", lambda dialog: walker.errors.append(f"a dialog: {dialog.message}"))
    walker.context.on("page", lambda other: walker.errors.append(f"another window: {other.url}"))
    known = sorted(hostile.elements() | {"html", "head", "body", "tbody"})
    found: list[str] = []
    for address in await addresses(walker):
        await page.goto(f"{walker.url}{address}", wait_until="load")
        await page.wait_for_timeout(SETTLED)
        found += [f"{address}: {fault}" for fault in await page.evaluate(LOOK, known)]
        assert not walker.errors, address
    assert not found, "\n".join(found[:20])
    walker.is_content()


async def addresses(walker: Walker) -> list[str]:
    """Some of each route that answers with a page; those that are parts of pages come with these."""
    application = app.make_web(walker.gateway, utc_now)  # of which only the routes are wanted
    (cookie,) = await walker.context.cookies()
    some: dict[str, list[str]] = defaultdict(list)
    async with Person(walker.url) as person:
        person.come_with(cookie["value"])
        await talks(person)
        async for route, address, shown in Walk(application, person, most=2 * EACH).pages(
            ["/console/invitations/hostile-1"]
        ):
            if shown.status == 200 and "<html" in shown.text and len(some[route.path]) < EACH:
                some[route.path].append(address)
    return [address for those in some.values() for address in those]
