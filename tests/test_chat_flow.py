"""Chat from end to end: a platform calls, a command has its effect, and the answer comes, once."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot import app, logs, plugins
from bot.settings import load
from storage import models
from tests.fakes.publisher import Publisher
from tests.fakes.talking import HEADER, ListeningTalk, TalkServer, said
from tests.world import rows

pytestmark = pytest.mark.usefixtures("small_talk")

SECRET = "s3cret-of-talk"


@pytest.fixture
async def platform() -> AsyncIterator[TalkServer]:
    async with TalkServer() as server:
        yield server


@pytest.fixture
async def gateway(
    platform: TalkServer, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_talk: None
) -> AsyncIterator[app.Gateway]:
    """A running gateway that a small platform and its second account are connected to."""
    logs.configure("error", "json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(plugins.CHANNELS, "talk", "tests.fakes.talking:Talk")
    monkeypatch.setitem(plugins.CHANNELS, "line", "tests.fakes.talking:ListeningTalk")
    monkeypatch.setenv("LINE_BASE_URL", platform.url)
    for name, value in {"SECRET": SECRET, "BASE_URL": platform.url, "SECRET__SALES": "other"}.items():
        monkeypatch.setenv(f"TALK_{name}", value)
    settings = load(
        data_dir=tmp_path, database_url=database_url, port=0, metrics_port=0, signup="open",
        egress_allow="127.0.0.1/32", master_key=b64encode(b"k" * 32).decode(),
    )  # fmt: skip
    async with app.run(settings) as gateway:
        yield gateway


class Caller:
    """The platform's side of callbacks."""

    def __init__(self, gateway: app.Gateway, session: ClientSession) -> None:
        self._gateway, self._session = gateway, session

    async def post(self, body: Any, channel: str = "talk", secret: str = SECRET) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self._gateway.port}/webhooks/{channel}"
        async with self._session.post(url, json=body, headers={HEADER: secret}) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def caller(gateway: app.Gateway) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(gateway, session)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 (it looks at work that nobody reports)
            await asyncio.sleep(0.01)


def ping(id: str = "1", **more: Any) -> dict[str, Any]:
    return {"sender": "ann", "chat": "ann's", "text": "ping", "id": id, **more}


async def test_a_command_is_answered_once_however_often_it_comes(
    gateway: app.Gateway, caller: Caller, platform: TalkServer
) -> None:
    answers = await asyncio.gather(*(caller.post(ping()) for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    await until(lambda: platform.shown)
    assert await caller.post([ping(), ping("2")]) == (200, {})
    await until(lambda: len(platform.shown) == 2)
    assert platform.texts("ann's") == ["pong", "pong"]


async def test_a_reply_may_be_the_answer_itself_and_is_then_not_sent(
    gateway: app.Gateway, caller: Caller, platform: TalkServer
) -> None:
    assert await caller.post(ping(wants_answer=True)) == (200, {"reply": "pong"})
    assert await caller.post(ping(wants_answer=True)) == (200, {"reply": None})  # the repeat changes nothing

    async def settled() -> bool:
        [delivery] = await gateway.database.read(lambda work: rows(work, models.Delivery))
        return bool(delivery.state == "sent")

    async with asyncio.timeout(3):  # before it would be sent
        while not await settled():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert platform.shown == []


async def test_what_is_not_genuine_is_refused_and_stored_nowhere(gateway: app.Gateway, caller: Caller) -> None:
    assert await caller.post(ping(), secret="wrong") == (401, {"error": "Unauthorized"})
    assert await caller.post(ping(), channel="talk/sales") == (401, {"error": "Unauthorized"})
    assert await caller.post(ping(), channel="nobody") == (404, {"error": "Not Found"})
    assert await gateway.database.read(lambda work: rows(work, models.InboundEvent)) == []
    assert await caller.post(ping(), channel="talk/sales", secret="other") == (200, {})


async def test_a_channel_that_listens_is_answered_alike(gateway: app.Gateway, platform: TalkServer) -> None:
    line = gateway.channels["line"]
    assert isinstance(line, ListeningTalk)
    heard = said(sender="bob", chat="bob's", text="ping", id="1")
    assert (await line.tell(heard)).body == b"{}"
    await until(lambda: platform.texts("bob's") == ["pong"])
    await line.tell(heard)
    await line.tell(said(sender="bob", chat="bob's", text="ping", id="2"))
    await until(lambda: len(platform.texts("bob's")) == 2)


async def test_a_name_is_looked_up_over_the_network(gateway: app.Gateway, caller: Caller, platform: TalkServer) -> None:
    async with Publisher() as publisher:
        feed = publisher.feed("/feed.xml", title="What is new", posts=2)
        assert await caller.post(ping(text=f"look {feed.url}")) == (200, {})
        await until(lambda: platform.texts("ann's") == ["What is new"])
