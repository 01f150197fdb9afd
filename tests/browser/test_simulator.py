"""The simulator, walked by a real browser: from the printed link to a post with its receipts."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect
from sqlalchemy import select

from adapters.base import Button, Message
from bot import app
from bot.clock import utc_now
from storage.simulator_models import SimulatedPerson
from tests.browser.walker import LOOKS, PATIENCE, Walker

PASSWORD = "four quiet herons by the pond"


def chat(walker: Walker, platform: str) -> Locator:
    return walker.page.locator(f"#chat-{platform}")


async def shows(walker: Walker, platform: str, text: str) -> None:
    await chat(walker, platform).get_by_text(text).locator("visible=true").last.wait_for(timeout=PATIENCE)


async def writes(walker: Walker, label: str, text: str) -> None:
    field = walker.page.get_by_label(label, exact=True)
    await field.fill(text)
    await field.press("Enter")
    await expect(field).to_have_value("")
    await expect(field).to_be_focused()


async def offers_a_choice(walker: Walker) -> None:
    """More than WhatsApp has buttons for."""
    found = await walker.gateway.database.read(
        lambda work: work.session.execute(select(SimulatedPerson.__table__)).one()
    )
    now = utc_now()
    buttons = tuple(Button(f"Choice number {n}", f"help {n}") for n in range(5))
    way = walker.gateway.channels["simulator/whatsapp"]
    await way.send(
        Message(
            id="msg_1", address=found.number, event="reply", created_at=now, sent_at=now, text="Which?", buttons=buttons
        )
    )


async def test_from_the_printed_link_to_a_post(walker: Walker) -> None:
    page = walker.page
    await page.goto(await walker.first_link())
    await walker.fills("E-mail address", "ann@example.org")
    await walker.fills("New password", PASSWORD)
    await walker.presses("Go on")
    await page.get_by_role("heading", name="Simulator", exact=True).wait_for()
    await walker.takes_a_picture("simulator-empty")

    await writes(walker, "Message on Feishu", "help")
    await shows(walker, "feishu", "unsubscribe")
    await page.locator("#say-whatsapp").get_by_role("button", name="help", exact=True).click()
    await shows(walker, "whatsapp", "unsubscribe")
    await shows(walker, "whatsapp", "The window is open for 24 more hours.")

    await walker.presses("Follow it in both chats")
    await walker.reads("Followed in both chats")
    await walker.presses("Publish a post")
    await walker.reads("Published: Sample post of")
    for platform in ("feishu", "whatsapp"):
        await shows(walker, platform, "This post was published on the simulator's page")
    await expect(chat(walker, "whatsapp").locator(".receipt").last).to_contain_text("read")
    await expect(chat(walker, "feishu").locator(".receipt").last).to_contain_text("read")

    request = chat(walker, "whatsapp").get_by_text("Request").last
    await request.click()
    await shows(walker, "whatsapp", '"messaging_product": "whatsapp"')
    await walker.takes_a_picture("simulator")
    await offers_a_choice(walker)
    await chat(walker, "whatsapp").locator(".choices summary").click()
    await chat(walker, "whatsapp").get_by_role("button", name="Choice number 4").click()
    await chat(walker, "whatsapp").locator(".own").get_by_text("Choice number 4").locator("visible=true").wait_for()

    await walker.presses("Let a day pass")
    await walker.reads("A day has passed on WhatsApp")
    await walker.presses("A very long one")
    await shows(walker, "whatsapp", "1 message waits.")
    await shows(walker, "whatsapp", "The platform refused a message (132001)")
    await walker.takes_a_picture("simulator-closed")
    await writes(walker, "Message on WhatsApp", "here I am")
    await shows(walker, "whatsapp", "The window is open for 24 more hours.")
    await expect(chat(walker, "whatsapp").locator(".theirs .text").last).to_contain_text("published on the simulator")
    walker.is_content()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize(
    ("language", "follow", "publish", "says"),
    [
        ("en", "Follow it in both chats", "Publish a post", "published on the simulator's page"),
        ("zh-CN", "在两个会话里订阅", "发布一条", "这条内容发布于模拟器页面"),
    ],
)
async def test_the_page_in_two_languages(
    browser: Browser, gateway: app.Gateway, language: str, follow: str, publish: str, says: str, theme: Any, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:
        await ann.signs_in()
        await ann.goes_to("/simulator")
        await ann.presses(follow)
        await ann.presses(publish)
        for platform in ("feishu", "whatsapp"):
            await shows(ann, platform, says)
        await asyncio.sleep(2.5)  # receipts, one after the other
        await ann.takes_a_picture(f"simulator-{language}-{theme}-{width}")
        ann.is_content()
