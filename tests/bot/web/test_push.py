"""Systems push posts over HTTP: in our own form, in a foreign one, or as a feed; each answer says what became of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession

from adapters.http import Egress, Outbound
from adapters.sources.feeds import Feeds
from bot.gate import Gate
from bot.metrics import Metrics
from bot.usecases import push_feeds
from bot.web.push import MAX_BODY, Pushes
from storage import models
from storage.chat_models import PushFeed
from storage.database import Database
from tests import world
from tests.bot.web.serving import serving
from tests.clock import MovableClock

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Elsewhere</title>
<entry><id>urn:2</id><title>Second</title><updated>2026-03-02T11:00:00Z</updated></entry>
<entry><id>urn:1</id><title>First</title><updated>2026-03-02T10:00:00Z</updated></entry></feed>"""
RSS = "<rss version='2.0'><channel><title>R</title><item><guid>g1</guid><title>One</title></item></channel></rss>"
JSON_FEED = {"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{"id": "j1", "content_text": "Hi"}]}
MAPPING = '{"items": "$.alerts", "id": "fingerprint", "title": "labels.alertname", "text": "annotations[\'a.b\']"}'


@dataclass
class Desk:
    """A feed with a subscriber, and the address to push to."""

    database: Database
    gate: Gate
    session: ClientSession
    url: str
    made: push_feeds.Made

    async def post(self, body: Any, url: str = "", **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body)
        async with self.session.post(url or f"{self.url}/{self.made.token}", data=data, headers=headers) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()

    async def results(self, body: Any) -> list[str]:
        status, answer = await self.post(body)
        assert status == 200, answer
        return [one["result"] for one in answer["results"]]

    async def posts(self) -> list[Any]:
        return await self.database.read(world.rows, models.Post)

    async def follow(self, fields: str = "") -> None:
        self.made = await self.database.write(push_feeds.make, 1, "Alerts", fields)
        await self.database.write(world.subscribe, self.made.feed.id, [1])


@pytest.fixture
async def desk(database: Database, clock: MovableClock) -> AsyncIterator[Desk]:
    await database.write(world.add_destinations, 1)
    made = await database.write(push_feeds.make, 1, "News")
    await database.write(world.subscribe, made.feed.id, [1])
    gate = Gate()
    async with Outbound(Egress.parse(""), user_agent="test") as out, ClientSession() as session:
        feeds = Feeds(out)
        pushes = Pushes(database, {"feed": feeds}, clock, Metrics(), gate, world.POLICY, world.INTERVAL)
        async with serving(pushes.routes()) as url:
            yield Desk(database, gate, session, f"{url}/webhooks/feeds", made)
        await feeds.close()


async def test_a_post_is_stored_whole_and_queued_before_the_answer(desk: Desk) -> None:
    status, answer = await desk.post(
        {
            "id": 7, "title": "It  rang", "url": "https://example.org/7", "html": "<p>Hi</p>", "author": "Ann",
            "published": "2026-03-02T11:00:00Z", "image": "https://example.org/7.png", "other": [1],
        }
    )  # fmt: skip
    assert (status, answer) == (200, {"results": [{"id": "7", "result": "created", "error": ""}]})
    (post,) = await desk.posts()
    assert (post.title, post.url, post.content, post.is_html) == (
        "It rang",
        "https://example.org/7",
        "<p>Hi</p>",
        True,
    )
    assert (post.author, post.image, post.published_at.hour) == ("Ann", "https://example.org/7.png", 11)
    assert len(await desk.database.read(world.rows, models.Delivery)) == 1


@pytest.mark.parametrize("first", [{"id": "a"}, {"url": "https://example.org/a"}, {}])
async def test_a_repeat_is_told_by_its_id_else_its_url_else_what_it_says(desk: Desk, first: dict[str, str]) -> None:
    assert await desk.results(first | {"text": "Hello"}) == ["created"]
    assert await desk.results(first | {"text": "Hello"}) == ["unchanged"]
    assert await desk.results(first | {"text": "Hello again"}) == ["updated" if first else "created"]


async def test_each_item_of_a_list_has_its_own_result(desk: Desk) -> None:
    status, answer = await desk.post([{"title": "One"}, {"author": "nobody"}, "?", {"title": "Two", "url": "x"}])
    assert status == 200
    assert [one["result"] for one in answer["results"]] == ["created", "error", "error", "error"]
    assert "html" in answer["results"][1]["error"]
    assert "url" in answer["results"][3]["error"]


async def test_when_no_item_can_be_taken_the_sender_is_at_fault(desk: Desk) -> None:
    assert (await desk.post([{"title": 1.5e300, "published": "soon"}]))[0] == 400
    assert (await desk.post([]))[0] == 200


@pytest.mark.parametrize(("body", "names"), [(ATOM, ["First", "Second"]), (RSS, ["One"]), (JSON_FEED, [""])])
async def test_a_feed_document_is_read_as_if_it_were_polled(desk: Desk, body: Any, names: list[str]) -> None:
    assert await desk.results(body) == ["created"] * len(names)
    assert [post.title for post in await desk.posts()] == names
    assert await desk.results(body) == ["unchanged"] * len(names)


async def test_foreign_json_is_read_where_the_mapping_says(desk: Desk) -> None:
    await desk.follow(MAPPING)
    alert = {"fingerprint": "f1", "labels": {"alertname": "Disk full"}, "annotations": {"a.b": "On host a"}}
    assert await desk.results({"receiver": "x", "alerts": [alert]}) == ["created"]
    (post,) = await desk.posts()
    assert (post.title, post.content, post.is_html) == ("Disk full", "On host a", False)
    status, answer = await desk.post({"other": []})
    assert (status, "mapping" in answer["error"]) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b"hello", b"[" * 100_000, b'{"title": NaN}', b'{"title": "\\ud800"}',
        b'{"title": "\xff"}', b"<html></html>",
        b'{"id": ' + b"9" * 5000 + b"}", json.dumps([{"title": "x"}] * 101).encode(),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused_with_a_reason(desk: Desk, body: bytes) -> None:
    status, answer = await desk.post(body)
    assert (status, bool(answer.get("error") or answer["results"][0]["error"])) == (400, True)
    assert await desk.posts() == []


async def test_hostile_characters_are_no_reason_to_fail(desk: Desk) -> None:
    assert await desk.results(b'{"id": "a\\u0000b", "title": "x\\u0000\\u202e", "text": "\\u0000 y"}') == ["created"]


@pytest.mark.parametrize("token", ["nobody", "%00", "ä", "x" * 500])
async def test_an_unknown_address_is_like_any_that_is_not_there(desk: Desk, token: str) -> None:
    assert await desk.post({"title": "x"}, f"{desk.url}/{token}") == (404, {"error": "Not Found"})


async def test_a_body_past_its_limit_or_packed_is_not_read(desk: Desk) -> None:
    assert (await desk.post(b"x" * (MAX_BODY + 1)))[0] == 413
    assert (await desk.post(b"x", **{"Content-Encoding": "gzip"}))[0] == 415


async def test_nothing_is_taken_in_while_it_could_not_be_kept(desk: Desk) -> None:
    desk.gate.low = True
    assert (await desk.post({"title": "x"}))[0] == 503


async def test_only_a_digest_of_the_token_is_stored(desk: Desk) -> None:
    (row,) = await desk.database.read(world.rows, PushFeed)
    assert desk.made.token.encode() not in row.token_digest
    assert len(desk.made.token) >= 43
    assert row.last_used_at is None
    await desk.post({"title": "x"})
    assert (await desk.database.read(world.rows, PushFeed))[0].last_used_at is not None
