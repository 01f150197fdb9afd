"""A client that walks a history back as the document says sees every place once, whatever happens meanwhile."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from tests.bot.web.gateway import Served
from tests.bot.web.official import Client, client, expire
from tests.counts import count
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")

WALKS = count(4, 200)


@dataclass(slots=True)
class Account:
    """What is known of an official account from outside."""

    ask: Client
    chance: Random
    newest: int = 0
    recalled: set[int] = field(default_factory=set)
    expired: int = 0  # up to this number

    async def live(self) -> None:
        """Something happens, or nothing."""
        match self.chance.randrange(6):
            case 0 | 1:
                await self.publish(self.chance.choice([1, 1, 2, 30]))
            case 2 if self.newest:
                taken = self.chance.sample(range(1, self.newest + 1), min(self.chance.choice([1, 3, 25]), self.newest))
                self.recalled |= set(taken)
                await self.ask.publish(withdrawn=tuple(taken))
            case 3 if self.newest > 3 and not self.chance.randrange(3):
                self.expired = max(self.expired, self.chance.randrange(1, self.newest // 2 + 1))
                await self.ask.served.database.write(expire, self.ask.feed, self.expired)

    async def publish(self, number: int) -> None:
        first = self.newest + 1
        self.newest += number
        self.ask.served.clock.advance(seconds=self.chance.randrange(3))
        await self.ask.publish(*(item(seq) for seq in range(first, self.newest + 1)))

    def place(self, seq: int) -> int:
        return 2 if seq in self.recalled else 1 if seq <= self.expired else 0

    def below(self, seq: int, *, recalled: bool) -> list[int]:
        """What is to be seen before that place, the latest first."""
        return [n for n in range(seq - 1, 0, -1) if recalled or n not in self.recalled]

    def finished(self, expected: list[int], left: list[int], wish: int) -> int:
        if left:
            return 2 if left[0] <= self.expired else 0 if wish > 20 else 1
        earliest = expected[-1] if expected else 1
        return 2 if earliest <= self.expired else 1


@pytest.mark.parametrize("recalled", [True, False])
@pytest.mark.parametrize("seed", range(WALKS))
async def test_a_walk_sees_every_place_once(served: Served, seed: int, recalled: bool) -> None:
    account = Account(await client(served), Random(seed))
    for _ in range(8):
        await account.live()
    at, key, wishes = account.newest + 1, "", [1, 2, 5, 19, 20, 21, 100]
    while True:
        wish = account.chance.choice(wishes)
        body = await account.ask(ReqMsgNumber=wish, LastMsgKey=key, WithRecalledMsg=int(recalled))
        before = account.below(at, recalled=recalled)
        expected, left = before[: min(wish, 20)], before[min(wish, 20) :]
        check(body, expected, account)
        assert body["IsFinished"] == account.finished(expected, left, wish)
        if not expected:
            break
        at, key = expected[-1], body["LastMsgKey"]
        assert key == body["RspMsgList"][0]["MsgKey"]
        await account.live()
    assert body["LastMsgKey"] == key


def check(body: Any, expected: list[int], account: Account) -> None:
    found = body["RspMsgList"]
    assert [one["MsgSeq"] for one in found] == expected[::-1]
    for one in found:
        assert one["IsPlaceMsg"] == account.place(one["MsgSeq"])
        assert bool(one["MsgBody"]) is (one["IsPlaceMsg"] == 0)
        assert one["MsgKey"] == f"{one['MsgSeq']}_1_{one['MsgTimeStamp']}"
        if one["MsgBody"]:
            assert f"The text of {one['MsgSeq']}." in one["MsgBody"][0]["MsgContent"]["Text"]
