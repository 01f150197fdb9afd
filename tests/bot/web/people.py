"""People who use the console by HTTP, as a browser does: a cookie, and where a request comes from."""

import re
from dataclasses import dataclass
from html import unescape
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from bot.rules import tokens
from bot.usecases import accounts
from bot.usecases.console import invitations, signing_in
from storage.database import Work
from tests.bot.web.gateway import Served

PASSWORD = "four quiet herons by the pond"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as it came."""

    status: int
    text: str
    headers: Any
    url: str

    @property
    def words(self) -> str:
        """What can be read on it."""
        bare = re.sub(r"<(script|style|title)\b.*?</\1>|<[^>]*>", " ", self.text, flags=re.DOTALL)
        return " ".join(unescape(bare).split())


class Person:
    """Somebody with a browser.  ``async with``: closes it."""

    def __init__(self, url: str, account_id: int = 0, *, address: str = "", language: str = "en") -> None:
        self.url, self.account_id = url, account_id
        headers = {"Sec-Fetch-Site": "same-origin", "Accept-Language": language, "Accept": "text/html"}
        if address:
            headers["X-Forwarded-For"] = address
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._session.close()

    async def get(self, path: str, **more: Any) -> Shown:
        """``path``: below /console."""
        return await self._ask("GET", path, **more)

    async def post(self, path: str, form: dict[str, Any] | None = None, **more: Any) -> Shown:
        return await self._ask("POST", path, data=form or {}, **more)

    async def _ask(self, method: str, path: str, **more: Any) -> Shown:
        url = URL(f"{self.url}/console{path}", encoded=True)
        async with self._session.request(method, url, **more) as response:
            text = await response.text(errors="replace")
            return Shown(response.status, text, response.headers, str(response.url))

    def come_with(self, token: str) -> None:
        """Signed in already."""
        self._session.cookie_jar.update_cookies({"postbell_sid_plain": token}, URL(self.url))

    @property
    def cookies(self) -> dict[str, Any]:
        return {cookie.key: cookie for cookie in self._session.cookie_jar}


async def signed_in(
    served: Served, *, operator: bool = False, account_id: int | None = None, language: str = "en", plan: str = ""
) -> Person:
    """Somebody with an account, a new one when none is named; to be closed."""
    if account_id is None:
        served.count += 1
        email, plan = f"{served.count}@people.example.org", plan or "unlimited"
        account_id = (await served.database.write(accounts.add, email, plan=plan, operator=operator)).id
    token = tokens.new()
    browser = signing_in.Browser("192.0.2.1", "a test")
    await served.database.write(signing_in.begin, account_id, token, browser, "sign in")
    person = Person(served.url, account_id, address=f"2001:db8:{account_id:x}::1", language=language)
    person.come_with(token)
    return person


def first_link(work: Work) -> str:
    """The token of a link that makes the first operator; empty: there is one."""
    token = tokens.new()
    return token if invitations.first(work, token) else ""
