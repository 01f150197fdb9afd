"""Kills at random moments under load, on all channels at once: nothing lost, nothing stuck, no command obeyed twice.

Repeats only of sends in flight, and none where the platform knows a message that comes again.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.counts import count
from tests.crash.server import Server, environment
from tests.crash.talk import Talk, settings_of
from tests.crash.traffic import Traffic
from tests.fakes.feishu import FakeFeishu
from tests.fakes.whatsapp import FakeWhatsApp

HURRY = ("--hurry",)
# Seconds: on PostgreSQL nobody can tell a dead process from a slow one before its leases are over.
LEASE = ("--read-lease", "3", "--send-lease", "3")


@dataclass(frozen=True)
class Load:
    """What flows through the servers, and their settings."""

    settings: dict[str, str]
    traffic: Traffic
    talk: Talk

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        async with self.traffic.flowing(0.06), self.talk.flowing():
            yield

    async def settled(self) -> None:
        await self.traffic.settled(120)
        await self.talk.settled(120)

    def check(self, run: str, in_flight: int) -> None:
        traffic, talk = self.traffic, self.talk
        said = sum(map(len, talk.said.values()))
        print(f"\n{run}: {len(traffic.wanted)} deliveries, {in_flight} in flight at kills, {traffic.repeats} repeats")
        print(f"{said} commands of {len(talk.people)} chats, {talk.repeats} repeats")
        for one in (traffic, talk):
            one.check()
            one.check_repeats()


@asynccontextmanager
async def load(folder: Path, database_url: str) -> AsyncIterator[Load]:
    async with FakeFeishu() as feishu, FakeWhatsApp() as whatsapp:
        whatsapp.rules.pair_burst = whatsapp.rules.throughput = 10**6
        settings = environment(folder, database_url, **settings_of(feishu, whatsapp))
        async with (
            Traffic(settings, feeds=20, destinations=30, each=3, answer=0.15) as traffic,
            Talk(feishu, whatsapp, traffic) as talk,
        ):
            yield Load(settings, traffic, talk)


async def test_sqlite_survives_kills_at_random_moments(tmp_path: Path, sqlite_url: str) -> None:
    seed, kills, in_flight = random.randrange(10**6), count(2, 30), 0
    moments = random.Random(seed)
    async with load(tmp_path, sqlite_url) as flow, Server(flow.settings, wound=HURRY) as server:
        flow.talk.connect(server.port, server.port)
        await server.ready()
        await flow.talk.begin()
        async with flow.flowing():
            for _ in range(kills):
                await asyncio.sleep(moments.uniform(1.0, 3.5))
                server.send(signal.SIGKILL)
                assert await server.ended() == -signal.SIGKILL
                assert not server.complaints
                in_flight += flow.traffic.killed()
                await server.start()
            await server.ready()
        await flow.settled()
        assert not server.complaints
        flow.check(f"seed {seed}, {kills} kills", in_flight)


async def test_two_processes_on_postgresql_survive_kills_of_either(tmp_path: Path, postgresql_url: str) -> None:
    seed, kills, in_flight = random.randrange(10**6), count(1, 10), 0
    moments = random.Random(seed)
    wound = [*HURRY, *LEASE]
    async with (
        load(tmp_path, postgresql_url) as flow,
        Server(flow.settings, wound=wound) as first,
        Server(flow.settings, wound=wound) as second,
    ):
        pair = [first, second]
        flow.talk.connect(first.port, second.port)
        await _ready(pair)
        await flow.talk.begin()
        async with flow.flowing():
            for _ in range(kills):
                await asyncio.sleep(moments.uniform(0.5, 2.0))
                victim = moments.choice(pair)
                victim.send(signal.SIGKILL)
                assert await victim.ended() == -signal.SIGKILL
                in_flight += flow.traffic.killed()
                assert not victim.complaints
                await victim.start()
                await _ready(pair)
        await flow.settled()
        assert not [*first.complaints, *second.complaints]
        flow.check(f"seed {seed}, {kills} kills", in_flight)


async def _ready(servers: Sequence[Server]) -> None:
    for server in servers:
        await server.ready()
