"""Idempotency-Key in administration: what adds something adds it once, however often it is asked."""

from typing import Any

import pytest

from storage import models
from storage.native_models import Idempotency
from tests import world
from tests.bot.web.gateway import Caller, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(params=["token", "operator"])
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def under(served: Served, who: str, key: str, path: str, body: Any = None) -> Any:
    headers = {"Idempotency-Key": key}
    if who == "operator":
        caller: Caller = await _operator(served)
        return await caller("POST", f"/admin/v1{path}", body, headers=headers)
    return await served.admin("POST", path, body, headers=headers)


_operators: dict[int, Caller] = {}


async def _operator(served: Served) -> Caller:
    if id(served) not in _operators:
        _operators[id(served)] = await served.operator()
    return _operators[id(served)]


async def test_credits_are_added_once(served: Served, who: str) -> None:
    account = (await served.caller()).account_id
    path = f"/accounts/{account}/credits"
    first = await under(served, who, f"a{account}", path, {"add": 500})
    again = await under(served, who, f"a{account}", path, {"add": 500})
    assert (first.status, first.body["account"]["credits"]) == (200, 500)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    other = await under(served, who, f"a{account}", path, {"add": 100})
    assert (other.status, other.body["error"]["code"]) == (422, "key_used")
    assert (await under(served, who, f"b{account}", path, {"add": 100})).body["account"]["credits"] == 600


async def test_an_account_and_its_key_are_made_once_and_shown_again(served: Served, who: str) -> None:
    wish = {"email": f"once-{who}-{served.count}@example.org"}
    first = await under(served, who, wish["email"], "/accounts", wish)
    again = await under(served, who, wish["email"], "/accounts", wish)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    path = f"/accounts/{first.body['account']['id']}/keys"
    made = await under(served, who, "k", path, {"name": "CI"})
    shown = await under(served, who, "k", path, {"name": "CI"})
    assert (made.status, shown.status, shown.body["key"]) == (201, 201, made.body["key"])
    assert len((await served.admin("GET", path)).body["keys"]) == 1


async def test_what_failed_is_sent_again_once(served: Served, who: str) -> None:
    caller = await served.caller()
    url = served.feeds.add(f"https://again-{caller.account_id}.example.org/feed")
    await caller.follows(url, (await caller.webhook())["id"])
    await served.post("feed", url, world.item(f"once {caller.account_id}"))
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id)
    for path, body in (("/deliveries/again", {"account": caller.account_id}), (f"/deliveries/{row.id}/again", None)):
        await served.settle(row.id, state="failed")
        first = await under(served, who, f"s{row.id}", path, body)
        assert first.status == 200, first.body
        await served.settle(row.id, state="failed")
        assert (await under(served, who, f"s{row.id}", path, body)).body == first.body
        (now,) = await served.database.read(world.rows, models.Delivery, id=row.id)
        assert now.state == "failed"  # not queued once more


async def test_what_was_refused_may_be_asked_again(served: Served, who: str) -> None:
    caller = await served.caller()
    path = f"/accounts/{caller.account_id}/credits"
    key = f"r{caller.account_id}"
    assert (await under(served, who, key, path, {"add": -1})).status == 400
    assert (await under(served, who, key, path, {"add": 1})).status == 200
    assert (await under(served, who, "x y", path, {"add": 1})).status == 400


async def test_answers_with_keys_in_them_are_kept_sealed(served: Served, who: str) -> None:
    account = (await served.caller()).account_id
    made = await under(served, who, f"sealed{account}", f"/accounts/{account}/keys", {})
    table = Idempotency.__table__
    kept = await served.database.read(lambda work: work.session.execute(table.select()).all())
    assert made.body["key"].encode() not in b"".join(row.answer for row in kept)
