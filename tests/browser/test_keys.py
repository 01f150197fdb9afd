"""API keys, the page that tries one, and the plan, by a real browser."""

import pytest
from playwright.async_api import Browser

from adapters.base import FeedInfo
from bot import app
from bot.usecases import keys, posts
from storage import usage
from storage.api_models import ApiKey
from storage.database import Work
from tests import world
from tests.browser.walker import LOOKS, Walker


def articles(work: Work, account_id: int) -> None:
    """A WeChat account that this account follows, with two messages, one of them nasty."""
    (destination,) = world.add_destinations(work, 1, account=account_id)
    feed = world.add_feed(work, 1, source="wechat", key="gh_0123456789ab", title="Daily Tea", name="dailytea")
    world.subscribe(work, feed, [destination], account=account_id)
    work.session.flush()
    found = [
        world.item("Spring harvest"),
        world.item("nasty", title="<img src=x onerror=window.pwned=1>", content="<script>window.pwned=1</script>"),
    ]
    (due,) = world.take_feeds(work)
    posts.record(work, [posts.Polled(due, world.page(*found, info=FeedInfo(title="Daily Tea")))], world.POLICY)


def spent(work: Work, account_id: int) -> None:
    world.add_feed(work, 2, source="x", key="44196397", name="NASA", title="NASA")
    (destination,) = world.add_destinations(work, 1, first=2, account=account_id)
    world.subscribe(work, 2, [destination], account=account_id)
    month = f"{work.now:%Y-%m}"
    usage.add(work.session, [{"feed_id": 2, "month": month, "via": "", "reads": 1234}])
    usage.spend(work.session, "x", month, 1234)


async def test_a_key_is_made_tried_replaced_and_deleted(walker: Walker) -> None:
    account_id = await walker.signs_in()
    await walker.gateway.database.write(articles, account_id)
    page = walker.page
    await walker.goes_to("/keys")
    await walker.reads("No keys yet")
    await walker.takes_a_picture("keys-empty")
    await walker.fills("Name", "Newsletter server")
    await walker.presses("Create key")
    await walker.reads("“Newsletter server” is ready")
    await walker.takes_a_picture("keys-made")
    key = await page.locator(".whole-key code").inner_text()
    assert len(key) == 36
    await page.get_by_role("button", name="Copy: Key").click()
    await walker.reads("Copied")
    await walker.presses("I have stored it")
    await walker.reads("1 valid key")
    assert key not in await page.content()

    await page.get_by_role("list").get_by_role("link", name="Test API").click()
    await walker.fills("Key", key)
    assert f"{key[:12]}••••••••" in await page.locator("#trial-curl").inner_text()
    assert await page.locator("#trial-copy").get_attribute("data-copies") == (
        f'curl "{walker.gateway.settings.public_base_url}/api/v1/wechat/messages?page=1&pageSize=20"'
        ' -H "Authorization: Bearer $KEY"'
    )
    await walker.presses("Send request")
    await walker.reads("200 OK")
    await walker.reads("Post Spring harvest")
    assert await page.locator("#trial-headers").get_by_text("x-ratelimit-remaining").count() == 1
    assert await page.evaluate("window.pwned") is None
    assert key not in await page.content()
    await walker.takes_a_picture("keys-tested")
    for path, told in (("/user/profile", "ann@example.org"), ("/notifications", '"notifications": []')):
        await page.get_by_label("Call").select_option(path)
        await walker.presses("Send request")
        await page.locator("#trial-body").get_by_text(told).wait_for()
    await walker.reads("There is nothing in this list yet")
    walker.is_content()
    await walker.fills("Key", "bws_prod_mistyped")
    await walker.presses("Send request")
    await walker.reads("This key is not known here")
    assert ["401" in one for one in walker.errors] == [True]  # what the browser says of such an answer
    walker.errors.clear()
    await page.go_back()
    await page.go_forward()
    assert await page.get_by_label("Key", exact=True).input_value() == ""

    await walker.goes_to("/keys")
    await page.get_by_label(f"Replace: Newsletter server {key[:12]}").click()
    await walker.takes_a_picture("keys-replace")
    await page.get_by_label("This key works for another").select_option("7 days")
    await walker.presses("Make the new key")
    await walker.reads(f"{key[:12]}…, works until")
    new = await page.locator(".whole-key code").inner_text()
    assert new != key
    await walker.takes_a_picture("keys-replaced")
    await page.get_by_text("Delete the old key").click()
    await walker.presses("Delete for good")
    await walker.reads("refused from now on")
    await walker.reads("1 valid key")
    await page.get_by_label(f"Delete: Newsletter server {new[:12]}").click()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await walker.reads("No keys yet")
    walker.is_content()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize(
    ("language", "keys_title", "plan_title"),
    [("en", "API keys", "Plan and quota"), ("zh-CN", "API 密钥", "套餐与额度")],
)
async def test_the_pages_of_keys_and_plan(
    browser: Browser, gateway: app.Gateway, language: str, keys_title: str, plan_title: str, theme: str, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:  # type: ignore[arg-type]
        account_id = await ann.signs_in(operator=True, plan="business")
        for name in ("Newsletter server", "A backup that reads everything at night", "CI"):
            await gateway.database.write(keys.create, None, account_id=account_id, name=name)
        await gateway.database.write(spent, account_id)
        await gateway.database.write(ages)
        look = f"{language}-{theme}-{width}"
        await ann.goes_to("/keys")
        await ann.page.get_by_role("heading", name=keys_title, level=1).wait_for()
        await ann.takes_a_picture(f"keys-{look}")
        await ann.page.locator("summary").first.click()
        await ann.takes_a_picture(f"keys-replace-{look}")
        await ann.goes_to("/keys/test")
        await ann.takes_a_picture(f"keys-test-{look}")
        await ann.goes_to("/plan")
        await ann.page.get_by_role("heading", name=plan_title, level=1).wait_for()
        await ann.takes_a_picture(f"plan-{look}")
        await ann.goes_to("/plan/feeds")
        await ann.takes_a_picture(f"plan-feeds-{look}")
        ann.is_content()


def ages(work: Work) -> None:
    """One of the keys is about to expire, one was used."""
    table = ApiKey.__table__
    first, second, _ = [row.id for row in work.session.execute(table.select().order_by(table.c.id))]
    work.session.execute(table.update().where(table.c.id == first).values(last_used_at=work.now - world.HOUR))
    work.session.execute(table.update().where(table.c.id == second).values(expires_at=work.now + 12 * world.DAY))
