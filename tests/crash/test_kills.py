"""Kills at random moments under load: nothing lost, nothing stuck, repeats only of sends in flight."""

import asyncio
import random
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.counts import count
from tests.crash.server import Server, environment
from tests.crash.traffic import Traffic

# Seconds: on PostgreSQL nobody can tell a dead process from a slow one before its leases are over.
LEASE = ("--read-lease", "3", "--send-lease", "3")


async def test_sqlite_survives_kills_at_random_moments(tmp_path: Path, sqlite_url: str) -> None:
    seed, kills, in_flight = random.randrange(10**6), count(5, 30), 0
    moments = random.Random(seed)
    settings = environment(tmp_path, sqlite_url)
    async with Traffic(settings, feeds=20, destinations=30, each=3, answer=0.15) as traffic:
        async with traffic.flowing(0.06):
            for _ in range(kills):
                async with Server(settings) as server:
                    await asyncio.sleep(moments.uniform(0.5, 3.5))
                    server.send(signal.SIGKILL)
                    assert await server.ended() == -signal.SIGKILL
                    assert not server.complaints
                    in_flight += traffic.killed()
        async with Server(settings) as server:
            await server.ready()
            await traffic.settled(120)
            assert not server.complaints
        _report(traffic, f"seed {seed}, {kills} kills", in_flight)
        traffic.check()
        traffic.check_repeats()


async def test_two_processes_on_postgresql_survive_kills_of_either(tmp_path: Path, postgresql_url: str) -> None:
    seed, kills, in_flight = random.randrange(10**6), count(3, 10), 0
    moments = random.Random(seed)
    settings = environment(tmp_path, postgresql_url)
    async with Traffic(settings, feeds=20, destinations=30, each=3, answer=0.15) as traffic:
        async with Server(settings, wound=LEASE) as first, Server(settings, wound=LEASE) as second:
            pair = [first, second]
            await _ready(pair)
            async with traffic.flowing(0.06):
                for _ in range(kills):
                    await asyncio.sleep(moments.uniform(0.1, 2.0))
                    victim = moments.choice(pair)
                    victim.send(signal.SIGKILL)
                    assert await victim.ended() == -signal.SIGKILL
                    in_flight += traffic.killed()
                    assert not victim.complaints
                    await victim.start()
                    await _ready(pair)
            await traffic.settled(120)
            assert not any(server.complaints for server in pair)
        _report(traffic, f"seed {seed}, {kills} kills", in_flight)
        traffic.check()
        traffic.check_repeats()


async def _ready(servers: Sequence[Server]) -> None:
    for server in servers:
        await server.ready()


def _report(traffic: Traffic, run: str, in_flight: int) -> None:
    print(f"\n{run}: {len(traffic.wanted)} deliveries, {in_flight} in flight at kills, {traffic.repeats} repeats")
