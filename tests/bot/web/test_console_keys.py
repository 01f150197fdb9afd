"""The console's pages of API keys: shown once, replaced, ended at once, and nobody else's."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.usecases import keys
from storage.admin_models import AuditEntry
from storage.api_models import ApiKey
from tests import world
from tests.bot.web.gateway import Served
from tests.bot.web.people import Shown, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


def key_on(shown: Shown) -> str:
    (key,) = set(re.findall(r"bws_prod_[A-Za-z0-9]{27}", shown.text))
    return str(key)


async def opens(served: Served, key: str, path: str = "/api/v1/account") -> int:
    served.clock.advance(milliseconds=50)
    return (await served.ask("GET", path, headers={"x-api-key": key})).status


async def audited(served: Served, account_id: int) -> list[Any]:
    rows = await served.database.read(world.rows, AuditEntry, account_id=account_id)
    return [(row.action, row.actor, row.address) for row in rows if "key" in row.action]


async def test_a_key_is_made_shown_once_and_deleted(served: Served) -> None:
    async with await signed_in(served) as ann:
        assert "No keys yet" in (await ann.get("/keys")).words
        made = await ann.post("/keys", {"name": "Newsletter server"})
        key = key_on(made)
        assert "Store this key now" in made.words
        assert made.headers["Cache-Control"] == "no-store"
        assert await opens(served, key) == 200
        listed = await ann.get("/keys")
        assert key not in listed.text
        assert "Newsletter server" in listed.words
        assert f"{key[:12]}…" in listed.words
        assert "1 valid key" in listed.words
        gone = await ann.post(f"/keys/{key[:12]}/delete")
        assert "refused from now on" in gone.words
        assert await opens(served, key) == 401  # at once, though it was known a moment ago
        assert (await ann.post(f"/keys/{key[:12]}/delete")).status == 404
        address = f"2001:db8:{ann.account_id:x}::1"
        assert await audited(served, ann.account_id) == [
            ("create key", "console", address),
            ("delete key", "console", address),
        ]


async def test_a_key_is_replaced_and_the_old_one_works_for_a_while(served: Served) -> None:
    async with await signed_in(served) as ann:
        old = key_on(await ann.post("/keys", {"name": "Robot"}))
        shown = await ann.post(f"/keys/{old[:12]}/replace", {"grace": "hour"})
        new = key_on(shown)
        assert f"{old[:12]}…, works until" in shown.words
        assert [await opens(served, key) for key in (old, new)] == [200, 200]
        served.clock.advance(minutes=61)
        assert [await opens(served, key) for key in (old, new)] == [401, 200]
        listed = await ann.get("/keys")
        assert listed.words.count("Robot") >= 2
        assert "expired" in listed.words
        newest = key_on(await ann.post(f"/keys/{new[:12]}/replace", {"grace": "now"}))
        assert [await opens(served, key) for key in (new, newest)] == [401, 200]


async def test_a_full_plan_has_room_to_replace_and_for_nothing_else(served: Served) -> None:
    async with await signed_in(served, plan="pro") as ann:  # one key
        first = key_on(await ann.post("/keys", {"name": "Robot"}))
        assert "Your plan allows 1 key" in (await ann.get("/keys")).words
        more = await ann.post("/keys", {"name": "Another"})
        assert (more.status, "Delete one first" in more.words) == (422, True)
        second = key_on(await ann.post(f"/keys/{first[:12]}/replace", {"grace": "week"}))
        third = await ann.post(f"/keys/{second[:12]}/replace", {"grace": "now"})
        assert (third.status, "A key that was replaced still works" in third.words) == (422, True)
        await ann.post(f"/keys/{first[:12]}/delete")
        assert (await ann.post(f"/keys/{second[:12]}/replace", {"grace": "now"})).status == 200


async def test_a_key_that_expires_soon_is_pointed_out(served: Served) -> None:
    async with await signed_in(served) as ann:
        made = await served.database.write(keys.create, None, account_id=ann.account_id, name="Robot")
        assert "badge warn" not in (await ann.get("/keys")).text
        await served.database.write(expires, ann.account_id, timedelta(days=29))
        listed = await ann.get("/keys")
        assert "badge warn" in listed.text
        assert "in 4 weeks" in listed.words
        assert made.prefix in listed.words
        await served.database.write(expires, ann.account_id, -timedelta(seconds=1))
        listed = await ann.get("/keys")
        assert "expired" in listed.words
        assert "0 valid keys" in listed.words


def expires(work: Any, account_id: int, after: timedelta) -> None:
    table = ApiKey.__table__
    work.session.execute(table.update().where(table.c.account_id == account_id).values(expires_at=work.now + after))


async def test_another_accounts_keys_are_not_there(served: Served) -> None:
    async with await signed_in(served) as ann, await signed_in(served) as bob:
        key = key_on(await ann.post("/keys", {"name": "Only Ann's"}))
        assert "Only Ann's" not in (await bob.get("/keys")).words
        missing = await bob.post("/keys/bws_prod_000/delete")
        for action, form in (("delete", {}), ("replace", {"grace": "now"})):
            refused = await bob.post(f"/keys/{key[:12]}/{action}", form)
            assert (refused.status, refused.words) == (404, missing.words)
        assert await opens(served, key) == 200


async def test_a_long_list_has_pages(served: Served) -> None:
    async with await signed_in(served) as ann:
        for n in range(52):
            await served.database.write(keys.create, None, account_id=ann.account_id, name=f"Robot {n:02}.")
        first = await ann.get("/keys")
        assert ("Robot 51." in first.words, "Robot 01." in first.words) == (True, False)
        (place,) = re.findall(r"/console/keys(\?before=\d+)", first.text)
        second = await ann.get(f"/keys{place}")
        assert ("Robot 51." in second.words, "Robot 01." in second.words) == (False, True)
        assert (await ann.get("/keys?before=nonsense")).status == 200


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/keys", {"name": "x" * 101}, 422),
        ("/keys/bws_prod_%00%0A/delete", {}, 404),
        (f"/keys/{'x' * 300}/delete", {}, 404),
        ("/keys/bws_prod_000/replace", {"grace": "never"}, 422),
        ("/keys/bws_prod_000/replace", {"grace": "day"}, 404),
    ],
)
async def test_what_cannot_be_is_refused(served: Served, path: str, form: dict[str, str], status: int) -> None:
    async with await signed_in(served) as ann:
        assert (await ann.post(path, form)).status == status


async def test_a_key_without_a_name_has_the_usual_one(served: Served) -> None:
    async with await signed_in(served) as ann:
        assert "“Default” is ready" in (await ann.post("/keys", {"name": " \n "})).words


async def test_with_a_script_only_the_list_comes(served: Served) -> None:
    async with await signed_in(served) as ann:
        made = await ann.post("/keys", {"name": "Robot"}, headers={"HX-Request": "true"})
        assert "<html" not in made.text
        assert key_on(made)


async def test_the_test_page_offers_operations_that_exist(served: Served) -> None:
    """Its script asks them with the header that it names; the key is in no field that a form would post."""
    caller = await served.caller()
    async with await signed_in(served) as ann:
        page = (await ann.get("/keys/test")).text
    offered = re.findall(r'<option value="(/[^"]+)" data-header="([^"]+)"', page)
    assert ("/api/v1/wechat/messages?page=1&amp;pageSize=20", "Authorization") in offered
    for path, header in offered:
        value = f"Bearer {caller.key}" if header == "Authorization" else caller.key
        served.clock.advance(milliseconds=50)
        asked = await served.ask("GET", path.replace("&amp;", "&"), headers={header: value})
        assert asked.status == 200, path
        assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(asked.headers)
    (field,) = re.findall(r'<input id="trial-key"[^>]*>', page)
    assert " name=" not in field


async def test_an_address_that_ends_the_name_is_just_a_name(served: Served) -> None:
    async with await signed_in(served) as ann:
        name = '"><script>pwned()</script>'
        shown = await ann.post("/keys", {"name": name})
        assert name not in shown.text
        assert name in shown.words


async def test_disabled_accounts_make_no_keys(served: Served) -> None:
    async with await signed_in(served) as ann:
        await served.admin("POST", f"/accounts/{ann.account_id}/disable", {"reason": "rent"})
        assert "Sign in" in (await ann.post("/keys", {"name": "Robot"})).words
        assert not await served.database.read(keys.of_account, ann.account_id)
