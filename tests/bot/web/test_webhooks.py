"""Callbacks over real sockets: what is genuine is stored before it is acknowledged, what is not costs nothing."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web

from adapters.http import Egress, Outbound
from adapters.inbound import Parsed, StatusChanged
from bot import logs
from bot.gate import Gate
from bot.metrics import Metrics
from bot.usecases import inbox
from bot.usecases.chat.who import Terms
from bot.web import health, webhooks
from bot.web.webhooks import Webhooks
from storage import models
from storage.database import Database, StorageError
from tests import chats
from tests.clock import START, MovableClock
from tests.counts import count
from tests.fakes.talking import HEADER, Talk, as_json, said
from tests.world import rows

pytestmark = pytest.mark.usefixtures("small_talk")

SECRET = "s3cret-of-talk"


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    logs.configure("error", "json")


@dataclass
class Door:
    """The web role's way in, listening."""

    webhooks: Webhooks
    talk: Talk
    metrics: Metrics
    database: Database
    url: str
    session: ClientSession

    async def post(self, body: Any, path: str = "talk", secret: str = SECRET, **more: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {HEADER: secret} | more.pop("headers", {})
        async with self.session.post(f"{self.url}/{path}", data=data, headers=headers, **more) as answer:
            return answer.status, await answer.json()

    async def stored(self) -> list[Any]:
        return await self.database.read(rows, models.InboundEvent)

    async def deliveries(self) -> list[Any]:
        return await self.database.read(rows, models.Delivery)

    async def settled(self, state: str) -> list[Any]:
        """Deliveries, once the first is in that state."""
        async with asyncio.timeout(5):
            while [one.state for one in await self.deliveries()][:1] != [state]:  # noqa: ASYNC110 (nobody reports it)
                await asyncio.sleep(0.01)
        return await self.deliveries()

    def counted(self, result: str) -> Any:
        return self.metrics.inbound.labels("talk", result)._value.get()


@pytest.fixture
def terms() -> Terms:
    return chats.OPEN


@pytest.fixture
async def door(database: Database, clock: MovableClock, terms: Terms) -> AsyncIterator[Door]:
    outbound = Outbound(Egress.parse("", []), user_agent="test")
    talk = Talk(outbound, "talk", Talk.Config(secret=SECRET))
    other = Talk(outbound, "talk/sales", Talk.Config(secret="other"))
    metrics = Metrics()
    hooks = Webhooks(database, {"talk": talk, "talk/sales": other}, clock, metrics, Gate(), terms)
    app = web.Application(middlewares=[health.errors_as_json])
    app.add_routes(hooks.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
        yield Door(hooks, talk, metrics, database, url, session)
    await runner.cleanup()
    await hooks.drain(0.5)


def message(id: str = "1", **more: Any) -> dict[str, Any]:
    return {"sender": "ann", "chat": "ann's", "text": "ping", "id": id, **more}


# What is genuine


async def test_an_event_is_stored_before_it_is_acknowledged(door: Door) -> None:
    assert await door.post(message()) == (200, {})
    [stored] = await door.stored()
    assert (stored.provider, stored.event_key, stored.chat) == ("talk", "m:1", "ann's")
    assert (stored.received_at, stored.done_at, stored.tries) == (START, None, 0)
    assert door.counted("stored") == 1


async def test_all_events_of_a_callback_are_kept_each_once(door: Door) -> None:
    status = as_json(StatusChanged(key="s:1", message_id="t1", status="read"))
    assert await door.post([message("1"), message("2"), status, message("1")]) == (200, {})
    assert [one.event_key for one in await door.stored()] == ["m:1", "m:2", "s:1"]
    assert await door.post([message("2"), message("3")]) == (200, {})
    assert len(await door.stored()) == 4
    assert door.metrics.inbound_repeats.labels("talk")._value.get() == 2


async def test_many_callbacks_share_transactions(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    transactions = 0
    store = inbox.store

    def counting(*args: Any) -> Any:
        nonlocal transactions
        transactions += 1
        return store(*args)

    monkeypatch.setattr(inbox, "store", counting)
    answers = await asyncio.gather(*(door.post(message(str(n))) for n in range(60)))
    assert {status for status, _ in answers} == {200}
    assert len(await door.stored()) == 60
    assert transactions < 40


async def test_an_account_has_its_own_path_and_secret(door: Door) -> None:
    assert (await door.post(message(), "talk/sales"))[0] == 401
    assert (await door.post(message(), "talk/sales", secret="other"))[0] == 200
    assert [one.provider for one in await door.stored()] == ["talk/sales"]


async def test_a_handshake_is_answered_and_stored_nowhere(door: Door) -> None:
    async with door.session.get(f"{door.url}/talk?challenge=4711") as answer:
        assert (answer.status, await answer.text(), answer.content_type) == (200, "4711", "text/plain")
    assert await door.stored() == []
    assert door.counted("handshake") == 1


# What is not


@pytest.mark.parametrize(
    ("path", "how", "status", "words"),
    [
        ("talk", {"secret": "wrong"}, 401, "Unauthorized"),
        ("talk", {"body": b"{"}, 400, "Bad Request"),
        ("nobody", {}, 404, "Not Found"),
        ("talk/nobody", {}, 404, "Not Found"),
        ("feeds", {}, 404, "Not Found"),
        ("talk", {"headers": {"Content-Encoding": "gzip"}}, 415, "Unsupported Media Type"),
        ("talk", {"body": b" " * (64 * 1024 + 1)}, 413, "Request Entity Too Large"),
    ],
)
async def test_what_is_refused_is_stored_nowhere(
    door: Door, path: str, how: dict[str, Any], status: int, words: str
) -> None:
    how = {"body": message(), **how}
    assert await door.post(how.pop("body"), path, **how) == (status, {"error": words})
    assert await door.stored() == []


async def test_a_body_without_a_length_is_bounded_too(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    headers = {HEADER: SECRET}
    async with door.session.post(f"{door.url}/talk", data=endless(), headers=headers) as answer:
        assert answer.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.05)
    port = int(door.url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /webhooks/talk HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_nothing_of_a_refused_callback_is_logged(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    for n in range(5):
        await door.post(message(text="a private word", id=str(n)), secret="wrong-secret")
    logged = capfd.readouterr().err
    assert logged.count("callbacks were refused") == 1
    assert "private" not in logged
    assert "wrong-secret" not in logged


async def test_a_channel_that_fails_answers_without_details(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    logging.disable()
    monkeypatch.setattr(door.talk, "parse", lambda _callback: 1 / 0)
    assert await door.post(message()) == (500, {"error": "Internal Server Error"})
    logging.disable(logging.NOTSET)


async def test_forged_callbacks_write_nothing(door: Door) -> None:
    """However many: no transaction is ever begun for one."""
    began: list[object] = []
    door.database.write = lambda *args: began.append(args)  # type: ignore[method-assign,assignment]
    door.database.read = door.database.write  # type: ignore[method-assign]
    forged = count(300, 10_000)
    for start in range(0, forged, 100):
        answers = await asyncio.gather(*(door.post(message(str(start + n)), secret="wrong") for n in range(100)))
        assert {status for status, _ in answers} == {401}
    assert began == []
    assert door.counted("refused") == forged


# When it cannot be stored


async def test_what_could_not_be_stored_is_not_acknowledged(door: Door) -> None:
    logging.disable()
    door.database.close()
    assert await door.post(message()) == (503, {"error": "Service Unavailable"})
    with pytest.raises(StorageError):
        await door.webhooks.receive("talk")(Parsed([said(sender="ann", chat="a", text="ping", id="1")]))
    logging.disable(logging.NOTSET)


async def test_odd_characters_of_one_callback_stop_no_other(door: Door) -> None:
    bodies = [message("1"), message("2\0", text="a\0b", sender_name="\ud800"), message("3")]
    assert {status for status, _ in await asyncio.gather(*map(door.post, bodies))} == {200}
    assert len(await door.stored()) == 3


# An answer to the very request


async def test_a_command_is_answered_in_the_response_and_not_sent(door: Door) -> None:
    assert await door.post(message(wants_answer=True)) == (200, {"reply": "pong"})
    [stored] = await door.stored()
    assert stored.done_at == START
    await door.settled("sent")


async def test_a_repeat_gets_a_neutral_answer(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(message(wants_answer=True)) for _ in range(4)))
    assert sorted(str(body["reply"]) for _, body in answers) == ["None", "None", "None", "pong"]
    assert len(await door.deliveries()) == 1


async def test_an_answer_that_takes_too_long_is_sent_instead(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", 0)
    assert await door.post(message(wants_answer=True)) == (200, {"reply": None})
    [waiting] = await door.settled("waiting")
    assert waiting.due_at == START + timedelta(seconds=5)


async def test_a_command_that_fails_is_left_to_the_job(door: Door, clock: MovableClock) -> None:
    logging.disable()
    assert await door.post(message(text="bug", wants_answer=True)) == (200, {"reply": None})
    logging.disable(logging.NOTSET)
    assert await door.database.write(chats.claim) == []  # the request's lease
    clock.advance(seconds=10)
    assert len(await door.database.write(chats.claim)) == 1


@pytest.mark.parametrize(
    "asks",
    [
        message(text="look https://example.org"),
        message(text="", file="f1", kind="file"),
        message(text="/manage", chat="#team"),
        message(text="", chat="#team", action="back"),
    ],
)
async def test_what_needs_the_network_is_left_to_the_job(door: Door, asks: dict[str, Any]) -> None:
    assert await door.post(asks | {"wants_answer": True}) == (200, {"reply": None})
    assert len(await door.database.write(chats.claim)) == 1


async def test_a_stranger_is_refused_in_the_response(database: Database, clock: MovableClock, door: Door) -> None:
    door.webhooks._terms = chats.CLOSED
    assert await door.post(message(wants_answer=True)) == (200, {"reply": "I do not know you"})
    assert await door.deliveries() == []


# Channels that listen


async def test_a_listening_channel_hands_its_events_over_alike(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TOLD_BY_LISTENER", 0.01)
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", 15)  # the machine may be busy
    receive = door.webhooks.receive("talk")
    asked = said(sender="ann", chat="ann's", text="ping", id="1", wants_answer=True)
    assert json.loads((await receive(Parsed([asked]))).body) == {"reply": "pong"}
    assert json.loads((await receive(Parsed([asked]))).body) == {"reply": None}
    await door.settled("sent")
