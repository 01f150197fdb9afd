"""The console's door: first run, signing in, sessions, passwords; and what keeps a session its owner's."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.usecases import accounts
from bot.web.console.guard import Guard
from bot.web.console.welcome import SLOWEST, Failures
from storage.database import Database
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import PASSWORD, Person, first_link, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> AsyncIterator[Person]:
    """With an account and a password."""
    async with await newcomer(served, f"ann{served.count}@example.org") as person:
        yield person


async def newcomer(served: Served, email: str) -> Person:
    """Somebody who has just used the first run's link; the operators before them have left."""
    await served.database.write(no_operators)
    token = await served.database.write(first_link)
    served.count += 1
    person = Person(served.url, address=f"2001:db8:ffff:{served.count:x}::1")
    shown = await person.post(f"/invitations/{token}", {"email": email, "password": PASSWORD})
    assert shown.url == f"{served.url}/console/simulator", shown.words
    return person


def no_operators(work: Any) -> None:
    for one in accounts.list_all(work, 1000):
        one.operator = False
        work.session.add(one)


async def test_the_first_link_makes_an_operator_and_works_once(served: Served) -> None:
    await served.database.write(no_operators)
    token = await served.database.write(first_link)
    async with Person(served.url) as ann, Person(served.url) as late:
        offered = await ann.get(f"/invitations/{token}")
        assert "Welcome to Postbell" in offered.words
        shown = await ann.post(f"/invitations/{token}", {"email": "First@Example.org", "password": PASSWORD})
        assert (shown.status, shown.url) == (200, f"{served.url}/console/simulator")
        assert "first@example.org" in shown.words
        again = await late.post(f"/invitations/{token}", {"email": "late@example.org", "password": PASSWORD})
        assert again.status == 404
        assert "has been used" in again.words
    assert (await served.database.read(accounts.get, "first@example.org")).operator
    assert await served.database.write(first_link) == ""


async def test_a_start_takes_back_the_link_of_the_start_before(served: Served) -> None:
    await served.database.write(no_operators)
    before, after = [await served.database.write(first_link) for _ in range(2)]
    async with Person(served.url) as ann:
        assert (await ann.get(f"/invitations/{before}")).status == 404
        assert (await ann.get(f"/invitations/{after}")).status == 200
        served.clock.advance(hours=25)
        assert (await ann.get(f"/invitations/{after}")).status == 404


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 8"),
        ("x" * 129, "at most 128"),
        ("password1", "among the first"),
        ("qwertyuiop", "among the first"),
        ("weak@example.org", "among the first"),
    ],
)
async def test_weak_passwords_are_refused(served: Served, password: str, says: str) -> None:
    await served.database.write(no_operators)
    token = await served.database.write(first_link)
    async with Person(served.url) as ann:
        shown = await ann.post(f"/invitations/{token}", {"email": "weak@example.org", "password": password})
        assert shown.status == 422
        assert says in shown.words
        assert (await ann.get(f"/invitations/{token}")).status == 200  # it was not used up


async def test_signing_in_and_out(served: Served, ann: Person) -> None:
    email = (await ann.get("/account")).words.split("@example.org")[0].split()[-1] + "@example.org"
    out = await ann.post("/sign-out")
    assert "You are signed out." in out.words
    assert "postbell_sid_plain" not in ann.cookies
    away = await ann.get("/account")
    assert away.url.endswith("/console/sign-in?to=/console/account")
    wrong = await ann.post("/sign-in", {"email": email, "password": "something else"})
    assert (wrong.status, "do not belong together" in wrong.words) == (422, True)
    form = {"email": email.upper(), "password": PASSWORD, "to": "/console/account"}
    assert (await ann.post("/sign-in", form)).url.endswith("/console/account")


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/console/\\evil", "/admin", "/console//x"])
async def test_signing_in_leads_nowhere_else(served: Served, ann: Person, to: str) -> None:
    email = (await ann.get("/account")).words.split("@example.org")[0].split()[-1] + "@example.org"
    await ann.post("/sign-out")
    shown = await ann.post("/sign-in", {"email": email, "password": PASSWORD, "to": to})
    assert shown.url == f"{served.url}/console/"


async def test_an_unknown_address_is_answered_as_a_wrong_password(served: Served, ann: Person) -> None:
    await ann.post("/sign-out")
    form = {"email": "nobody@example.org", "password": PASSWORD}
    shown = await ann.post("/sign-in", form)
    assert (shown.status, "do not belong together" in shown.words) == (422, True)


async def test_sessions_end_when_idle_and_after_a_day(served: Served) -> None:
    async with await signed_in(served) as ann, await signed_in(served) as busy:
        served.clock.advance(hours=1, minutes=59)
        for person in (ann, busy):
            assert "Sign out" in (await person.get("/account")).words
        for _ in range(11):
            served.clock.advance(hours=1, minutes=55)
            assert "Sign out" in (await busy.get("/account")).words
        assert "Sign in" in (await ann.get("/account")).words
        served.clock.advance(hours=1)
        assert "Sign in" in (await busy.get("/account")).words


async def test_changing_the_password_ends_the_other_sessions(served: Served, ann: Person) -> None:
    account_id = int((await served.database.read(accounts.list_all, 1000))[-1].id)
    async with await signed_in(served, account_id=account_id) as elsewhere:
        assert "Your account" in (await elsewhere.get("/account")).words
        wrong = await ann.post("/account/password", {"present": "not it", "password": PASSWORD + "!"})
        assert "not the present password" in wrong.words
        done = await ann.post("/account/password", {"present": PASSWORD, "password": PASSWORD + "!"})
        assert "all other sessions have ended" in done.words
        assert "Sign in" in (await elsewhere.get("/account")).words


