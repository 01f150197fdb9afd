"""Subscriptions by a real browser: from a pasted address to a post that arrives, and what is done with it later."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from sqlmodel import select

from adapters.signatures import new_secret
from bot import app
from bot.clock import utc_now
from bot.rules import opml
from bot.usecases import destinations
from bot.web.console import transfer
from storage.database import Work
from storage.models import Feed
from tests.browser.walker import LOOKS, Walker
from tests.fakes.publisher import Publisher
from tests.fakes.receiver import Receiver

HERON = (
    "<p>A grey heron has built its nest on the <b>north</b> tower again. The first egg was seen on Monday; "
    "see <a href='https://example.org/birds'>the log</a>.</p><p>Visitors are asked to keep to the south path.</p>"
)


@pytest_asyncio.fixture(loop_scope="session")
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        feed = publisher.feed("/birds.xml", title="Birds of the old harbour")
        began = utc_now() - timedelta(hours=30)
        for n, title in enumerate(("High water at the pier", "Swifts are back", "Ringing day", "Two new hides")):
            feed.publish(title, at=began + timedelta(hours=6 * n), html=f"<p>{title}: what happened, in short.</p>")
        feed.publish("Herons nest on the north tower", at=began + timedelta(hours=24), html=HERON)
        links = '<link rel="alternate" type="application/rss+xml" href="/birds.xml">'
        publisher.page("/", f"<html><head>{links}</head><body>A page</body></html>")
        publisher.page("/nothing", "<html><body>Nothing</body></html>")
        yield publisher


async def webhook(gateway: app.Gateway, account_id: int, url: str, name: str, secret: str = "") -> None:
    await gateway.database.write(
        destinations.add,
        gateway.vault,
        account_id=account_id,
        channel="webhook",
        lane="webhook",
        address=url,
        name=name,
        secret=secret or new_secret(),
        verified=True,
    )


def _imports_slowly(monkeypatch: pytest.MonkeyPatch, go_on: asyncio.Event) -> None:
    """As if the list were long: its first portion waits to be told."""
    run = transfer.Transfer._run

    async def late(self: transfer.Transfer, *args: Any) -> None:
        await go_on.wait()
        await run(self, *args)

    monkeypatch.setattr(transfer, "PATIENCE", 0.0)
    monkeypatch.setattr(transfer.Transfer, "_run", late)


async def test_from_a_pasted_address_to_a_post_and_back(
    walker: Walker, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    _imports_slowly(monkeypatch, go_on)
    page, account_id = walker.page, await walker.signs_in()
    await walker.goes_to("/subscriptions")
    await walker.reads("You follow nothing yet")
    await walker.takes_a_picture("subscriptions-empty")
    await walker.fills("What do you want to follow?", f"{publisher.url}/nothing")
    await walker.presses("Look it up")
    await walker.reads("No feed there")
    await walker.fills("What do you want to follow?", f"{publisher.url}/")
    await walker.presses("Look it up")
    await page.get_by_role("heading", name="Birds of the old harbour").wait_for()
    await walker.reads("You have no destination yet")

    secret, arrived = new_secret(), asyncio.Event()
    async with Receiver(secret, seen=lambda one: arrived.set() if b"Herons nest" in one.body else None) as receiver:
        await webhook(walker.gateway, account_id, receiver.url(), "The team's room", secret)
        await webhook(walker.gateway, account_id, receiver.url("/other"), "Archive")
        await walker.presses("Look it up")
        await walker.reads("Where should new posts go?")
        await page.get_by_label("The team's room").check()
        await page.get_by_label("Archive").check()
        await walker.takes_a_picture("subscriptions-found")
        await walker.presses("Subscribe")
        await walker.reads("The newest post is on its way")
        await walker.reads("2 subscriptions")
        await asyncio.wait_for(arrived.wait(), 15)

    await page.get_by_label("Search title or address").fill("no such thing")
    await walker.reads("Nothing fits.")
    await page.get_by_label("Search title or address").fill("harbour")
    await page.get_by_role("link", name="Birds of the old harbour").first.wait_for()
    await page.get_by_role("link", name="Birds of the old harbour").first.click()
    await walker.reads("How it fares")
    await page.locator("select#until").select_option("week")
    await walker.presses("Pause")
    await walker.reads("goes on in 7 days")
    await walker.presses("Resume")
    await walker.reads("Posts are sent again from now on")
    await walker.presses("Move it there")
    await walker.reads("Its posts go to that destination already")
    await walker.goes_to("/subscriptions")
    await page.get_by_role("button", name="Remove: Birds of the old harbour").first.click()
    await walker.reads("is no longer followed")
    await walker.reads("1 subscription")
    await walker.takes_a_picture("subscriptions-removed")
    await walker.presses("Undo")
    await walker.reads("It is followed again")

    await page.get_by_role("link", name="Import", exact=True).click()
    file = tmp_path / "feeds.opml"
    others = [f"{publisher.url}/reader{n}" for n in range(600)]  # more than one portion
    urls = [f"{publisher.url}/birds.xml", *others, "ftp://old.example.org/"]
    file.write_text(opml.write([opml.Outline(url, f"Reader {n}") for n, url in enumerate(urls)], "Mine"))
    await page.get_by_label("OPML file, up to 5 MB").set_input_files(file)
    await walker.presses("Import")
    await walker.reads(" of 602 feeds …")
    await walker.takes_a_picture("subscriptions-importing")
    go_on.set()
    await walker.reads("600 new subscriptions")  # without asking for the page again
    await walker.reads("1 was not taken")
    await walker.takes_a_picture("subscriptions-imported")
    walker.errors = [one for one in walker.errors if "status of 422" not in one]  # a browser tells of those, too
    await walker.goes_to("/subscriptions")
    async with page.expect_download() as download:
        await walker.presses("Export")
    exported = Path(await (await download.value).path()).read_bytes()
    assert len(opml.read(exported)) == 601
    walker.is_content()


def _fare(work: Work) -> None:
    """Feeds as they fare in life."""
    feeds = {one.title: one for one in work.session.exec(select(Feed))}
    day = timedelta(days=1)
    ill = feeds["Reader 1"]
    ill.failures, ill.failing_since, ill.fault, ill.due_at = 5, work.now - 2 * day, "timeout", work.now + day / 24
    ill.last_success_at = work.now - 2 * day
    quiet = feeds["Reader 2"]
    quiet.told, quiet.last_new_at, quiet.last_success_at, quiet.failures = "quiet", work.now - 40 * day, work.now, 0
    quiet.due_at = work.now + day / 12
    work.session.flush()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_how_the_pages_look(
    browser: Browser, gateway: app.Gateway, publisher: Publisher, language: str, theme: str, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:  # type: ignore[arg-type]
        account_id = await ann.signs_in()
        name = f"{language}-{theme}-{width}"
        await webhook(gateway, account_id, "https://hooks.example.org/team", "The team's room")
        await webhook(gateway, account_id, "https://hooks.example.org/a/very/long/address/that/goes/on", "")
        await ann.goes_to("/subscriptions")
        await ann.takes_a_picture(f"subscriptions-empty-{name}")
        await ann.page.locator("#name").fill(f"{publisher.url}/birds.xml")
        await ann.page.locator(".paste button").click()
        await ann.page.get_by_role("heading", name="Birds of the old harbour").wait_for()
        await ann.page.locator('.found input[name="to"]').first.check()
        await ann.takes_a_picture(f"subscriptions-found-{name}")
        await ann.page.locator(".found button[type=submit]").click()
        await ann.page.locator(".feed-title").wait_for()
        await ann.goes_to("/subscriptions/import")
        outlines = [opml.Outline(f"https://reader{n}.example.org/feed", f"Reader {n}") for n in range(4)]
        content = opml.write([*outlines, opml.Outline("ftp://old.example.org/<b>")], "Mine").encode()
        await ann.page.locator('input[type="file"]').set_input_files(
            {"name": "feeds.opml", "mimeType": "text/xml", "buffer": content}
        )
        await ann.takes_a_picture(f"subscriptions-import-{name}")
        await ann.page.locator("form[enctype] button").click()
        await ann.page.locator("main h2").wait_for()
        await ann.takes_a_picture(f"subscriptions-imported-{name}")
        await gateway.database.write(_fare)
        await ann.goes_to("/subscriptions")
        await ann.page.locator(".actions button").first.click()
        await ann.page.locator(".notice.good").wait_for()
        await ann.takes_a_picture(f"subscriptions-{name}")
        await ann.page.get_by_role("link", name="Birds of the old harbour").click()
        await ann.page.locator(".feishu-card").first.wait_for()
        await ann.takes_a_picture(f"subscription-{name}")
        ann.is_content()
