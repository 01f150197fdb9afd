"""Rates and failures at the door: what is told, what is refused, and that all processes count together."""

import asyncio
from datetime import timedelta

import pytest

from bot.rules.buckets import SIZE
from bot.usecases import keys
from bot.web import callers
from storage import api_models
from storage.database import Database
from tests import world
from tests.bot.web.gateway import Served, serving
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_key_may_ask_forty_times_at_once_and_then_twenty_times_a_second(served: Served) -> None:
    caller = await served.caller()
    headers = {"x-api-key": caller.key}
    first = [await served.ask("GET", "/phones", headers=headers) for _ in range(SIZE + 1)]
    assert [one.status for one in first] == [200] * SIZE + [429]
    assert [one.headers["X-RateLimit-Remaining"] for one in first] == [str(n) for n in range(SIZE - 1, -1, -1)] + ["0"]
    assert first[-1].body == {"error": "rate limit exceeded"}
    assert first[-1].headers["Retry-After"] == "1"
    for _ in range(3):
        served.clock.advance(milliseconds=50)
        again = [(await served.ask("GET", "/phones", headers=headers)).status for _ in range(2)]
        assert again == [200, 429]
    served.clock.advance(seconds=60)
    rested = await served.ask("GET", "/phones", headers=headers)
    assert rested.headers["X-RateLimit-Remaining"] == str(SIZE - 1)


async def test_every_answer_says_how_things_stand(served: Served) -> None:
    caller = await served.caller()
    asked = [
        await caller("GET", "/phones"),
        await caller("POST", "/phones", {}),
        await caller("DELETE", "/phones/x"),
        await served.ask("GET", "/phones"),
        await caller("GET", "/nothing"),
        await caller("PUT", "/phones"),
    ]
    assert [one.status for one in asked] == [200, 400, 404, 401, 404, 405]
    for one in asked:
        limit, left, reset = (int(one.headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))
        assert 0 <= left <= limit
        assert abs(reset - served.clock.now.timestamp()) < 61


async def test_a_refused_request_has_no_effect(served: Served) -> None:
    caller = await served.caller()
    headers = {"x-api-key": caller.key}
    made = [await served.ask("POST", "/apikeys", headers=headers, json={}) for _ in range(SIZE + 5)]
    assert sum(one.status == 201 for one in made) == SIZE
    served.clock.advance(seconds=2)
    assert len((await caller("GET", "/apikeys")).body) == SIZE + 1


async def test_after_a_hundred_failures_in_a_minute_an_address_is_told_to_stop(served: Served) -> None:
    caller = await served.caller()
    address = {"X-Forwarded-For": "203.0.113.9"}
    wrong = address | {"x-api-key": "bws_prod_" + "0" * 27}
    tried = [(await served.ask("GET", "/phones", headers=wrong)).status for _ in range(101)]
    assert tried == [401] * 100 + [429]
    over = await served.ask("GET", "/phones", headers=wrong)
    assert int(over.headers["Retry-After"]) <= 60
    assert (await caller("GET", "/phones", headers=address)).status == 200  # a good key is still good
    assert (await served.ask("GET", "/phones", headers=wrong | {"X-Forwarded-For": "203.0.113.10"})).status == 401
    served.clock.advance(seconds=61)
    assert (await served.ask("GET", "/phones", headers=wrong)).status == 401


async def test_when_a_key_was_last_used_is_noted_once_a_minute(served: Served, shared_url: str) -> None:
    async with serving(served.database, served.clock) as another:
        caller = await served.caller()
        caller.served = another
        for _ in range(3):
            await caller("GET", "/phones")
        used = served.clock.now - timedelta(milliseconds=100)
    (key,) = await served.database.read(world.rows, api_models.ApiKey, account_id=caller.account_id)
    assert key.last_used_at == used


async def test_a_key_that_ends_elsewhere_is_let_in_for_five_seconds_more(served: Served) -> None:
    caller = await served.caller()
    assert (await caller("GET", "/phones")).status == 200
    await served.database.write(keys.remove, caller.account_id, caller.key[:12])
    assert (await caller("GET", "/phones")).status in (200, 401)
    served.clock.advance(seconds=5)
    assert (await caller("GET", "/phones")).status == 401


async def test_processes_count_together(postgresql_url: str) -> None:
    clock = MovableClock()
    databases = [Database(postgresql_url, clock, shared_time=False) for _ in range(2)]
    try:
        async with serving(databases[0], clock) as one, serving(databases[1], clock) as other:
            caller = await one.caller()
            headers = {"x-api-key": caller.key}
            asked = [(one, other)[n % 2].ask("GET", "/phones", headers=headers) for n in range(SIZE + 20)]
            statuses = [answer.status for answer in await asyncio.gather(*asked)]
            assert (statuses.count(200), statuses.count(429)) == (SIZE, 20)
    finally:
        for database in databases:
            database.close()


async def test_a_clock_that_is_set_back_shuts_nobody_out(database: Database, clock: MovableClock) -> None:
    async with serving(database, clock) as one:
        caller = await one.caller()
        for _ in range(50):
            assert (await caller("GET", "/phones")).status == 200
        clock.advance(hours=-1)
        for _ in range(50):
            assert (await caller("GET", "/phones")).status == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # nobody believes a stranger
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.1, 198.51.100.7"], "198.51.100.7"),  # what it says itself is said on the left
        ("10.0.0.1", ["203.0.113.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
    ],
)
async def test_whose_address_counts(peer: str, forwarded: list[str], address: str) -> None:
    from aiohttp.test_utils import make_mocked_request
    from multidict import CIMultiDict

    headers = CIMultiDict([("X-Forwarded-For", one) for one in forwarded])
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)
    assert callers.address(request, callers.read_networks("10.0.0.0/8, ::1")) == address
