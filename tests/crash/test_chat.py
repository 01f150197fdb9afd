"""Crash points of the way in (reliability page, 2.3): what was acknowledged is kept; a command takes effect once."""

import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from tests.crash import ledger
from tests.crash.server import Server, until
from tests.fakes.talking import HEADER, TalkServer

LEASE = ("--read-lease", "2", "--send-lease", "2")  # seconds, so that the dead are known to be dead soon
SECRET = "s3cret-of-talk"
EVENTS = "SELECT count(*) FROM inbox"
UNDONE = "SELECT count(*) FROM inbox WHERE done_at IS NULL"
NOTHING = "Nothing is followed here yet. “subscribe https://…” follows something."
ACCOUNTS = "SELECT count(*) FROM accounts"


@pytest.fixture
async def platform() -> AsyncIterator[TalkServer]:
    async with TalkServer() as server:
        yield server


@pytest.fixture
def chat(settings: dict[str, str], platform: TalkServer) -> dict[str, str]:
    """Settings of a gateway that a small platform is connected to."""
    return settings | {"TALK_SECRET": SECRET, "TALK_BASE_URL": platform.url, "SIGNUP": "open"}


def asks(number: int, **more: Any) -> dict[str, Any]:
    return {"sender": "ann", "chat": "ann's", "text": "list", "id": str(number), **more}


async def call(server: Server, body: Any) -> int:
    """The status of a callback; 0: no answer came."""
    url = f"http://127.0.0.1:{server.port}/webhooks/talk"
    try:
        async with ClientSession() as session, session.post(url, json=body, headers={HEADER: SECRET}) as answer:
            return answer.status
    except (ClientError, OSError):
        return 0


async def killed_at(point: str, chat: Mapping[str, str], body: Any) -> int:
    """A server dies at the point of a callback; returns the status that the platform got."""
    async with Server(chat, wound=["--at", f"{point}=kill", *LEASE]) as server:
        await server.ready()
        status = await call(server, body)
        assert await server.ended() == -signal.SIGKILL
        assert not server.complaints
    return status


async def recovers(chat: Mapping[str, str], platform: TalkServer, repeated: Any) -> None:
    """The next server has one effect and one answer, though the platform repeats itself; and goes on."""
    async with Server(chat, wound=LEASE) as server:
        await server.ready()
        assert await call(server, repeated) == 200
        await until(lambda: platform.texts("ann's") == [NOTHING], "the command is answered")
        assert await call(server, repeated) == 200
        assert await call(server, asks(2)) == 200
        await until(lambda: len(platform.texts("ann's")) == 2, "the next command is answered")
        await until(lambda: ledger.rows(chat["DATABASE_URL"], UNDONE) == [(0,)], "all is worked off")
        assert not server.complaints
    assert platform.texts("ann's") == [NOTHING, NOTHING]
    assert ledger.rows(chat["DATABASE_URL"], ACCOUNTS) == [(1,)]
    assert ledger.rows(chat["DATABASE_URL"], EVENTS) == [(2,)]


async def test_k8_killed_before_the_event_is_committed(chat: dict[str, str], platform: TalkServer) -> None:
    assert await killed_at("arriving", chat, asks(1)) == 0
    assert ledger.rows(chat["DATABASE_URL"], EVENTS) == [(0,)]
    await recovers(chat, platform, asks(1))


async def test_k9_killed_before_the_event_is_acknowledged(chat: dict[str, str], platform: TalkServer) -> None:
    assert await killed_at("arrived", chat, asks(1)) == 0
    assert ledger.rows(chat["DATABASE_URL"], EVENTS) == [(1,)]
    await recovers(chat, platform, asks(1))


async def test_killed_inside_the_effect_of_a_command(chat: dict[str, str], platform: TalkServer) -> None:
    assert await killed_at("obeyed", chat, asks(1)) in (0, 200)
    assert ledger.rows(chat["DATABASE_URL"], ACCOUNTS) == [(0,)]
    assert ledger.rows(chat["DATABASE_URL"], UNDONE) == [(1,)]
    await recovers(chat, platform, asks(1))


async def test_killed_before_a_reply_is_given_as_the_answer(chat: dict[str, str], platform: TalkServer) -> None:
    """It is in the outbox, and is sent when its time comes."""
    assert await killed_at("replying", chat, asks(1, wants_answer=True)) == 0
    assert ledger.states(chat["DATABASE_URL"]) == {"waiting": 1}
    await recovers(chat, platform, asks(1, wants_answer=True))
