"""A client of the official-account history API as its document describes one, and accounts to ask for."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.base import Page, Post
from bot.usecases import feeds, official, retention
from storage import accounts, models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Answer, Served, signed
from tests.world import item

PATH = "/v4/official_account_open_http_svc/official_account_msg_get_simple"


class Client:
    """Calls as the document has it; the account is made with so many posts, ten seconds apart."""

    def __init__(self, served: Served, feed: int, name: str) -> None:
        self.served, self.feed, self.name = served, feed, name

    async def __call__(self, query: Mapping[str, Any] | None = None, raw: Any = None, **body: Any) -> Any:
        """The answer's body; status and type are always the same."""
        sent = json.dumps({"Official_Account": self.name} | body) if raw is None else raw
        answer = await self.ask("POST", PATH, query, data=sent)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        return answer.body

    async def ask(self, method: str, path: str, query: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        self.served.clock.advance(milliseconds=5)
        given: dict[str, Any] = {**signed(now=self.served.clock()), **(query or {})}
        pairs = [(name, one) for name, value in given.items() for one in _each(value)]
        url = f"{path}?" + "&".join(f"{name}={one}" for name, one in pairs)
        own = {"X-Forwarded-For": f"2001:db8:1:{self.feed:x}::1"}
        return await self.served.ask(method, url, headers=own | more.pop("headers", {}), **more)

    async def code(self, *args: Any, **kwargs: Any) -> int:
        """Of an answer that is nothing but an envelope."""
        body = await self(*args, **kwargs)
        assert list(body) == ["ActionStatus", "ErrorInfo", "ErrorCode"]
        assert body["ActionStatus"] == "FAIL"
        assert body["ErrorInfo"]
        return int(body["ErrorCode"])

    async def publish(self, *found: Post, withdrawn: tuple[str | int, ...] = (), **page: Any) -> None:
        keys = [item(name).key for name in withdrawn]
        await self.served.database.write(_publish, self.feed, world.page(*found, withdrawn=keys, **page))


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [] if value is None else [value]


def _publish(work: Work, feed: int, page: Page) -> None:
    world.record(work, feeds.hurry(work, feed, world.INTERVAL), page)


def _account(work: Work, name: str) -> int:
    number = len(world.rows(work, models.Feed)) + 1
    world.add_feed(work, number, last_success_at=None)
    feed = work.session.get(models.Feed, number)
    assert feed
    official.add(work, feed, name)
    return number


def expire(work: Work, feed: int, seq: int) -> None:
    """As retention does it, up to a post."""
    (post,) = world.rows(work, models.Post, feed_id=feed, seq=seq)
    accounts.set_fact(work.session, retention.EMPTIED, str(post.id))


async def client(served: Served, posts: int = 0, name: str = "") -> Client:
    served.count += 1
    feed = await served.database.write(_account, name or f"@TOA#_{served.count}")
    made = Client(served, feed, name or f"@TOA#_{served.count}")
    for n in range(1, posts + 1):
        served.clock.advance(seconds=10)
        await made.publish(item(n))
    return made


def seqs(body: Any) -> list[int]:
    return [one["MsgSeq"] for one in body["RspMsgList"]]
