"""WebSub from end to end: a feed names a hub, the hub pushes, and subscribers have the post before any poll."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot import app, logs
from bot.clock import monotonic
from bot.settings import load
from bot.usecases import feeds, subscriptions
from storage import models
from storage.chat_models import Hub as HubRow
from storage.chat_models import HubPush
from tests import world
from tests.fakes.hub import Hub, Method
from tests.fakes.publisher import Feed, Publisher

ENTRY = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><id>f</id><updated>2026-01-05T08:00:00Z</updated>'
    "<entry><id>{id}</id><title>{title}</title><updated>2026-01-05T08:00:00Z</updated></entry></feed>"
)


@dataclass
class Stage:
    """A running gateway that follows a feed with a hub."""

    gateway: app.Gateway
    hub: Hub
    feed: Feed

    async def rows(self, table: Any) -> list[Any]:
        return await self.gateway.database.read(world.rows, table)

    async def until(self, table: Any, done: Callable[[list[Any]], Any]) -> list[Any]:
        async with asyncio.timeout(10):
            while not done(rows := await self.rows(table)):  # noqa: ASYNC110 (it happens elsewhere)
                await asyncio.sleep(0.01)
        await self.hub.settled()
        return rows

    async def hubs(self, state: str) -> Any:
        return (await self.until(HubRow, lambda rows: [row for row in rows if row.state == state]))[0]

    async def read_feed(self) -> None:
        """Poll at once."""
        due = await self.gateway.database.write(feeds.hurry, 1, world.INTERVAL)
        await self.gateway.poller.poll(due)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    logs.configure("error", "json")
    monkeypatch.chdir(tmp_path)
    port = free_port()
    settings = load(
        data_dir=tmp_path, database_url=database_url, port=port, metrics_port=0, host="127.0.0.1",
        worker_public_base_url=f"http://127.0.0.1:{port}", egress_allow="127.0.0.1/32",
        master_key=b64encode(b"k" * 32).decode(), host_gap_seconds=0,
    )  # fmt: skip
    async with Hub() as hub, Publisher() as publisher, app.run(settings) as gateway:
        feed = publisher.feed("/feed", posts=1)
        feed.headers["Link"] = f'<{hub.url}>; rel="hub", <{feed.url}>; rel="self"'
        await gateway.database.write(world.add_destinations, 1)
        yield Stage(gateway, hub, feed)


async def follow(stage: Stage) -> None:
    """The feed is polled for the first time, and subscribed to at its hub."""
    await stage.gateway.database.write(world.add_feed, 1, key=stage.feed.url, host="", last_success_at=None)
    await stage.gateway.database.write(world.subscribe, 1, [1])
    await stage.read_feed()


def push(title: str = "Pushed", id: str = "p1") -> bytes:
    return ENTRY.format(title=title, id=id).encode()


async def test_a_hub_that_a_feed_names_is_asked_and_what_it_pushes_is_queued_at_once(stage: Stage) -> None:
    await follow(stage)
    row = await stage.hubs("active")
    assert row.topic == stage.feed.url
    (form,) = stage.hub.requests
    assert form["hub.mode"] == "subscribe"
    assert int(form["hub.lease_seconds"]) == 864_000
    assert len(form["hub.secret"]) < 200
    assert form["hub.secret"].encode() not in row.secret
    assert stage.hub.answers[0][0] == 200
    assert stage.hub.headers[0]["Content-Type"].startswith("text/plain")
    assert stage.hub.headers[0]["X-Content-Type-Options"] == "nosniff"
    started = monotonic()
    assert await stage.hub.push(push()) == [202]
    await stage.until(models.Delivery, len)
    assert monotonic() - started < 1
    titles = [post.title for post in await stage.rows(models.Post)]
    assert titles == ["Post 1", "Pushed"]
    assert await stage.rows(HubPush) == []
    (feed,) = await stage.rows(models.Feed)
    assert feed.pushed_until == (await stage.hubs("active")).lease_until


async def test_what_was_pushed_is_not_announced_again_by_a_poll(stage: Stage) -> None:
    await follow(stage)
    await stage.hubs("active")
    item = stage.feed.publish("Both ways")
    await stage.hub.push(push("Both ways", item.id))
    await stage.until(models.Delivery, len)
    await stage.read_feed()
    assert len(await stage.rows(models.Delivery)) == 1


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
async def test_every_method_of_signing_is_taken(stage: Stage, method: Method) -> None:
    await follow(stage)
    await stage.hubs("active")
    await stage.hub.push(push(), method=method)
    assert len(await stage.until(models.Post, lambda rows: len(rows) == 2)) == 2


async def test_what_is_not_the_hubs_is_passed_over_without_a_word(stage: Stage) -> None:
    await follow(stage)
    await stage.hubs("active")
    for signature in ("", "sha256=00", "sha256", "sha1=" + "0" * 40, "ä=ö", "="):
        assert await stage.hub.push(push(), signature=signature) == [202]
    assert await stage.hub.push(push(), method="md5") == [202]
    assert await stage.rows(HubPush) == []
    assert len(await stage.rows(models.Post)) == 1


async def test_a_hub_may_come_back_before_it_answers(stage: Stage) -> None:
    stage.hub.switches.verify = "before"
    await follow(stage)
    assert (await stage.hubs("active")).failures == 0


async def test_a_hub_may_send_to_another(stage: Stage) -> None:
    async with Hub() as other:
        stage.hub.switches.location = other.url
        await follow(stage)
        await stage.hubs("active")
        assert [form["hub.topic"] for form in other.requests] == [stage.feed.url]


async def test_a_question_about_another_topic_or_address_is_not_ours(stage: Stage) -> None:
    stage.hub.switches.topic = "https://example.org/other"
    await follow(stage)
    await stage.until(HubRow, lambda rows: stage.hub.answers)
    assert stage.hub.answers[0][0] == 404
    callback = stage.hub.requests[0]["hub.callback"]
    right = {"hub.mode": "subscribe", "hub.topic": stage.feed.url, "hub.challenge": "<script>"}
    assert (await stage.hub.ask(f"{callback}x", right))[0] == 404
    assert (await stage.hub.ask(callback, right | {"hub.mode": "unsubscribe"}))[0] == 404
    assert (await stage.hub.ask(callback, right | {"hub.challenge": ""}))[0] == 404
    assert await stage.hub.ask(callback, right | {"hub.lease_seconds": "soon"}) == (200, "<script>")


async def test_a_denial_leads_back_to_polling(stage: Stage) -> None:
    stage.hub.switches.deny = "not here"
    await follow(stage)
    row = await stage.hubs("denied")
    assert (row.reason, stage.hub.answers[0][0]) == ("not here", 200)


async def test_who_forgets_the_feed_leaves_its_hub(stage: Stage) -> None:
    await follow(stage)
    await stage.hubs("active")
    await stage.gateway.database.write(subscriptions.unsubscribe, 1)
    await stage.hubs("left")
    assert [form["hub.mode"] for form in stage.hub.requests] == ["subscribe", "unsubscribe"]
    assert stage.hub.subscribers == {}


async def test_an_address_that_is_no_more_is_gone_and_a_body_has_a_bound(stage: Stage) -> None:
    await follow(stage)
    await stage.hubs("active")
    callback = stage.hub.requests[0]["hub.callback"]
    async with ClientSession() as session:
        async with session.post(f"{callback}x", data=b"a") as answer:
            assert answer.status == 410
        async with session.post(callback, data=b"a", headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status == 415
    assert await stage.hub.push(b" " * (5 * 2**20 + 1)) == [413]


async def test_a_push_that_cannot_be_read_makes_the_feed_be_read(stage: Stage) -> None:
    await follow(stage)
    await stage.hubs("active")
    stage.feed.publish("Found by a poll")
    await stage.hub.push(b"no feed at all", content_type="text/plain")
    posts = await stage.until(models.Post, lambda rows: len(rows) == 2)
    assert posts[1].title == "Found by a poll"
    assert await stage.rows(HubPush) == []
