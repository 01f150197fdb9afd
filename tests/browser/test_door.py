"""First run, signing in and the account's own page, by a real browser."""

import pytest
from playwright.async_api import Browser

from bot import app
from tests.browser.walker import LOOKS, Walker

PASSWORD = "four quiet herons by the pond"


async def test_from_the_printed_link_to_signing_in_again(walker: Walker) -> None:
    await walker.page.goto(await walker.first_link())
    await walker.takes_a_picture("first-run")
    await walker.fills("E-mail address", "ann@example.org")
    await walker.fills("New password", PASSWORD)
    await walker.presses("Go on")
    await walker.page.wait_for_url("**/console/**")
    await walker.goes_to("/account")
    await walker.reads("Where you are signed in")
    await walker.presses("Sign out")
    await walker.reads("You are signed out.")
    await walker.fills("E-mail address", "ann@example.org")
    await walker.fills("Password", PASSWORD)
    await walker.presses("Sign in")
    await walker.page.get_by_role("heading", name="Overview").wait_for()
    walker.is_content()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize(("language", "title"), [("en", "Your account"), ("zh-CN", "你的账号")])
async def test_the_account_page(
    browser: Browser, gateway: app.Gateway, language: str, title: str, theme: str, width: int
) -> None:
    async with Walker.sits_down(browser, gateway, language=language, theme=theme, width=width) as ann:  # type: ignore[arg-type]
        await ann.goes_to("/sign-in")
        await ann.takes_a_picture(f"sign-in-{language}-{theme}-{width}")
        await ann.signs_in()
        await ann.goes_to("/account")
        await ann.reads(title)
        await ann.takes_a_picture(f"account-{language}-{theme}-{width}")
        ann.is_content()
