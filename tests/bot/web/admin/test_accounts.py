"""Accounts over HTTP: making, finding, changing, disabling and deleting them."""

from typing import Any

import pytest

from bot.usecases import deliveries
from bot.usecases.administration import accounts
from storage import api_models, models
from storage.chat_models import Conversation, Identity
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Caller, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELON = "44196397"


async def made(served: Served, **fields: Any) -> dict[str, Any]:
    served.count += 1
    answer = await served.admin("POST", "/accounts", {"email": f"made{served.count}@example.org", **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body["account"])


async def test_an_account_is_made_shown_and_found(served: Served) -> None:
    account = await made(served, name="Grace Ünal", plan="business")
    assert account["plan"] == "business"
    assert account["limits"] == {"api_keys": 5, "phones": 3, "subscriptions": 5}
    assert (account["credits"], account["own_limits"], account["operator"]) == (None, {}, False)
    shown = await served.admin("GET", f"/accounts/{account['id']}")
    assert shown.body == {"account": account, "usage": {"api_keys": 0, "phones": 0, "subscriptions": 0}}
    found = await served.admin("GET", "/accounts?search=GRACE")
    assert found.body == {"accounts": [account], "before": None}
    assert (await served.admin("GET", f"/accounts?search={account['email'][:8]}")).body["accounts"] == [account]
    assert (await served.admin("GET", "/accounts?search=100%25")).body["accounts"] == []


async def test_what_an_account_cannot_be_is_refused(served: Served) -> None:
    taken = (await made(served))["email"]
    for body, status in (
        ({}, 400),
        ({"email": "nobody"}, 400),
        ({"email": "x@example.org", "plan": "gold"}, 400),
        ({"email": "x@example.org", "name": "x" * 101}, 400),
        ({"email": taken}, 409),
    ):
        refused = await served.admin("POST", "/accounts", body)
        assert refused.status == status, body
        assert set(refused.body["error"]) == {"code", "message"}


async def test_pages_follow_each_other(served: Served) -> None:
    ids = [(await made(served, name="a page of it"))["id"] for _ in range(5)]
    seen, path = [], "/accounts?search=a+page+of+it&limit=2"
    while True:
        page = (await served.admin("GET", path)).body
        seen += [one["id"] for one in page["accounts"]]
        if page["before"] is None:
            break
        path = f"/accounts?search=a+page+of+it&limit=2&before={page['before']}"
    assert seen == ids[::-1]
    for wrong in ("limit=0", "limit=201", "limit=x", "before=0", "before=-5"):
        assert (await served.admin("GET", f"/accounts?{wrong}")).status == 400


async def test_a_plan_and_limits_of_its_own(served: Served) -> None:
    caller = await served.caller("free")
    path = f"/accounts/{caller.account_id}"
    changed = await served.admin("PUT", f"{path}/plan", {"plan": "pro_plus"})
    assert changed.body["account"]["limits"] == {"api_keys": 2, "phones": 1, "subscriptions": 2}
    own = {"phones": 2, "subscriptions": None}
    changed = await served.admin("PUT", f"{path}/limits", {"limits": own})
    assert changed.body["account"]["own_limits"] == own
    assert changed.body["account"]["limits"] == {"api_keys": 2, "phones": 2, "subscriptions": None}
    numbers = [await caller.verified(n) for n in (1, 2)]
    assert len(numbers) == 2
    over = await caller("POST", "/phones", {"phoneNumber": caller.number(3)})
    assert over.told == (400, "phone limit reached")
    for wrong in ({"phones": -1}, {"phones": "2"}, {"phones": 1.5}, {"credits": 1}, {"posts": 1}):
        assert (await served.admin("PUT", f"{path}/limits", {"limits": wrong})).status == 400
    assert (await served.admin("PUT", f"{path}/limits", {"limits": {}})).body["account"]["own_limits"] == {}


async def test_credits_are_set_added_and_not_counted_any_more(served: Served) -> None:
    path = f"/accounts/{(await made(served))['id']}/credits"

    async def left(**body: Any) -> Any:
        return (await served.admin("POST", path, body)).body["account"]["credits"]

    assert await left(add=5) == 5
    assert await left(add=10) == 15
    assert await left(add=-5) == 10
    assert await left(set=0) == 0
    assert await left(uncounted=True) is None
    for wrong in ({}, {"set": 1, "add": 1}, {"set": -1}, {"add": -1}, {"set": 10**9 + 1}, {"uncounted": False}):
        assert (await served.admin("POST", path, wrong)).status == 400, wrong


async def test_without_credits_an_alert_is_shown_as_failed_and_goes_after_a_top_up(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()
    account = f"/accounts/{caller.account_id}"
    await served.admin("POST", f"{account}/credits", {"set": 0})
    await served.post("x", ELON, world.item(f"credits {caller.account_id}"))
    await _work_off(served)
    (alert,) = (await caller("GET", "/notifications")).body["notifications"]
    assert (alert["status"], alert["errorMessage"]) == ("failed", "no credits left")
    wish = {"xUsername": "nasa", "phoneNumber": caller.number()}
    assert (await caller("POST", "/subscriptions", wish)).told == (402, "insufficient credits")
    await served.admin("POST", f"{account}/credits", {"add": 2})
    again = {"account": caller.account_id, "error_code": "no_credits"}
    assert (await served.admin("POST", "/deliveries/again", again)).body == {"queued": 1, "before": None}
    await _work_off(served)
    (alert,) = (await caller("GET", "/notifications")).body["notifications"]
    assert (alert["status"], alert["errorMessage"]) == ("sent", None)
    assert (await served.admin("GET", account)).body["account"]["credits"] == 1


async def _work_off(served: Served) -> None:
    """Everything that is due is sent."""

    def run(work: Work) -> None:
        for lane in ("chat", "code"):
            world.settle(work, deliveries.take_due(work, lane, 500, 0, {"whatsapp": 100}).due)

    await served.database.write(run)


async def test_a_disabled_account_may_do_nothing_and_gets_nothing(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()
    await _work_off(served)
    path = f"/accounts/{caller.account_id}"
    disabled = await served.admin("POST", f"{path}/disable", {"reason": "unpaid"})
    assert disabled.body["account"]["disabled_reason"] == "unpaid"
    assert disabled.body["account"]["disabled_at"]
    assert (await caller("GET", "/phones")).told == (403, "Forbidden")
    assert (await served.admin("POST", f"{path}/disable", {})).status == 409
    assert (await served.admin("POST", f"{path}/keys", {})).status == 409
    await served.post("x", ELON, world.item(f"disabled {caller.account_id}"))
    assert await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="") == []
    enabled = await served.admin("POST", f"{path}/enable")
    assert enabled.body["account"]["disabled_at"] is None
    assert (await caller("GET", "/phones")).status == 200
    await served.post("x", ELON, world.item(f"enabled {caller.account_id}"))
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    await _work_off(served)
    assert (await served.database.read(world.row, models.Delivery, row.id)).state == "sent"


async def test_enabling_an_account_leaves_what_was_disabled_for_another_reason(served: Served) -> None:
    caller = await served.caller()
    await caller.verified(1)
    await caller.verified(2)
    first, second = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    await served.admin("POST", f"/destinations/{first.id}/disable", {"reason": "spam"})
    await served.admin("POST", f"/accounts/{caller.account_id}/disable", {})
    closed = await served.admin("POST", f"/destinations/{second.id}/enable")
    assert (closed.status, closed.body["error"]["message"]) == (409, "its account is disabled; enable that first")
    await served.admin("POST", f"/accounts/{caller.account_id}/enable")
    rows = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    assert [row.disabled_reason for row in rows] == ["spam", ""]
    assert rows[1].disabled_at is None


async def test_keys_are_made_for_any_account_shown_once_and_deleted(served: Served) -> None:
    account = await made(served, plan="free")
    path = f"/accounts/{account['id']}/keys"
    keys = [(await served.admin("POST", path, {"name": f"key {n}"})).body for n in range(2)]  # whatever its plan says
    listed = (await served.admin("GET", path)).body["keys"]
    assert [one["name"] for one in listed] == ["key 0", "key 1"]
    assert all("key" not in one for one in listed)
    caller = Caller(served, account["id"], keys[0]["key"])
    assert (await caller("GET", "/phones")).status == 200
    assert (await served.admin("DELETE", f"{path}/{keys[0]['prefix']}")).status == 200
    assert (await caller("GET", "/phones")).status == 401
    for absent in (keys[0]["prefix"], keys[1]["key"], "%00", "%F0%9F%94%91"):
        assert (await served.admin("DELETE", f"{path}/{absent}")).status == 404


@pytest.mark.parametrize("id_", ["0", "999999", "-1", "x", "1%00", "9" * 30, "%F0%9F%99%82"])
async def test_what_is_no_account_is_not_found(served: Served, id_: str) -> None:
    assert (await served.admin("GET", f"/accounts/{id_}")).status == 404
    assert (await served.admin("DELETE", f"/accounts/{id_}")).status == 404


# Deleting


async def test_a_deleted_account_is_gone_with_everything_it_had(served: Served) -> None:
    caller, other = await served.caller(), await served.caller()
    await caller.subscribed("NASA")
    await other.subscribed()
    await served.post("x", "11348282", world.item(f"deleted {caller.account_id}"))
    await _work_off(served)
    email = (await served.admin("GET", f"/accounts/{caller.account_id}")).body["account"]["email"]
    assert (await served.admin("DELETE", f"/accounts/{caller.account_id}")).body == {"done": True}
    assert (await served.admin("GET", f"/accounts/{caller.account_id}")).status == 404
    assert (await caller("GET", "/phones")).status in (401, 403)
    for table in (models.Subscription, models.Delivery, api_models.ApiKey, Conversation):
        assert await served.database.read(world.rows, table, account_id=caller.account_id) == []
    (destination,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    assert (destination.address, destination.name) == (f"deleted {destination.id}", "")
    (row,) = await served.database.read(world.rows, models.Account, id=caller.account_id)
    assert (row.email, row.name) == (None, "")
    (nasa,) = await served.database.read(world.rows, models.Feed, key="11348282")
    assert nasa.state == "paused"  # nobody wants it any more
    assert (await other("GET", "/subscriptions")).body["count"] == 1
    assert (await served.admin("POST", "/accounts", {"email": email})).status == 201
    assert email not in {one["email"] for one in (await served.admin("GET", "/accounts?search=Jane")).body["accounts"]}


async def test_deleting_goes_on_in_slices_after_a_stop(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await served.caller()
    await caller.subscribed()
    for n in range(4):
        await served.post("x", ELON, world.item(f"slice {caller.account_id} {n}"))
    monkeypatch.setattr(accounts, "SLICE", 3)
    monkeypatch.setattr("bot.web.apis.admin.accounts.SLICES_AT_ONCE", 1)
    assert (await served.admin("DELETE", f"/accounts/{caller.account_id}")).body == {"done": False}
    left = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id)
    assert left
    while await served.database.write(accounts.erase):  # as the janitor does
        pass
    assert await served.database.read(world.rows, models.Delivery, account_id=caller.account_id) == []
    assert not await served.database.write(accounts.erase)


async def test_a_chat_to_which_others_send_keeps_its_STOP(served: Served) -> None:
    gone, other = await served.caller(), await served.caller()
    number = await gone.subscribed()
    chat = await served.database.write(_stopped_chat, gone.account_id, number)
    await served.database.write(_sends_too, other.account_id, number, chat)
    await served.admin("DELETE", f"/accounts/{gone.account_id}")
    (kept,) = await served.database.read(world.rows, Conversation, id=chat)
    assert (kept.account_id, kept.last_seen_at) == (other.account_id, None)
    assert kept.stopped_at is not None


def _stopped_chat(work: Work, account_id: int, number: str) -> int:
    chat = Conversation(
        channel="whatsapp", address=number, account_id=account_id, stopped_at=work.now, last_seen_at=work.now,
        created_at=work.now,
    )  # fmt: skip
    who = Identity(channel="whatsapp", person=number, account_id=account_id, created_at=work.now)
    work.session.add_all([chat, who])
    work.session.flush()
    return chat.id


def _sends_too(work: Work, account_id: int, number: str, chat: int) -> None:
    where = models.Destination(
        uid=world.uid(90_000 + account_id), account_id=account_id, channel="whatsapp", lane="chat", address=number,
        conversation_id=chat, created_at=work.now,
    )  # fmt: skip
    work.session.add(where)
