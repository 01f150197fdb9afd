"""The long connection against a platform on a real socket: opened, pinged, acknowledged, lost and opened again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from adapters.base import Button
from adapters.channels.feishu import Feishu, longconn
from adapters.channels.feishu.longconn import SLOW_SECONDS, LongConnection, Pace
from adapters.http import Outbound
from adapters.inbound import ChatMessage, HttpAnswer, Parsed, Reply
from tests.adapters.channels.feishu.conftest import MakeChannel, message
from tests.fakes.feishu import FakeFeishu


class Inbox:
    """What stores events, and may fail to."""

    def __init__(self, channel: Feishu) -> None:
        self.channel = channel
        self.events: list[object] = []
        self.broken = False

    async def receive(self, parsed: Parsed) -> HttpAnswer:
        if self.broken:
            raise OSError("disk full")
        self.events += parsed.events
        event = parsed.events[0]
        if isinstance(event, ChatMessage) and event.wants_answer:
            return self.channel.answer(event, Reply("Muted."))
        return HttpAnswer()


@asynccontextmanager
async def listening(channel: Feishu) -> AsyncIterator[Inbox]:
    inbox = Inbox(channel)
    task = asyncio.create_task(channel.listen(inbox.receive))
    try:
        yield inbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def websocket(make: MakeChannel) -> Feishu:
    """Without any of the secrets that callbacks need."""
    return make(mode="websocket", verification_token="", encrypt_key="")


async def test_events_come_and_are_acknowledged(websocket: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    async with listening(websocket) as inbox:
        await feishu.connections.connected()
        await feishu.say(feishu.private(ada), ada, "list")
        (event,) = inbox.events
        assert isinstance(event, ChatMessage)
        assert event.text == "list"
        assert feishu.pending == []


@pytest.mark.parametrize("parts", [2, 7])
async def test_a_long_event_comes_in_parts(websocket: Feishu, feishu: FakeFeishu, parts: int) -> None:
    document = feishu.document("im.test", {"text": "漢" * 1000})
    async with listening(websocket) as inbox:
        await feishu.connections.connected()
        assert await feishu.connections.push(document, parts=parts) == {"code": 200}
        assert len(inbox.events) == 1


async def test_what_was_not_stored_is_not_acknowledged(websocket: Feishu, feishu: FakeFeishu) -> None:
    async with listening(websocket) as inbox:
        await feishu.connections.connected()
        inbox.broken = True
        assert await feishu.connections.push(feishu.document("im.test", {})) == {"code": 500}
        inbox.broken = False
        assert await feishu.connections.push(feishu.document("im.test", {})) == {"code": 200}
        assert await feishu.connections.push(feishu.document("im.test", {}, app_id="cli_other")) == {"code": 500}
        assert len(inbox.events) == 1


async def test_events_beyond_the_room_wait_for_their_turn(
    make: MakeChannel, feishu: FakeFeishu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longconn, "IN_WORK", 1)
    async with listening(make(mode="websocket")) as inbox:
        await feishu.connections.connected()
        pushes = [feishu.connections.push(feishu.document("im.test", {})) for _ in range(4)]
        assert await asyncio.gather(*pushes) == [{"code": 200}] * 4
        assert len(inbox.events) == 4


async def test_a_connection_that_has_fallen_silent_is_given_up(
    websocket: Feishu, feishu: FakeFeishu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longconn, "SILENCE_SECONDS", 0.05)
    websocket._long._pace = Pace(nonce=0, ping=0.01)
    feishu.connections.config, feishu.connections.mute = {}, True
    async with listening(websocket):
        await until(lambda: feishu.connections.endpoint_calls > 1)


async def test_a_press_is_answered_on_the_connection(websocket: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    async with listening(websocket):
        await feishu.connections.connected()
        await websocket.send(message(chat.id, text="sure?", buttons=(Button("Yes", "mute:3"),)))
        (card,) = feishu.shown(chat)
        await feishu.press(card, "Yes", ada)
    assert feishu.toasts == ["Muted."]
    assert "Muted." in card.text
    assert len(card.edits) == 1


async def test_pings_go_out_and_a_pong_may_bring_new_settings(websocket: Feishu, feishu: FakeFeishu) -> None:
    feishu.connections.pong_config = {"PingInterval": 1, "ReconnectNonce": 0, "ReconnectInterval": 5}
    async with listening(websocket):
        await feishu.connections.connected()
        await feishu.connections.push(feishu.document("im.test", {}))
        await until(lambda: websocket._long.pace.interval == 5)
    assert feishu.connections.pings >= 1


async def test_a_lost_connection_is_opened_again_at_a_new_address(websocket: Feishu, feishu: FakeFeishu) -> None:
    async with listening(websocket) as inbox:
        for number in (1, 2, 3):
            await feishu.connections.connected()
            assert feishu.connections.endpoint_calls == number
            await feishu.connections.push(feishu.document("im.test", {}))
            await feishu.connections.drop()
        assert len(inbox.events) == 3


async def test_an_event_being_stored_when_the_line_breaks_is_stored(websocket: Feishu, feishu: FakeFeishu) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    stored: list[object] = []

    async def receive(parsed: Parsed) -> HttpAnswer:
        begun.set()
        await go_on.wait()
        stored.extend(parsed.events)
        return HttpAnswer()

    task = asyncio.create_task(websocket.listen(receive))
    await feishu.connections.connected()
    pushing = asyncio.create_task(feishu.connections.push(feishu.document("im.test", {})))
    await begun.wait()
    await feishu.connections.drop()
    go_on.set()
    await until(lambda: len(stored) == 1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(pushing, return_exceptions=True)
        await task


class Sleeps:
    """How long the client waited between tries; it ends the test when it has seen enough."""

    def __init__(self, enough: int) -> None:
        self.slept: list[float] = []
        self._enough = enough

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self._enough:
            raise asyncio.CancelledError


async def run(feishu: FakeFeishu, outbound: Outbound, make: MakeChannel, sleeps: Sleeps, **settings: str) -> None:
    """Until the sleeps are enough."""
    channel = make(mode="websocket", **settings)
    long = LongConnection(outbound, "feishu", channel._config, channel._arrived, sleep=sleeps)
    with suppress(asyncio.CancelledError):
        await long.run(Inbox(channel).receive)


@pytest.mark.parametrize("code", [403, 514, 1000040344, 1000040350])
async def test_what_a_person_has_to_mend_is_said_once_and_tried_slowly(
    feishu: FakeFeishu, outbound: Outbound, make: MakeChannel, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    feishu.connections.refusals = [code, code, code]
    sleeps = Sleeps(3)
    await run(feishu, outbound, make, sleeps)
    assert sleeps.slept == [SLOW_SECONDS] * 3
    assert capsys.readouterr().out.count(f"code {code}") == 1


@pytest.mark.parametrize("code", [1, 1000040343, 777])
async def test_other_refusals_are_tried_at_the_usual_pace(
    feishu: FakeFeishu, outbound: Outbound, make: MakeChannel, code: int
) -> None:
    feishu.connections.refusals = [code]
    sleeps = Sleeps(1)
    await run(feishu, outbound, make, sleeps)
    assert sleeps.slept == [Pace().interval]


@pytest.mark.parametrize(
    ("headers", "slow"),
    [
        ({"Handshake-Status": "514", "Handshake-Autherrcode": "1000040350", "Handshake-Msg": "x"}, True),
        ({"Handshake-Status": "403", "Handshake-Msg": "x"}, True),
        ({"Handshake-Status": "1000040343"}, False),
        ({"Handshake-Status": "soon"}, False),
        ({}, False),
    ],
)
async def test_a_refused_handshake_tells_its_reason_in_headers(
    feishu: FakeFeishu, outbound: Outbound, make: MakeChannel, headers: dict[str, str], slow: bool
) -> None:
    feishu.connections.handshakes = [headers]
    sleeps = Sleeps(1)
    await run(feishu, outbound, make, sleeps)
    assert sleeps.slept == [SLOW_SECONDS if slow else 1.0]


async def test_secrets_and_the_address_are_not_logged(
    feishu: FakeFeishu, outbound: Outbound, make: MakeChannel, capsys: pytest.CaptureFixture[str]
) -> None:
    feishu.connections.handshakes = [{}]
    await run(feishu, outbound, make, Sleeps(2), app_secret="wrong-secret")
    await run(feishu, outbound, make, Sleeps(1))
    logged = "".join(capsys.readouterr())
    assert "no long connection" in logged
    assert "wrong-secret" not in logged
    assert "access_key" not in logged


async def test_an_unencrypted_address_is_taken_only_from_an_unencrypted_platform(
    feishu: FakeFeishu, outbound: Outbound, make: MakeChannel
) -> None:
    long = LongConnection(outbound, "feishu", make()._config, make()._arrived)
    secure = LongConnection(outbound, "feishu", make(base_url="https://open.feishu.cn")._config, make()._arrived)
    assert [long._trusted("ws://x"), long._trusted("wss://x"), long._trusted("http://x")] == [True, True, False]
    assert [secure._trusted("ws://x"), secure._trusted("wss://x")] == [False, True]


async def test_in_the_other_mode_nothing_is_opened(channel: Feishu, feishu: FakeFeishu) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.listen(Inbox(channel).receive), 0.05)
    assert feishu.connections.endpoint_calls == 0


@pytest.mark.parametrize(
    ("settings", "pace"),
    [
        ({"ReconnectInterval": 60, "ReconnectNonce": 5, "PingInterval": 90, "ReconnectCount": 3}, Pace(3, 60, 5, 90)),
        ({"ReconnectInterval": 0, "ReconnectNonce": -1, "PingInterval": 0}, Pace(-1, 1, 0, 1)),
        ({"PingInterval": 10**9, "ReconnectNonce": True, "ReconnectInterval": "x"}, Pace(-1, 120, 30, 3600)),
        ([], Pace()),
        (None, Pace()),
    ],
)
def test_foreign_settings_stay_within_bounds(settings: object, pace: Pace) -> None:
    assert Pace().told(json.loads(json.dumps(settings))) == pace


async def until(done: Callable[[], bool]) -> None:
    """Wait until something on another connection has happened."""
    async with asyncio.timeout(3):
        while not done():  # noqa: ASYNC110 (it happens in the program, which knows no event for it)
            await asyncio.sleep(0.005)
