"""The stand-in for X behaves as X does where a client could be led astray (sources-x.md 15)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.clock import MovableClock
from tests.fakes.x import BEARER, FakeX, floor_id


class Client:
    def __init__(self, x: FakeX, session: ClientSession) -> None:
        self._x, self._session = x, session

    async def get(self, path: str, token: str = BEARER, **query: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.get(self._x.url + path, params=query, headers=headers) as answer:
            return answer.status, await answer.json()

    async def order(self, what: str, **body: Any) -> Any:
        async with self._session.post(f"{self._x.url}/_control/{what}", json=body) as answer:
            return await answer.json()


@pytest.fixture
async def x(clock: MovableClock) -> AsyncIterator[FakeX]:
    async with FakeX(clock) as x:
        yield x


@pytest.fixture
async def client(x: FakeX) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(x, session)


async def test_it_is_steered_over_http(x: FakeX, client: Client) -> None:
    assert await client.order("users", username="user{}", count=3) == {"ok": True}
    made = await client.order("posts", username="user{}", count=3, text="hello")
    assert len(made["ids"]) == 3
    await client.order("fail", endpoint="timeline", status=503)
    timeline = f"/2/users/{x.user('user0').id}/tweets"
    assert (await client.get(timeline))[0] == 503
    await client.order("fail", endpoint="timeline", status=0)
    await client.order("limits", timeline=5000)
    status, page = await client.get(timeline)
    assert (status, [one["text"] for one in page["data"]]) == (200, ["hello"])
    _, counts = await client.get("/_control/counts")
    assert counts["requests"] == {"timeline": 2}
    assert (await client.order("nonsense"))["error"]


async def test_the_token_is_checked(client: Client) -> None:
    assert await client.get("/2/users/by", "wrong", usernames="nasa") == (
        401,
        {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"},
    )


async def test_only_what_is_asked_for_and_not_empty_is_told(x: FakeX, client: Client) -> None:
    x.post("nasa", "a < b")
    path = f"/2/users/{x.user('nasa').id}/tweets"
    _, bare = await client.get(path)
    assert set(bare["data"][0]) == {"id", "text", "edit_history_tweet_ids"}
    assert bare["data"][0]["text"] == "a &lt; b"
    _, full = await client.get(path, **{"post.fields": "created_at,entities,referenced_tweets"})
    assert set(full["data"][0]) == {"id", "text", "edit_history_tweet_ids", "created_at"}
    status, refused = await client.get(path, **{"tweet.fields": "foo"})
    assert status == 400
    assert "is not one of [" in refused["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("timeline", {"max_results": "4"}, "[4] is not between 5 and 100"),
        ("search", {"query": "from:nasa", "max_results": "9"}, "[9] is not between 10 and 100"),
        ("search", {"query": "from:nasa " + "x" * 512}, "maximum of 512 characters"),
        ("search", {"query": "min_faves:1"}, "no operator"),
        ("users", {"usernames": "a-b"}, "does not match ^[A-Za-z0-9_]{1,15}$"),
        ("users", {"usernames": ",".join(["a"] * 101)}, "not between 1 and 100"),
    ],
)
async def test_wrong_requests_are_refused_in_xs_words(
    x: FakeX, client: Client, path: str, query: dict[str, str], message: str
) -> None:
    paths = {
        "timeline": f"/2/users/{x.user('nasa').id}/tweets",
        "search": "/2/tweets/search/recent",
        "users": "/2/users/by",
    }
    status, body = await client.get(paths[path], **query)
    assert status == 400
    assert message in body["errors"][0]["message"]


async def test_a_search_forgets_after_a_week_and_says_from_where_it_knows(
    x: FakeX, client: Client, clock: MovableClock
) -> None:
    old = x.post("nasa", "old")
    clock.advance(days=8)
    status, body = await client.get("/2/tweets/search/recent", query="from:nasa", since_id=str(old.id))
    floor = floor_id(clock() - timedelta(days=7))
    assert status == 400
    assert body["errors"][0]["message"].endswith(f"larger than {floor}")
    assert (await client.get("/2/tweets/search/recent", query="from:nasa"))[1] == {"meta": {"result_count": 0}}


async def test_or_binds_weaker_than_and(x: FakeX, client: Client, clock: MovableClock) -> None:
    post = x.post("nasa", "original")
    x.post("nasa", "reply", reply_to=post)
    x.post("esa", "reply", reply_to=post)
    clock.advance(minutes=1)
    path = "/2/tweets/search/recent"
    _, loose = await client.get(path, query="from:nasa OR from:esa -is:reply")
    _, tight = await client.get(path, query="(from:nasa OR from:esa) -is:reply")
    assert (loose["meta"]["result_count"], tight["meta"]["result_count"]) == (2, 1)
