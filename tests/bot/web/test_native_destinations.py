"""The native API's destinations: added, verified both ways, tested, rotated, removed."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.usecases import codes
from storage import models
from tests import world
from tests.bot.web.gateway import VAULT, Caller, Served
from tests.world import MINUTE

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/v1/destinations"
NOBODYS = "019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def phone(caller: Caller, n: int = 1) -> Any:
    made = await caller("POST", PATH, {"channel": "whatsapp", "address": caller.number(n)})
    assert made.status == 201, made.body
    return made.body


async def test_a_webhook_can_be_used_at_once_and_shows_its_secret_once(served: Served) -> None:
    caller = await served.caller()
    wish = {"channel": "webhook", "address": "https://example.org/hook", "name": "CI", "more": 1}
    made = await caller("POST", PATH, wish)
    assert made.status == 201
    assert list(made.body) == [
        "id", "channel", "address", "name", "verified", "state", "reason", "createdAt", "verifiedAt", "secret",
    ]  # fmt: skip
    assert UUID.fullmatch(made.body["id"])
    assert TIME.fullmatch(made.body["createdAt"])
    assert made.body["secret"].startswith("whsec_")
    assert (made.body["verified"], made.body["state"], made.body["name"]) == (True, "ok", "CI")
    shown = await caller("GET", f"{PATH}/{made.body['id']}")
    assert shown.body == {name: value for name, value in made.body.items() if name != "secret"}
    assert (await caller("GET", PATH)).body == {"data": [shown.body], "nextCursor": None}
    (row,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    assert made.body["secret"].encode() not in row.secrets


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"address": "https://example.org/"}, "missing_field", "channel"),
        ({"channel": "webhook"}, "missing_field", "address"),
        ({"channel": "webhook", "address": ""}, "missing_field", "address"),
        ({"channel": 1, "address": "https://example.org/"}, "wrong_type", "channel"),
        ({"channel": "pigeon", "address": "https://example.org/"}, "invalid_value", "channel"),
        ({"channel": "webhook", "address": "http://example.org/"}, "invalid_value", "address"),
        ({"channel": "webhook", "address": "https://example.org/", "name": "x" * 101}, "invalid_value", "name"),
        ({"channel": "whatsapp", "address": "34"}, "invalid_value", "address"),
    ],
)
async def test_what_is_wrong_with_a_wish_is_said_with_its_field(
    served: Served, body: Any, code: str, field: str
) -> None:
    caller = await served.caller()
    refused = await caller("POST", PATH, body)
    assert refused.fault == (400, code)
    assert refused.body["error"]["field"] == field
    assert refused.body["error"]["message"]
    assert (await caller("GET", PATH)).body["data"] == []


async def test_the_same_address_again_is_refused_and_named(served: Served) -> None:
    caller = await served.caller()
    first = await caller.webhook()
    again = await caller("POST", PATH, {"channel": "webhook", "address": first["address"]})
    assert again.fault == (409, "exists")
    assert first["id"] in again.body["error"]["message"]


async def test_a_number_is_verified_by_the_code_that_is_sent_to_it(served: Served) -> None:
    caller = await served.caller()
    made = await phone(caller)
    assert (made["verified"], made["state"], made["secret"]) == (False, "unverified", None)
    code = await served.code(caller.account_id, made["address"])
    wrong = await caller("POST", f"{PATH}/{made['id']}/verify", {"code": f"{(int(code) + 1) % 10**6:06d}"})
    assert wrong.fault == (400, "wrong_code")
    assert (await caller("POST", f"{PATH}/{made['id']}/verify", {"code": "12345"})).fault == (400, "invalid_value")
    right = await caller("POST", f"{PATH}/{made['id']}/verify", {"code": code})
    assert (right.status, right.body["verified"], right.body["state"]) == (200, True, "ok")
    again = await caller("POST", f"{PATH}/{made['id']}/verify", {"code": code})
    assert again.fault == (409, "verified")
    for path in ("code", "proof"):
        assert (await caller("POST", f"{PATH}/{made['id']}/{path}")).fault == (409, "verified")


async def test_wrong_codes_are_counted_and_end_the_code(served: Served) -> None:
    caller = await served.caller()
    made = await phone(caller)
    code = await served.code(caller.account_id, made["address"])
    for n in range(1, 6):
        guess = {"code": f"{(int(code) + n) % 10**6:06d}"}
        assert (await caller("POST", f"{PATH}/{made['id']}/verify", guess)).fault == (400, "wrong_code")
    assert (await caller("POST", f"{PATH}/{made['id']}/verify", {"code": code})).fault == (400, "code_expired")


async def test_another_code_is_sent_after_a_minute(served: Served) -> None:
    caller = await served.caller()
    made = await phone(caller)
    first = await served.code(caller.account_id, made["address"])
    soon = await caller("POST", f"{PATH}/{made['id']}/code")
    assert (soon.status, soon.body["sent"]) == (200, False)
    served.clock.advance(2 * MINUTE)
    later = await caller("POST", f"{PATH}/{made['id']}/code")
    assert (later.body["sent"], bool(TIME.fullmatch(later.body["expiresAt"]))) == (True, True)
    second = await served.code(caller.account_id, made["address"])
    if first != second:  # digits may repeat
        assert (await caller("POST", f"{PATH}/{made['id']}/verify", {"code": first})).fault == (400, "wrong_code")
    assert (await caller("POST", f"{PATH}/{made['id']}/verify", {"code": second})).status == 200


async def test_a_number_is_verified_by_a_code_that_its_owner_sends(served: Served) -> None:
    caller = await served.caller()
    made = await phone(caller)
    shown = await caller("POST", f"{PATH}/{made['id']}/proof")
    assert re.fullmatch(r"[0-9]{6}", shown.body["text"])
    assert "15550001111" in shown.body["link"]

    def write(work: Any) -> codes.Entered:
        return codes.enter(
            work, served.terms, channel="whatsapp", addresses=[made["address"]], digits=shown.body["text"]
        )

    assert (await served.database.write(write)).outcome == "verified"
    assert (await caller("GET", f"{PATH}/{made['id']}")).body["verified"]


async def test_too_many_codes_are_refused_with_the_time_to_wait(served: Served) -> None:
    caller = await served.caller()
    made = await phone(caller)
    refused = None
    for _ in range(6):
        served.clock.advance(2 * MINUTE)
        refused = await caller("POST", f"{PATH}/{made['id']}/code")
    assert refused is not None
    assert refused.fault == (429, "too_many_codes")
    assert int(refused.headers["Retry-After"]) > 60


async def test_a_chat_is_sent_a_code_and_a_custom_bot_needs_none(served: Served) -> None:
    caller = await served.caller()
    chat = await caller("POST", PATH, {"channel": "feishu", "address": "oc_1"})
    assert (chat.status, chat.body["verified"]) == (201, False)
    code = await served.code(caller.account_id, "oc_1")
    assert (await caller("POST", f"{PATH}/{chat.body['id']}/verify", {"code": code})).body["verified"]
    bot = await caller("POST", PATH, {"channel": "feishu", "address": "https://open.feishu.cn/hook/1"})
    assert (bot.body["verified"], bot.body["secret"]) == (True, None)


async def test_a_channel_that_is_not_set_up_is_not_available(served: Served) -> None:
    caller = await served.caller()
    served.phones.is_set_up = False
    try:
        refused = await caller("POST", PATH, {"channel": "whatsapp", "address": caller.number()})
    finally:
        served.phones.is_set_up = True
    assert refused.fault == (503, "unavailable")
    assert refused.headers["Retry-After"]


async def test_numbers_end_at_the_plan_and_other_channels_do_not(served: Served) -> None:
    caller = await served.caller("free")
    await phone(caller)
    refused = await caller("POST", PATH, {"channel": "whatsapp", "address": caller.number(2)})
    assert refused.fault == (403, "limit_reached")
    await caller.webhook("one")
    await caller.webhook("two")


async def test_a_secret_is_rotated_and_the_former_one_signs_for_a_day(served: Served) -> None:
    from bot.usecases import destinations

    caller = await served.caller()
    made = await caller.webhook()
    rotated = await caller("POST", f"{PATH}/{made['id']}/rotate-secret")
    assert rotated.status == 200
    assert rotated.body["secret"] != made["secret"]
    assert TIME.fullmatch(rotated.body["formerUntil"])
    (row,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    ring = destinations.open_ring(VAULT, row.uid.hex, row.secrets)
    assert [one.text for one in ring.active(served.clock.now)] == [rotated.body["secret"], made["secret"]]
    number = await phone(caller)
    assert (await caller("POST", f"{PATH}/{number['id']}/rotate-secret")).fault == (409, "conflict")


async def test_a_test_message_is_queued_and_can_be_looked_at(served: Served) -> None:
    caller = await served.caller()
    made = await caller.webhook()
    sent = await caller("POST", f"{PATH}/{made['id']}/test")
    assert sent.status == 200
    assert (sent.body["type"], sent.body["status"], sent.body["post"]) == ("destination.test", "queued", None)
    assert sent.body["destination"]["id"] == made["id"]
    shown = await caller("GET", f"/api/v1/deliveries/{sent.body['id']}")
    assert shown.body == sent.body | {"trail": []}
    number = await phone(caller)
    assert (await caller("POST", f"{PATH}/{number['id']}/test")).fault == (409, "unverified")


async def test_a_disabled_destination_is_enabled_again(served: Served) -> None:
    caller = await served.caller()
    made = await caller.webhook()
    now = served.clock.now

    def disable(work: Any) -> None:
        table = models.Destination.__table__
        mine = table.update().where(table.c.account_id == caller.account_id)
        work.session.execute(mine.values(disabled_at=now, disabled_reason="410"))

    await served.database.write(disable)
    shown = await caller("GET", f"{PATH}/{made['id']}")
    assert (shown.body["state"], shown.body["reason"]) == ("disabled", "410")
    assert (await caller("POST", f"{PATH}/{made['id']}/test")).fault == (409, "disabled")
    enabled = await caller("POST", f"{PATH}/{made['id']}/enable")
    assert (enabled.status, enabled.body["state"]) == (200, "ok")


async def test_a_removed_destination_is_gone_with_what_went_there(served: Served) -> None:
    caller = await served.caller()
    made = await caller.webhook()
    url = served.feeds.add("https://removed.example.org/feed")
    followed = await caller.follows(url, made["id"])
    await served.post("feed", url, world.item(1))
    gone = await caller("DELETE", f"{PATH}/{made['id']}")
    assert (gone.status, gone.body) == (200, {"id": made["id"], "removed": True})
    assert (await caller("GET", f"{PATH}/{made['id']}")).fault == (404, "not_found")
    assert (await caller("DELETE", f"{PATH}/{made['id']}")).fault == (404, "not_found")
    assert (await caller("GET", PATH)).body["data"] == []
    assert (await caller("GET", "/api/v1/subscriptions")).body["data"] == []
    assert (await caller("GET", f"/api/v1/subscriptions/{followed['id']}")).body["state"] == "ended"
    (delivery,) = (await caller("GET", "/api/v1/deliveries")).body["data"]
    assert (delivery["status"], delivery["error"]) == ("failed", "the destination was removed")
    (row,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    assert row.secrets is None
    (feed,) = await served.database.read(world.rows, models.Feed, key=url)
    assert feed.state == "paused"  # nobody wants it any more


async def test_a_removed_destination_can_be_added_again_with_another_secret(served: Served) -> None:
    caller = await served.caller()
    made = await caller.webhook()
    await caller("DELETE", f"{PATH}/{made['id']}")
    again = await caller.webhook()
    assert again["secret"] != made["secret"]
    assert again["verified"]
    number = await phone(caller)
    await caller("DELETE", f"{PATH}/{number['id']}")
    served.clock.advance(timedelta(minutes=2))
    assert not (await phone(caller))["verified"]
    assert len((await caller("GET", PATH)).body["data"]) == 2


async def test_destinations_come_in_pages_the_newest_first(served: Served) -> None:
    caller = await served.caller()
    made = [(await caller.webhook(f"n{n}"))["id"] for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await caller("GET", f"{PATH}?limit=2{cursor}")).body
        seen += [one["id"] for one in page["data"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == made[::-1]
