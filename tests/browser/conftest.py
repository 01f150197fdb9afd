"""A real browser before a real gateway: pages are walked as people walk them.

Screenshots go to the folder ``build/screenshots``, one for each page, language, theme and width, to be looked at.
"""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from bot import app
from bot.settings import load
from tests.browser.walker import Walker, settings_for

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
"""Nothing asks anybody outside; containers have little shared memory, and tests run as root there."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder run in one event loop, for the browser's: starting one costs more than most tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "no Chromium: run the tests by ./dev test, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def more_settings() -> Mapping[str, Any]:
    """A test file overrides it."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(
    tmp_path: Path, sqlite_template: Path, more_settings: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[app.Gateway]:
    """All of it, in this process, on SQLite."""
    shutil.copy(sqlite_template, tmp_path / "postbell.db")
    monkeypatch.chdir(tmp_path)  # where no .env lies
    for name in [name for name in os.environ if name.startswith(("WHATSAPP_", "FEISHU_", "X_", "WECHAT_"))]:
        monkeypatch.delenv(name)
    async with app.run(load(**settings_for(tmp_path), **more_settings)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def walker(browser: Browser, gateway: app.Gateway) -> AsyncIterator[Walker]:
    """Somebody without an account, in English, by day, at a desk."""
    async with Walker.sits_down(browser, gateway) as one:
        yield one
