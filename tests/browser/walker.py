"""Somebody before a browser: goes to pages, reads, presses, fills in, and takes pictures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, Page, Request

from bot import app
from bot.rules import tokens
from bot.usecases import accounts
from bot.usecases.console import invitations, signing_in
from tests.counts import count

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
DESK, PHONE = 1280, 360  # widths in pixels
LOOKS = [("light", DESK), ("dark", PHONE), ("dark", DESK), ("light", PHONE)][: count(2, 4)]
"""Themes with widths that pictures are taken in; the first two hold each of both."""
PATIENCE = 45_000  # milliseconds, on a busy machine too


def settings_for(folder: Path) -> dict[str, Any]:
    return {
        "data_dir": folder,
        "port": 0,
        "metrics_port": 0,
        "egress_allow": "127.0.0.0/8",
        "host_gap_seconds": 0,
        "poll_seconds": 1,
        "log_level": "error",
    }


class Walker:
    """``errors``: what the browser complained of; a page that breaks its own policy is among it."""

    def __init__(self, context: BrowserContext, page: Page, gateway: app.Gateway) -> None:
        self.context, self.page, self.gateway = context, page, gateway
        self.url = f"http://127.0.0.1:{gateway.port}"
        self.errors: list[str] = []
        self.elsewhere: list[str] = []  # requests that left our origin
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)

    @classmethod
    @asynccontextmanager
    async def sits_down(
        cls,
        browser: Browser,
        gateway: app.Gateway,
        *,
        language: str = "en",
        theme: Literal["light", "dark"] = "light",
        width: int = DESK,
    ) -> AsyncIterator["Walker"]:
        context = await browser.new_context(
            locale=language,
            color_scheme=theme,
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        yield cls(context, await context.new_page(), gateway)
        await context.close()

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.elsewhere.append(request.url)

    async def signs_in(self, email: str = "ann@example.org", *, operator: bool = False, plan: str = "unlimited") -> int:
        """As a new account, without the way there; returns its id."""
        database, token = self.gateway.database, tokens.new()
        account_id = (await database.write(accounts.add, email, plan=plan, operator=operator)).id
        await database.write(signing_in.begin, account_id, token, signing_in.Browser("127.0.0.1", "a test"), "sign in")
        await self.context.add_cookies([{"name": "postbell_sid_plain", "value": token, "url": self.url}])
        return account_id

    async def first_link(self) -> str:
        """As ``serve`` prints it."""
        token = tokens.new()
        assert await self.gateway.database.write(invitations.first, token)
        return f"{self.url}/console/invitations/{token}"

    async def goes_to(self, path: str) -> None:
        """``path``: below /console."""
        await self.page.goto(f"{self.url}/console{path}")

    async def reads(self, text: str) -> None:
        """Returns when it can be seen."""
        await self.page.get_by_text(text).first.wait_for()

    async def presses(self, name: str) -> None:
        """A button or a link, by what it says."""
        button = self.page.get_by_role("button", name=name, exact=True)
        await button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    async def fills(self, label: str, text: str) -> None:
        await self.page.get_by_label(label, exact=True).fill(text)

    async def takes_a_picture(self, name: str) -> Path:
        """Of the whole page.  Nothing may be wider than the window."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        await self.page.screenshot(path=path, full_page=True)
        assert wide <= 0, f"{name}: {wide} pixels are outside the window"
        return path

    def is_content(self) -> None:
        """The browser complained of nothing, and asked nobody else."""
        assert not self.errors, self.errors
        assert not self.elsewhere, self.elsewhere
