"""The console's rules of the reliability page, section 12, as far as no page is needed to see them kept."""

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web
from argon2 import extract_parameters
from argon2.low_level import Type

from bot.errors import Invalid
from bot.rules import passwords, tokens
from bot.usecases import accounts
from bot.usecases.console import signing_in
from bot.web.console import dressing
from bot.web.console.guard import SESSION_SECONDS, Guard
from bot.web.console.welcome import HASHING, Welcome
from storage.console_models import ConsoleSession
from storage.database import Database
from tests import world
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import PASSWORD, Person, first_link, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Sessions


async def test_a_session_is_256_bits_of_which_the_database_has_a_digest(served: Served) -> None:
    made = {tokens.new() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 43 for one in made)  # 256 bits, six to a character
    async with await signed_in(served) as ann:
        token = ann.cookies["postbell_sid_plain"].value
        (row,) = await served.database.read(world.rows, ConsoleSession, account_id=ann.account_id)
    assert row.digest == tokens.digest(token)
    assert len(row.digest) == 32
    assert token not in repr(row)


@pytest.mark.asyncio(loop_scope="function")
async def test_signing_in_makes_a_new_session_and_takes_none_that_was_brought(
    database: Database, clock: MovableClock
) -> None:
    async with serving(database, clock) as served, Person(served.url) as ann:
        token = await database.write(first_link)
        planted = tokens.new()
        ann.come_with(planted)
        await ann.post(f"/invitations/{token}", {"email": "ann@example.org", "password": PASSWORD})
        first = ann.cookies["postbell_sid_plain"].value
        await ann.post("/sign-in", {"email": "ann@example.org", "password": PASSWORD})
        second = ann.cookies["postbell_sid_plain"].value
        assert len({planted, first, second}) == 3
        assert await database.read(signing_in.visitor, planted) is None
        await ann.post("/sign-out")
        assert await database.read(signing_in.visitor, second) is None  # it ended here, too


async def test_the_cookie_holds_no_longer_than_a_session_can(served: Served) -> None:
    response = web.Response()
    Guard("https://bell.example.org").keep(response, "token")
    assert int(response.cookies["__Host-sid"]["max-age"]) == SESSION_SECONDS == signing_in.LONGEST.total_seconds()
    assert (signing_in.IDLE.total_seconds(), SESSION_SECONDS) == (2 * 3600, 24 * 3600)
    async with await signed_in(served) as ann:
        out = await ann.post("/sign-out", allow_redirects=False)
        assert "Max-Age=0" in out.headers["Set-Cookie"]


async def test_there_is_no_default_account(served: Served) -> None:
    async with Person(served.url) as anybody:
        for email in ("admin", "admin@example.org", "root", "operator"):
            shown = await anybody.post("/sign-in", {"email": email, "password": email})
            assert shown.status == 422


# Transport


async def test_hsts_over_tls_only() -> None:
    for base, told in (("https://bell.example.org", True), ("http://127.0.0.1:8080", False)):
        response = web.Response()
        Guard(base).protect(response, kept=False)
        assert ("Strict-Transport-Security" in response.headers) is told
        if told:
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.asyncio(loop_scope="function")
async def test_over_tls_the_cookie_is_bound_to_it_and_plain_pages_say_what_they_are(
    database: Database, clock: MovableClock
) -> None:
    base = "https://bell.example.org"
    async with serving(database, clock, worker_public_base_url=base) as served, Person(served.url) as ann:
        token = await database.write(first_link)
        form = {"email": "ann@example.org", "password": PASSWORD}
        made = await ann.post(f"/invitations/{token}", form, allow_redirects=False)
        cookie = made.headers["Set-Cookie"]
        assert cookie.startswith("__Host-sid=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        page = await ann.get("/sign-in")
        assert "travels without encryption" not in page.words
        assert "Strict-Transport-Security" in page.headers
        account_id = (await database.read(accounts.get, "ann@example.org")).id
        session = tokens.new()
        await database.write(signing_in.begin, account_id, session, signing_in.Browser("", ""), "sign in")
        ann.come_with(session)  # under the name that is for plain HTTP
        assert "Sign in" in (await ann.get("/account")).words


async def test_without_tls_pages_say_so(served: Served) -> None:
    async with Person(served.url) as nobody:
        assert "travels without encryption" in (await nobody.get("/sign-in")).words


# Passwords


async def test_passwords_are_hashed_as_owasp_says() -> None:
    asked = extract_parameters(passwords.hashed(PASSWORD))
    assert (asked.type, asked.memory_cost, asked.time_cost, asked.parallelism) == (Type.ID, 19 * 1024, 2, 1)
    assert (passwords.SHORTEST, passwords.LONGEST) == (8, 128)
    assert passwords.hashed(PASSWORD) != passwords.hashed(PASSWORD)


async def test_two_passwords_are_hashed_at_once_and_none_on_the_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, loop = 0, 0, threading.get_ident()
    lock = threading.Lock()
    go = threading.Event()

    def fits(_hash: str, _password: str) -> bool:
        nonlocal running, most
        assert threading.get_ident() != loop
        with lock:
            running += 1
            most = max(most, running)
        go.wait(0.05)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(passwords, "fits", fits)
    ways: dict[str, Any] = {"signup": False, "default": ("unlimited", None), "known": {}, "after_first": "/"}
    welcome = Welcome(served.database, **ways, tick=lambda: 0.0)
    await asyncio.gather(*(welcome.fits(0, "something") for _ in range(6)))
    assert most == HASHING == 2


async def test_an_unknown_address_costs_the_same_hash(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = passwords._HASHER

    class Counting:
        def verify(self, hash_: str, password: str) -> bool:
            asked.append(hash_)
            return real.verify(hash_, password)

    passwords._nobodys()
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    async with Person(served.url) as anybody:
        for password in ("something", "x" * 500):
            await anybody.post("/sign-in", {"email": "nobody-here@example.org", "password": password})
    assert [extract_parameters(one).memory_cost for one in asked] == 2 * [19 * 1024]


async def test_common_passwords_are_refused() -> None:
    for password in ("12345678", "password", "iloveyou", "qwerty123", "postbell"):
        with pytest.raises(Invalid):
            passwords.check(password, "ann@postbell.example.org")
    passwords.check(PASSWORD, "ann@example.org")


# Links


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("HTTPS://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,hello", False),
        ("//example.org", False),
        ("https:example.org", False),
        ("https://[::1/", False),
        ("/console/", False),
        ("mailto:ann@example.org", False),
        ("", False),
    ],
)
async def test_links_lead_to_the_web_only(url: str, shown: Any) -> None:
    assert dressing.link(url) == (url if shown else "")
