"""The overview and the deliveries, by a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import insert

from bot import app
from storage import models
from storage.database import Work
from tests import world
from tests.browser.walker import LOOKS, Walker

HOSTILE = "<img src=x onerror=alert(1)> & <b>co</b>"
TITLES = (
    "The reservoir is full again", "Notes from the night train", HOSTILE, "Eleven bridges and one ferry",
    "Bread, salt and a long table", "夜航船上的第一场雪", "What the lighthouse keeper wrote down",
)  # fmt: skip


def flow(work: Work, /, account: int) -> None:
    """Some hours of an account's life: most was sent, some was not."""
    there = world.add_destinations(work, 3, account=account)
    addresses = ("http://127.0.0.1:9/hooks/reading-room", "http://127.0.0.1:9/hooks/archive", "http://127.0.0.1:9/x")
    table = models.Destination.__table__
    for id_, address, name in zip(there, addresses, ("Reading room", "", "Old archive"), strict=True):
        change: dict[str, Any] = {"address": address, "name": name}
        if name == "Old archive":
            change |= {"disabled_at": work.now, "disabled_reason": "no message got through for five days"}
        work.session.execute(table.update().where(table.c.id == id_).values(**change))
    later = work.now + timedelta(days=300)
    feeds = [
        world.add_feed(work, 1, title="The Riverside Gazette", due_at=later),
        world.add_feed(work, 2, title="Night Trains", due_at=later, told="failing", fault="timeout"),
    ]
    for feed in feeds:
        world.subscribe(work, feed, there[:2], account=account)
    for n in range(60):
        deliver(work, n, feeds[n % 2], account)


def deliver(work: Work, n: int, feed: int, account: int) -> None:
    at = work.now - timedelta(minutes=23 * (60 - n))
    title, text = TITLES[n % len(TITLES)], "<p>It rained all night.</p>"
    key = f"{n:016d}".encode()
    post = {"uid": world.uid(n + 1), "feed_id": feed, "seq": n + 1, "key": key, "digest": key, "is_html": True}
    posts, queue, tries = (model.__table__ for model in (models.Post, models.Delivery, models.Attempt))
    work.session.execute(
        insert(posts).values(**post, title=title, url=f"https://example.org/{n}", content=text, found_at=at)
    )
    post_id = world.rows(work, models.Post, seq=n + 1, feed_id=feed)[0].id
    for subscription in world.rows(work, models.Subscription, feed_id=feed, account_id=account):
        state = {7: "failed", 8: "failed", 9: "held", 10: "read"}.get((n + subscription.id) % 17, "sent")
        row: dict[str, Any] = {
            "account_id": account, "subscription_id": subscription.id, "destination_id": subscription.destination_id,
            "post_id": post_id, "post_version": 1, "lane": "webhook", "state": state, "attempts": 1, "created_at": at,
            "due_at": at, "expires_at": work.now + timedelta(days=3),
        }  # fmt: skip
        if state in ("sent", "read"):
            row["sent_at"] = at + timedelta(milliseconds=300 + 170 * (n % 13))
        elif state == "failed":
            row |= {"failed_at": at, "error_code": "http_410", "error": f"answered 410: {HOSTILE}"}
        else:
            row["error_code"] = "window_closed"
        id_ = work.session.execute(insert(queue).values(**row).returning(queue.c.id)).scalar_one()
        outcome = {"outcome": "ok", "status": 200} if state in ("sent", "read") else {"outcome": "gone", "status": 410}
        answer = {"code": "", "response": HOSTILE, "ended_at": at + timedelta(milliseconds=240)}
        work.session.execute(insert(tries).values(delivery_id=id_, n=1, started_at=at, **answer, **outcome))


async def test_from_an_empty_overview_to_sending_again(walker: Walker, gateway: app.Gateway) -> None:
    ann = await walker.signs_in()
    await walker.goes_to("/")
    await walker.reads("Nothing arrives yet")
    await walker.takes_a_picture("home-empty")
    await gateway.database.write(flow, ann)
    await walker.reads("Posts found")  # without asking again: the page is told
    await walker.reads("1 destination is disabled")
    await walker.presses("Deliveries")
    await walker.reads("The reservoir is full again")
    await walker.presses("Failed")
    await walker.reads("answered 410")
    await walker.page.get_by_text("Filter", exact=True).click()
    await walker.page.locator("select[name=destination]").select_option(label="Reading room")
    await walker.presses("Show")
    await walker.page.wait_for_url("**destination=*")
    await walker.page.locator("td.lead a").first.click()
    await walker.reads("What happened")
    await walker.reads("It was not sent.")
    await walker.page.get_by_text("Its answer").first.click()
    await walker.presses("Send again")
    await walker.reads("It is queued again.")
    await walker.reads("Attempt 2")  # made by the gateway meanwhile
    await walker.takes_a_picture("delivery-again")
    await walker.goes_to("/deliveries?state=failed")
    await walker.presses("Send all of these again")
    await walker.page.get_by_role("button", name="again").wait_for()
    await walker.takes_a_picture("deliveries-again")
    await walker.page.get_by_role("button", name="again").click()
    await walker.reads("deliveries are queued again.")
    await walker.takes_a_picture("deliveries-again-done")
    walker.is_content()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_pictures_of_the_flow(
    browser: Browser, gateway: app.Gateway, language: str, theme: str, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:  # type: ignore[arg-type]
        await gateway.database.write(flow, await ann.signs_in())
        failed = (await gateway.database.read(world.rows, models.Delivery, state="failed"))[-1].id
        for name, path in (("home", "/"), ("deliveries", "/deliveries"), ("delivery", f"/deliveries/{failed}")):
            await ann.goes_to(path)
            await ann.page.get_by_role("heading", level=1).wait_for()
            await ann.takes_a_picture(f"{name}-{language}-{theme}-{width}")
        ann.is_content()
