"""A hundred requests at once end at exactly the limit, whatever is limited."""

import asyncio
from typing import Any

import pytest

from storage import models
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.counts import count

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 100
ROUNDS = count(1, 50)


async def at_once(caller: Caller, method: str, path: str, bodies: list[Any]) -> list[int]:
    """A hundred requests by keys of one account, as many as their rate allows."""
    callers = [caller, *[await caller.served.another_key(caller.account_id) for _ in range(2)]]
    asked = [callers[n % 3](method, path, body) for n, body in enumerate(bodies)]
    return [answer.status for answer in await asyncio.gather(*asked)]


async def test_phones_at_once(served: Served) -> None:
    for _ in range(ROUNDS):
        caller = await served.caller("business")
        wishes = [{"phoneNumber": caller.number(n % 20)} for n in range(AT_ONCE)]
        statuses = await at_once(caller, "POST", "/phones", wishes)
        assert set(statuses) == {200, 400}
        assert (await caller("GET", "/phones")).body["count"] == 3


async def test_subscriptions_at_once(served: Served) -> None:
    for _ in range(ROUNDS):
        caller = await served.caller("business")
        number = await caller.verified()
        wishes = [{"xUsername": f"person_{n % 10}", "phoneNumber": number} for n in range(AT_ONCE)]
        statuses = await at_once(caller, "POST", "/subscriptions", wishes)
        assert set(statuses) == {200, 400}
        assert (await caller("GET", "/subscriptions")).body["count"] == 5


async def test_the_same_subscription_at_once_is_one(served: Served) -> None:
    caller = await served.caller("free")
    number = await caller.verified()
    wish = {"xUsername": "elonmusk", "phoneNumber": number}
    assert set(await at_once(caller, "POST", "/subscriptions", [wish] * AT_ONCE)) == {200}
    assert len(await served.database.read(world.rows, models.Subscription, account_id=caller.account_id)) == 1


async def test_keys_at_once(served: Served) -> None:
    for _ in range(ROUNDS):
        caller = await served.caller("enterprise")
        statuses = await at_once(caller, "POST", "/apikeys", [{}] * AT_ONCE)
        assert (statuses.count(201), statuses.count(400)) == (17, AT_ONCE - 17)  # three were there before
        listed = (await caller("GET", "/apikeys")).body
        assert len({one["keyPrefix"] for one in listed}) == len(listed) == 20


async def test_native_subscriptions_and_numbers_at_once(served: Served) -> None:
    for _ in range(ROUNDS):
        caller = await served.caller("business")
        to = [await caller.webhook(f"to{n}") for n in range(2)]
        urls = [served.feeds.add(f"https://race{n}.example.org/") for n in range(10)]
        wishes = [{"name": urls[n % 10], "destinationId": to[n % 2]["id"]} for n in range(AT_ONCE)]
        assert set(await at_once(caller, "POST", "/api/v1/subscriptions", wishes)) == {200, 403}
        assert len((await caller("GET", "/api/v1/subscriptions")).body["data"]) == 5
        numbers = [{"channel": "whatsapp", "address": caller.number(n % 20)} for n in range(AT_ONCE)]
        statuses = await at_once(caller, "POST", "/api/v1/destinations", numbers)
        assert statuses.count(201) == 3
        assert (await caller("GET", "/api/v1/account")).body["phones"] == {"used": 3, "limit": 3}


async def test_codes_tried_at_once_share_their_five_tries(served: Served) -> None:
    for _ in range(ROUNDS):
        caller = await served.caller()
        number = caller.number()
        await caller("POST", "/phones", {"phoneNumber": number})
        code = int(await served.code(caller.account_id, number))
        guesses = [{"phoneNumber": number, "code": f"{(code + 1 + n) % 10**6:06d}"} for n in range(AT_ONCE)]
        await at_once(caller, "POST", "/phones/verify", guesses)
        right = await caller("POST", "/phones/verify", {"phoneNumber": number, "code": f"{code:06d}"})
        assert right.told == (400, "code expired")
        (tried,) = await served.database.read(_codes, caller.account_id)
        assert tried.attempts == 5


def _codes(work: Any, account_id: int) -> list[Any]:
    from storage.chat_models import Code

    return world.rows(work, Code, account_id=account_id)
