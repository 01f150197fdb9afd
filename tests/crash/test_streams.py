"""Kills while a stream is heard and its feeds are polled, too: each post is delivered, and none for both reasons."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from bot import plugins
from tests.counts import count
from tests.crash.server import Server, environment
from tests.crash.traffic import Traffic
from tests.fakes.wire import Agency

LEASE = ("--read-lease", "3", "--send-lease", "3")  # seconds, so that the dead are known to be dead soon


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"][: count(1, 2)])
async def test_what_is_heard_and_polled_survives_kills_and_arrives_once(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plugins.SOURCES, "wire", "tests.fakes.wire:Wire")
    seed, kills = random.randrange(10**6), count(1, 20)
    moments = random.Random(seed)
    async with Agency() as agency:
        settings = environment(
            tmp_path,
            request.getfixturevalue(f"{engine}_url"),
            WIRE_BASE_URL=agency.url,
            WIRE_POLL_SECONDS="1",
            WIRE_STREAM="true",
        )
        heard = 0
        async with Traffic(settings, agency=agency) as traffic, Server(settings, wound=LEASE) as server:
            await server.ready()
            async with traffic.flowing(0.03):
                for _ in range(kills):
                    await asyncio.sleep(moments.uniform(1.0, 2.5))
                    server.send(signal.SIGKILL)
                    assert await server.ended() == -signal.SIGKILL
                    assert not server.complaints
                    heard += any(line["event"] == "heard" for line in server.log)
                    traffic.killed()
                    await server.start()
                    await server.ready()
            assert heard  # in some lives; others are over before the stream is
            await traffic.settled(60)
            assert not server.complaints
        traffic.check()
        traffic.check_repeats()
        assert agency.told.polls > 0
