"""A platform's call makes a feed due at once, and nothing else."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import ClientSession

from adapters.http import Egress, Outbound
from adapters.sources.tencent import Config, Tencent
from adapters.sources.x import X
from adapters.sources.x.callbacks import SIGNATURE, signed
from bot.gate import Gate
from bot.web.calls import MAX_BODY, Calls
from storage import models
from storage.database import Database
from tests import world
from tests.bot.web.serving import serving
from tests.clock import MovableClock
from tests.world import HOUR

TOKEN = "a-token"


@dataclass
class Platform:
    """Calls for an account that is followed as feed 1."""

    database: Database
    clock: MovableClock
    session: ClientSession
    url: str

    async def call(self, account: str = "@TOA#_news", token: str = TOKEN, more: bytes = b"") -> tuple[int, Any]:
        time = str(int(self.clock().timestamp()))
        query = {"SdkAppid": "7", "RequestTime": time, "Sign": sha256(f"{token}{time}".encode()).hexdigest()}
        body = {"CallbackCommand": "OfficialAccount.CallbackAfterSendMsg", "Official_Account": account}
        async with self.session.post(self.url, params=query, data=json.dumps(body).encode() + more) as answer:
            return answer.status, await answer.json()

    async def due_at(self) -> datetime:
        row = await self.database.read(world.row, models.Feed, 1)
        assert isinstance(row.due_at, datetime)
        return row.due_at


@pytest.fixture
async def platform(database: Database, clock: MovableClock) -> AsyncIterator[Platform]:
    async with Outbound(Egress.parse(""), user_agent="tests") as outbound, ClientSession() as session:
        source = Tencent(outbound, Config(sdkappid=7, callback_token=TOKEN))
        routes = Calls(database, {"tencent": source}, clock, Gate()).routes()
        async with serving(routes) as url:
            await database.write(
                world.add_feed, 1, source="tencent", key="@TOA#_news", host="tencent/7", due_at=clock() + HOUR
            )
            yield Platform(database, clock, session, f"{url}/webhooks/tencent")


async def test_a_call_makes_the_feed_due(platform: Platform) -> None:
    assert await platform.call() == (200, {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""})
    assert await platform.due_at() == platform.clock()


async def test_a_call_for_what_nobody_follows_is_answered_and_forgotten(platform: Platform) -> None:
    assert (await platform.call("@TOA#_other"))[0] == 200
    assert await platform.due_at() == platform.clock() + HOUR


async def test_who_does_not_know_the_token_changes_nothing(platform: Platform) -> None:
    for _ in range(2):
        assert await platform.call(token="guessed") == (401, {"error": "Unauthorized"})
    assert (await platform.call(more=b" " * MAX_BODY))[0] == 413
    assert await platform.due_at() == platform.clock() + HOUR


async def test_x_asks_who_we_are_and_then_tells_of_an_account(database: Database, clock: MovableClock) -> None:
    async with Outbound(Egress.parse(""), user_agent="tests") as outbound, ClientSession() as session:
        source = X(outbound, X.Config(api_key="key", api_secret="secret"))
        async with serving(Calls(database, {"x": source}, clock, Gate()).routes()) as url:
            await database.write(world.add_feed, 1, source="x", key="11348282", host="x", due_at=clock() + HOUR)
            async with session.get(f"{url}/webhooks/x", params={"crc_token": "token"}) as answer:
                assert await answer.json() == {"response_token": signed(b"token", "secret")}
            about = {"event_uuid": "-1", "event_type": "post.create", "filter": {"user_id": "11348282"}}
            body = json.dumps({"data": about | {"payload": {"id": "20"}}}).encode()
            for headers, status in (({}, 401), ({SIGNATURE: signed(body, "secret")}, 200)):
                async with session.post(f"{url}/webhooks/x", data=body, headers=headers) as answer:
                    assert answer.status == status
                row = await database.read(world.row, models.Feed, 1)
                assert (row.due_at == clock()) is (status == 200)
        await source.close()
