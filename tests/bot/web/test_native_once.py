"""Idempotency-Key: what is asked again under the same key is done once, and answered as the first time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from storage import models
from storage.database import Work
from storage.native_models import Idempotency
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESTINATIONS, SUBSCRIPTIONS = "/api/v1/destinations", "/api/v1/subscriptions"


async def under(caller: Caller, key: str, path: str, body: Any = None, **more: Any) -> Any:
    return await caller("POST", path, body, headers={"Idempotency-Key": key}, **more)


async def rows(served: Served, caller: Caller) -> list[Any]:
    def mine(work: Work) -> list[Any]:
        table = Idempotency.__table__
        return list(work.session.execute(table.select().where(table.c.account_id == caller.account_id)))

    return await served.database.read(mine)


async def test_a_destination_is_added_once_and_its_secret_shown_again_to_who_asks_again(served: Served) -> None:
    caller = await served.caller()
    wish = {"channel": "webhook", "address": "https://once.example.org/"}
    first = await under(caller, "a", DESTINATIONS, wish)
    again = await under(caller, "a", DESTINATIONS, wish)
    assert (first.status, first.headers.get("Idempotent-Replayed")) == (201, None)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (201, first.body, "true")
    assert len((await caller("GET", DESTINATIONS)).body["data"]) == 1
    (kept,) = await rows(served, caller)
    assert first.body["secret"].encode() not in kept.answer
    assert (await under(caller, "b", DESTINATIONS, wish)).fault == (409, "exists")


async def test_the_same_key_with_another_request_is_refused(served: Served) -> None:
    caller = await served.caller()
    assert (await under(caller, "a", "/api/v1/feeds", {"title": "One"})).status == 201
    other = await under(caller, "a", "/api/v1/feeds", {"title": "Two"})
    assert other.fault == (422, "idempotency_key_used")
    assert other.body["error"]["field"] == "Idempotency-Key"
    to = await caller.webhook()
    there = await caller.webhook("there")
    assert (await under(caller, "t", f"{DESTINATIONS}/{to['id']}/test")).status == 200
    assert (await under(caller, "t", f"{DESTINATIONS}/{there['id']}/test")).fault == (422, "idempotency_key_used")


async def test_keys_of_other_accounts_and_other_operations_are_others(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    first = await under(caller, "a", "/api/v1/feeds", {"title": "One"})
    second = await under(stranger, "a", "/api/v1/feeds", {"title": "One"})
    assert first.body["id"] != second.body["id"]
    assert (await under(caller, "a", f"{DESTINATIONS}/{(await caller.webhook())['id']}/enable")).status == 200


async def test_what_was_refused_may_be_asked_again_under_its_key(served: Served) -> None:
    caller = await served.caller()
    url = "https://late.example.org/"
    wish = {"name": url, "destinationId": (await caller.webhook())["id"]}
    assert (await under(caller, "a", SUBSCRIPTIONS, wish)).fault == (404, "feed_not_found")
    served.feeds.add(url)
    assert (await under(caller, "a", SUBSCRIPTIONS, wish)).status == 200


async def test_what_was_done_is_answered_without_asking_the_network_again(served: Served) -> None:
    caller = await served.caller()
    url = served.feeds.add("https://network.example.org/", item(1))
    to = await caller.webhook()
    wish = {"name": url, "destinationId": to["id"], "latest": True}
    first = await under(caller, "a", SUBSCRIPTIONS, wish)
    found = await under(caller, "a", "/api/v1/feeds/resolve", {"name": url})
    served.feeds.asked.clear()
    assert (await under(caller, "a", SUBSCRIPTIONS, wish)).body == first.body
    assert (await under(caller, "a", "/api/v1/feeds/resolve", {"name": url})).body == found.body
    assert served.feeds.asked == []


async def test_a_wrong_code_asked_again_counts_one_try(served: Served) -> None:
    caller = await served.caller()
    made = await under(caller, "p", DESTINATIONS, {"channel": "whatsapp", "address": caller.number()})
    code = await served.code(caller.account_id, caller.number())
    wrong = {"code": f"{(int(code) + 1) % 10**6:06d}"}
    path = f"{DESTINATIONS}/{made.body['id']}/verify"
    for _ in range(7):
        assert (await under(caller, "w", path, wrong)).fault == (400, "wrong_code")
    assert (await under(caller, "r", path, {"code": code})).status == 200
    assert (await under(caller, "r", path, {"code": code})).status == 200


async def test_an_answer_is_given_again_for_a_day(served: Served) -> None:
    caller = await served.caller()
    first = await under(caller, "a", "/api/v1/feeds", {"title": "One"})
    now = served.clock.now
    try:
        served.clock.now = now + timedelta(hours=23, minutes=59)
        assert (await under(caller, "a", "/api/v1/feeds", {"title": "One"})).body == first.body
        served.clock.now = now + timedelta(hours=24, seconds=1)
        assert (await under(caller, "a", "/api/v1/feeds", {"title": "Another"})).status == 201
    finally:
        served.clock.now = now


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ".encode().decode("latin-1")])
async def test_a_key_is_of_printable_ascii(served: Served, key: str) -> None:
    caller = await served.caller()
    refused = await under(caller, key, "/api/v1/feeds", {"title": "One"})
    assert refused.status == 400
    assert refused.body["error"]["field"] == "Idempotency-Key"
    assert (await under(caller, "~" * 255, "/api/v1/feeds", {"title": "One"})).status == 201


async def test_the_same_request_many_times_at_once_is_done_once(served: Served) -> None:
    caller = await served.caller()
    url = served.feeds.add("https://at-once.example.org/", item(1))
    to = await caller.webhook()
    wish = {"name": url, "destinationId": to["id"], "latest": True}
    answers = await asyncio.gather(*[under(caller, "a", SUBSCRIPTIONS, wish) for _ in range(20)])
    assert {answer.status for answer in answers} == {200}
    assert len({str(answer.body) for answer in answers}) == 1
    tests = await asyncio.gather(*[under(caller, "b", f"{DESTINATIONS}/{to['id']}/test") for _ in range(20)])
    assert len({answer.body["id"] for answer in tests}) == 1
    sent = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id)
    assert len(sent) == 2
