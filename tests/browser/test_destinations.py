"""Destinations by a real browser, between stand-ins of WhatsApp and Feishu and a receiver of webhooks."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bot import app, logs
from bot.settings import load
from tests.browser.walker import LOOKS, Walker, settings_for
from tests.conversations.town import TEMPLATES, environment, until
from tests.fakes.feishu import FakeFeishu
from tests.fakes.receiver import Receiver
from tests.fakes.whatsapp import FakeWhatsApp

NUMBER, OTHER = "+34600100200", "+34600100201"


@pytest_asyncio.fixture(loop_scope="session")
async def feishu() -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu() as feishu:
        yield feishu


@pytest_asyncio.fixture(loop_scope="session")
async def whatsapp() -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp() as whatsapp:
        whatsapp.add(*TEMPLATES)
        yield whatsapp


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(
    tmp_path: Path,
    feishu: FakeFeishu,
    whatsapp: FakeWhatsApp,
    more_settings: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[app.Gateway]:
    """Connected to both platforms."""
    monkeypatch.chdir(tmp_path)
    for variable, value in environment(feishu, whatsapp).items():
        monkeypatch.setenv(variable, value)
    logs.configure("error", "json")
    async with app.run(load(**settings_for(tmp_path), **more_settings)) as running:
        address = f"http://127.0.0.1:{running.port}/webhooks"
        await whatsapp.connect(f"{address}/whatsapp")
        feishu.callback_url = f"{address}/feishu"
        assert await feishu.verify_url()
        yield running


async def test_both_directions_of_whatsapp(walker: Walker, whatsapp: FakeWhatsApp) -> None:
    for phone in (NUMBER, OTHER):
        whatsapp.person(phone)
    await walker.signs_in()
    await walker.goes_to("/destinations")
    await walker.reads("No destinations yet")
    await walker.takes_a_picture("destinations-empty")
    await walker.presses("Add a destination")
    await walker.presses("Choose: WhatsApp")
    await walker.fills("WhatsApp number", "12")
    await walker.presses("Send the code")
    await walker.reads("This is no phone number")
    await walker.fills("WhatsApp number", "+34 600 100 200")
    await walker.page.get_by_label("Name (optional)").first.fill("Mum")
    await walker.presses("Send the code")
    await walker.reads("Type the six-digit code")
    await walker.takes_a_picture("destinations-verify")
    code = await _code(whatsapp, NUMBER)
    await walker.fills("Code", "000001" if code != "000001" else "000002")
    await walker.presses("Verify")
    await walker.reads("This is not the code.")
    await walker.fills("Code", code)
    await walker.presses("Verify")
    await walker.reads("Verified: posts can be sent there now.")

    await walker.goes_to("/destinations/new?channel=whatsapp")
    await walker.presses("Show the QR code")
    await walker.reads("Waiting for the code to arrive.")
    await walker.takes_a_picture("destinations-qr")
    link = await walker.page.get_by_role("link", name="Open WhatsApp").get_attribute("href")
    assert link
    text = re.fullmatch(r"https://wa\.me/15550100\?text=link%20([0-9A-Z-]{9})", link)
    assert text
    await whatsapp.say(OTHER, f"link {text[1]}")
    await walker.reads("Verified: posts can be sent there now.")  # by itself
    await walker.presses("Go on")
    await walker.reads(OTHER)
    await walker.page.get_by_label("Name").fill("My own phone")
    await walker.presses("Rename")
    await walker.reads("It has its new name.")
    await walker.goes_to("/destinations")
    await walker.reads("My own phone")
    await walker.reads("Mum")
    walker.errors = [error for error in walker.errors if "422" not in error]  # of the two wrong entries
    walker.is_content()


async def _code(whatsapp: FakeWhatsApp, number: str) -> str:
    """That arrived on the phone."""
    await until(lambda: any(one.template == "code" for one in whatsapp.screen(number)), "a code arrives")
    return str([one for one in whatsapp.screen(number) if one.template == "code"][-1].parameters[0])


async def test_a_number_is_verified_while_its_page_is_looked_at(walker: Walker, whatsapp: FakeWhatsApp) -> None:
    whatsapp.person(NUMBER)
    await walker.signs_in()
    await walker.goes_to("/destinations/new?channel=whatsapp")
    await walker.fills("WhatsApp number", NUMBER)
    await walker.presses("Send the code")
    await walker.presses("Write to us from there instead")
    digits = (await walker.page.locator(".code-text code").inner_text()).strip()
    await whatsapp.say(NUMBER, digits)
    await walker.reads("Verified: posts can be sent there now.")
    walker.is_content()


async def test_feishus_custom_bot_and_its_apps_bot(walker: Walker, feishu: FakeFeishu) -> None:
    address, bot = feishu.custom_bot(secret="sign-with-this")
    ann = feishu.person("Ann")
    group = feishu.group("Harbour friends", ann)
    await walker.signs_in()
    await walker.goes_to("/destinations/new?channel=feishu")
    await walker.takes_a_picture("destinations-feishu")
    await walker.fills("Webhook address of the bot", address)
    await walker.fills("Signature secret (if switched on)", "wrong")
    await walker.presses("Add and send a test")
    await walker.reads("Signature verification is on, and the secret is missing or wrong")
    await walker.takes_a_picture("destinations-hook-fails")
    await walker.presses("Remove this destination")
    await walker.reads("The destination is removed")
    await walker.goes_to("/destinations/new?channel=feishu")
    await walker.fills("Webhook address of the bot", address)
    await walker.fills("Signature secret (if switched on)", "sign-with-this")
    await walker.presses("Add and send a test")
    await walker.page.locator(".badge", has_text="Sent").wait_for()
    assert len(bot.messages) == 1
    assert "hook-1" not in await walker.page.content()

    await walker.goes_to("/destinations/new?channel=feishu")
    await walker.presses("Show a code for a group")
    await walker.takes_a_picture("destinations-group")
    code = (await walker.page.locator(".code-text code").inner_text()).strip()
    await feishu.add_bot(group, ann)
    await feishu.say(group, ann, code, mention=True)
    await walker.reads("Verified: posts can be sent there now.")
    await walker.presses("Go on")
    await walker.presses("Send a test")
    await walker.page.locator(".badge", has_text="Sent").wait_for()
    walker.is_content()


async def test_a_webhook_from_its_secret_to_its_last_attempts(walker: Walker) -> None:
    async with Receiver() as receiver:
        await walker.signs_in()
        await walker.goes_to("/destinations/new?channel=webhook")
        await walker.fills("Address (URL)", receiver.behave("/hook", statuses=[404]))
        await walker.presses("Add it")
        secret = await walker.page.locator(".copy code").first.inner_text()
        await walker.takes_a_picture("destinations-secret")
        receiver.secret = secret
        await walker.presses("I have kept it")
        assert secret not in await walker.page.content()
        await walker.presses("Send a test")
        await walker.reads("Nothing listens at this path")
        await walker.page.get_by_text("1 attempt").click()
        await walker.reads("thank you")
        await walker.takes_a_picture("destinations-webhook")
        await walker.presses("Send a test")
        await walker.page.locator(".badge", has_text="Sent").wait_for()
        assert receiver.received[-1].verified
        await walker.presses("Change the secret")
        await walker.reads("The new secret")
        await walker.presses("I have kept it")
        await walker.presses("Remove this destination")
        await walker.presses("Undo")
        await walker.reads("The destination is back")
        walker.is_content()


async def test_an_operator_sees_the_checklist_turn_green(walker: Walker, feishu: FakeFeishu) -> None:
    feishu.console.scopes.pop("im:message:send_as_bot")
    await walker.signs_in(operator=True)
    await walker.goes_to("/channels/set-up?channel=feishu")
    await walker.reads("no permission im:message:send_as_bot")
    await walker.reads("No event has come")
    await walker.takes_a_picture("channels-missing")
    ann = feishu.person("Ann")
    group = feishu.group("Harbour friends", ann)
    await feishu.add_bot(group, ann)
    await feishu.say(group, ann, "help", mention=True)
    await walker.reads("The platform calls us")
    await walker.page.get_by_text("Show it").click()
    await walker.reads(feishu.verification_token)
    walker.is_content()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize(("language", "title"), [("en", "Destinations"), ("zh-CN", "目的地")])
async def test_how_the_pages_look(
    browser: Browser,
    gateway: app.Gateway,
    whatsapp: FakeWhatsApp,
    feishu: FakeFeishu,
    language: str,
    title: str,
    theme: str,
    width: int,
) -> None:
    whatsapp.person(NUMBER)
    async with (
        Receiver() as receiver,
        Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann,  # type: ignore[arg-type]
    ):
        name = f"{language}-{theme}-{width}"
        await ann.signs_in(operator=True)
        await ann.goes_to("/destinations/new")
        await ann.takes_a_picture(f"destinations-new-{name}")
        for kind in ("whatsapp", "feishu", "webhook"):
            await ann.goes_to(f"/destinations/new?channel={kind}")
            await ann.takes_a_picture(f"destinations-add-{kind}-{name}")
        await ann.page.locator("input[name=address]").fill(
            receiver.behave("/a-path/that-is/rather-long", statuses=[503])
        )
        await ann.page.locator("input[name=name]").fill("Harbour bell")
        await ann.page.locator("main button[type=submit]").click()
        await ann.takes_a_picture(f"destinations-secret-{name}")
        await ann.page.locator("main a.button").click()
        await ann.page.locator("form[action$='/test'] button").click()
        await ann.page.locator("details.small-text").wait_for()
        await ann.takes_a_picture(f"destinations-one-{name}")
        await ann.goes_to("/destinations/new?channel=whatsapp")
        await ann.page.locator("form[action$='/link'] button").click()
        await ann.page.locator(".code-text").wait_for()
        await ann.takes_a_picture(f"destinations-code-{name}")
        await ann.goes_to("/destinations/new?channel=whatsapp")
        await ann.page.locator("input[name=address]").fill(NUMBER)
        await ann.page.locator("form[action$='/new'] button").click()
        await ann.page.locator("input[name=code]").wait_for()
        await ann.takes_a_picture(f"destinations-verify-{name}")
        await ann.goes_to("/destinations")
        await ann.page.get_by_role("heading", name=title, exact=True).wait_for()
        await ann.takes_a_picture(f"destinations-{name}")
        await ann.goes_to("/channels/set-up?channel=feishu")
        await ann.page.locator(".checks .bad").first.wait_for()
        await ann.takes_a_picture(f"channels-{name}")
        ann.is_content()