async def test_one_ends_a_session_of_their_own_and_nobody_elses(served: Served) -> None:
    async with (
        await signed_in(served) as ann,
        await signed_in(served) as bob,
        await signed_in(served, account_id=ann.account_id) as phone,
    ):
        page = (await ann.get("/account")).text
        (session,) = {part.split("/")[0] for part in page.split("/console/account/sessions/")[1:]}
        assert (await bob.post(f"/account/sessions/{session}/end")).status == 404
        assert "Your account" in (await phone.get("/account")).words
        assert "has ended" in (await ann.post(f"/account/sessions/{session}/end")).words
        assert "Sign in" in (await phone.get("/account")).words


async def test_deleting_an_account_takes_the_password_and_signs_out(served: Served, ann: Person) -> None:
    refused = await ann.post("/account/delete", {"present": "not it"})
    assert "not the present password" in refused.words
    gone = await ann.post("/account/delete", {"present": PASSWORD})
    assert "The account is deleted." in gone.words
    assert "Sign in" in (await ann.get("/account")).words


async def test_a_disabled_account_is_signed_out(served: Served) -> None:
    async with await signed_in(served) as ann:
        await served.admin("POST", f"/accounts/{ann.account_id}/disable", {"reason": "rent"})
        assert "Sign in" in (await ann.get("/account")).words


async def test_sign_up_is_closed_unless_it_is_open(served: Served) -> None:
    async with Person(served.url) as ann:
        assert (await ann.post("/sign-up", {"email": "new@example.org", "password": PASSWORD})).status == 404


@pytest.mark.asyncio(loop_scope="function")
async def test_sign_up_where_it_is_open(database: Database, clock: MovableClock) -> None:
    async with serving(database, clock, signup="open") as served, Person(served.url) as ann:
        form = {"email": "new@example.org", "password": PASSWORD}
        assert "new@example.org" in (await ann.post("/sign-up", form)).words
        async with Person(served.url) as bob:
            taken = await bob.post("/sign-up", form)
            assert (taken.status, "there is an account" in taken.words) == (422, True)


# What keeps a session its owner's


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": ""},
    ],
)
async def test_nothing_changes_by_a_request_from_elsewhere(served: Served, headers: dict[str, str]) -> None:
    async with await signed_in(served) as ann:
        assert (await ann.post("/sign-out", headers=headers)).status == 403
        assert "Your account" in (await ann.get("/account")).words


async def test_an_old_browser_is_known_by_its_origin(served: Served) -> None:
    async with await signed_in(served) as ann:
        shown = await ann.post("/sign-out", headers={"Sec-Fetch-Site": "", "Origin": served.url})
        assert "You are signed out." in shown.words


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/nothing/here", "/static/console.css", "/"])
async def test_every_answer_carries_the_policy(served: Served, path: str) -> None:
    async with await signed_in(served) as ann:
        headers = (await ann.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("public, max-age=3600" if path.startswith("/static") else "no-store")


async def test_a_key_is_no_session_and_a_session_no_key(served: Served) -> None:
    caller = await served.caller()
    async with await signed_in(served) as ann:
        shown = await ann.get("/account", headers={"x-api-key": caller.key})
        assert "Your account" in shown.words
        token = ann.cookies["postbell_sid_plain"].value
    asked = await served.ask("GET", "/api/v1/account", headers={"Cookie": f"postbell_sid_plain={token}"})
    assert asked.status == 401
    asked = await served.ask("GET", "/console/account", headers={"x-api-key": caller.key}, allow_redirects=False)
    assert asked.status == 303


@pytest.mark.parametrize("base", ["https://bell.example.org", "http://127.0.0.1:8080"])
async def test_the_cookie(base: str) -> None:
    response = web.Response()
    Guard(base).keep(response, "token")
    (cookie,) = response.cookies.values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    secure = base.startswith("https")
    assert cookie.key == ("__Host-sid" if secure else "postbell_sid_plain")
    assert bool(cookie["secure"]) is secure
    assert not cookie["domain"]


async def test_failures_slow_down_and_lock_nobody_out() -> None:
    now = 0.0
    failures = Failures(lambda: now)
    for _ in range(5):
        assert failures.delay("ann", "one") == 0
        failures.note("ann", "one")
    assert failures.delay("ann", "another") == 0.5
    assert failures.delay("bob", "one") == 0
    for _ in range(100):
        failures.note("ann", "one")
    assert failures.delay("ann", "another") == failures.delay("bob", "one") == SLOWEST
    now += timedelta(minutes=16).total_seconds()
    assert failures.delay("ann", "one") == 0


@pytest.mark.parametrize("language", ["en", "zh-CN", "zh-TW", "ko", "es"])
async def test_pages_speak_the_browsers_language_and_the_chosen_one(served: Served, language: str) -> None:
    words = {"en": "Sign in", "zh-CN": "登录", "zh-TW": "登入", "ko": "로그인", "es": "Iniciar sesión"}
    async with Person(served.url, language=f"xx,{language};q=0.9") as ann:
        assert words[language] in (await ann.get("/sign-in")).words
        other = "es" if language == "en" else "en"
        chosen = await ann.post("/looks", {"language": other, "theme": "dark", "to": "/console/sign-in"})
        assert words[other] in chosen.words
        assert 'data-theme="dark"' in chosen.text
