"""The operator's pages, by a real browser."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from bot import app
from bot.usecases import accounts, deliveries
from bot.usecases.administration import announcements
from bot.usecases.audit import Actor
from bot.usecases.console import invitations
from storage.database import Work
from tests import world
from tests.browser.walker import LOOKS, Walker

ANN = Actor("console", 1, "", "127.0.0.1")


def furnish(work: Work) -> None:
    """What an installation has after a while."""
    for name in ("grace", "ada"):
        accounts.add(work, f"{name}@example.org", name=name.title(), plan="business")
    later = work.now + world.HOUR  # nobody reads them meanwhile
    read = {"last_success_at": work.now, "last_new_at": work.now}
    world.add_feed(work, 1, title="Planet of the herons", due_at=later, **read)
    failing = {
        "due_at": later,
        "failures": 4,
        "failing_since": work.now,
        "fault": "http",
        "reason": "the server answered 500",
    }
    world.add_feed(work, 2, title="Quarterly notes on ponds", **failing)
    world.add_feed(work, 3, state="paused")
    world.add_destinations(work, 2)
    world.queue(work, 2)
    announcements.make(work, ANN, announcements.Wish("Maintenance on Sunday from 08:00 to 09:00 UTC.", "warning"))
    invitations.invite(work, ANN, {"free": None}, "token", invitations.Wish("new@example.org", "free"))  # type: ignore[dict-item]
    deliveries.hold(work)


async def test_an_operator_goes_through_a_day(browser: Browser, gateway: app.Gateway, tmp_path: Path) -> None:
    async with Walker.sits_down(browser, gateway) as ann:
        await ann.signs_in("ann@example.org", operator=True)
        await gateway.database.write(furnish)
        await ann.goes_to("/operator/installation")
        await ann.reads("on hold")
        await ann.presses("Release sending")
        await ann.reads("Sending goes on.")
        link = await invites(ann)
        await accepts(browser, gateway, link)
        await looks_after_an_account(ann)
        await looks_after_a_feed(ann)
        await ann.presses("Channels")
        await ann.page.get_by_role("button", name="Pause: whatsapp").click()
        await ann.reads("paused by you")
        await ann.page.get_by_role("button", name="Resume: whatsapp").click()
        await ann.reads("Changed.")
        await announces(ann)
        await ann.presses("Audit log")
        await ann.fills("What", "plan")
        await ann.presses("Filter")
        await ann.page.get_by_text("2 values").first.click()
        await ann.reads("business")
        await downloads(ann, tmp_path)
        await ann.presses("Doctor")
        await ann.presses("Look now")
        await ann.reads("outbox")
        await ann.page.get_by_text("looking …").wait_for(state="hidden")
        ann.is_content()


async def invites(ann: Walker) -> str:
    """Returns the link."""
    await ann.presses("Accounts")
    await ann.presses("Invite somebody")
    await ann.fills("E-mail address", "bob@example.org")
    await ann.presses("Make a link")
    await ann.reads("The link for bob@example.org is shown this once")
    return await ann.page.locator(".notice code").inner_text()


async def accepts(browser: Browser, gateway: app.Gateway, link: str) -> None:
    async with Walker.sits_down(browser, gateway) as bob:
        await bob.page.goto(f"{bob.url}{link[link.index('/console') :]}")
        await bob.fills("New password", "four quiet herons by the pond")
        await bob.presses("Go on")
        await bob.page.get_by_role("heading", name="Overview").wait_for()
        await bob.reads("Maintenance on Sunday")
        await bob.goes_to("/operator/installation")
        await bob.reads("Only operators see this page.")


async def looks_after_an_account(ann: Walker) -> None:
    await ann.presses("Accounts")
    await ann.page.get_by_role("searchbox").fill("grace")
    await ann.presses("Search")
    await ann.presses("grace@example.org")
    await ann.page.locator("select[name=plan]").select_option("free")
    await ann.presses("Change the plan")
    await ann.reads("Changed.")
    await ann.presses("Make it an operator")
    await ann.presses("Operator no more")
    await ann.fills("Phones", "20")
    await ann.presses("Change the limits")
    await ann.page.get_by_role("cell", name="20", exact=True).wait_for()
    await ann.fills("Reason, for operators", "unpaid")
    await ann.presses("Disable the account")
    await ann.reads("unpaid")
    await ann.presses("Enable the account")
    await ann.presses("Make a link for a new password")
    await ann.reads("The link for grace@example.org is shown this once")
    await ann.page.get_by_text("Delete the account").click()
    await ann.fills("Type grace@example.org to delete it", "grace@example.org")
    await ann.presses("Delete for good")
    await ann.reads("The account is deleted")


async def looks_after_a_feed(ann: Walker) -> None:
    await ann.presses("Feeds")
    await ann.presses("failing")
    await ann.presses("Quarterly notes on ponds")
    await ann.reads("4 failures in a row: the server answered 500")
    await ann.presses("Pause")
    await ann.reads("Changed.")
    await ann.presses("Resume")
    await ann.presses("Read it now")
    await ann.reads("It is read at its server's next turn")


async def announces(ann: Walker) -> None:
    await ann.presses("Announcements")
    await ann.fills("Text", "The pond is <b>closed</b> today.")
    await ann.page.locator("select[name=level]").select_option("critical")
    await ann.presses("Announce")
    await ann.reads("Everybody sees it when its time comes.")
    await ann.page.locator(".notice.bad", has_text="The pond is <b>closed</b> today.").wait_for()
    await ann.page.get_by_role("row", name="The pond").get_by_role("button", name="Withdraw").click()
    await ann.reads("Withdrawn.")


async def downloads(ann: Walker, folder: Path) -> None:
    await ann.page.get_by_role("link", name="Backup").click()
    async with ann.page.expect_download() as coming:
        await ann.presses("Make and download a copy")
    download = await coming.value
    await download.save_as(folder / "copy.db")
    assert (folder / "copy.db").read_bytes().startswith(b"SQLite format 3")


PAGES = ("installation", "accounts", "accounts/invitations", "accounts/2", "feeds", "feeds/2", "channels", "audit",
         "announcements", "backup", "doctor")  # fmt: skip


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_pages_of_operators(
    browser: Browser, gateway: app.Gateway, language: str, theme: Any, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:
        await ann.signs_in("ann@example.org", operator=True)
        await gateway.database.write(furnish)
        await ann.goes_to("/operator/doctor")
        await ann.page.locator("main form button").first.click()
        await ann.page.locator(".badge.warn").first.wait_for()
        for name in PAGES:
            await ann.goes_to(f"/operator/{name}")
            await ann.takes_a_picture(f"operator-{name.replace('/', '-')}-{language}-{theme}-{width}")
        ann.is_content()
