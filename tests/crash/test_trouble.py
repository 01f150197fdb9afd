"""The ground gives way under a running server: a full disk, a database that goes away.  It goes on by itself."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.counts import count
from tests.crash import ledger
from tests.crash.nursery import ROOT
from tests.crash.server import Server, environment, until
from tests.crash.traffic import Traffic


@pytest.mark.parametrize("room", ["none", "what is in use"])
async def test_a_full_disk_loses_nothing_and_is_left_behind(tmp_path: Path, sqlite_url: str, room: str) -> None:
    settings = environment(tmp_path, sqlite_url)
    async with Traffic(settings, answer=0.1) as traffic, Server(settings) as server:
        async with traffic.flowing(0.1):
            await until(lambda: len(traffic.received) > 10, "posts flow")
            largest = max(file.stat().st_size for file in tmp_path.glob("postbell.db*"))
            limit_files(server, 0 if room == "none" else largest)
            await server.answers("/readyz", 503)
            assert await server.get("/healthz") == 200
            assert await asyncio.to_thread(listed, settings)
            await asyncio.sleep(1)
            limit_files(server, resource.RLIM_INFINITY)
            await server.answers("/readyz", 200)
        await traffic.settled()
        traffic.check()
        assert traffic.repeats == 0


def limit_files(server: Server, size: int) -> None:
    """No file of the server's may grow beyond ``size``: it fails as a full disk does."""
    _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most if size == resource.RLIM_INFINITY else size, most))


def listed(settings: Mapping[str, str]) -> list[object]:
    """What ``postbell deliveries`` shows beside the running server."""
    command = [sys.executable, "-m", "bot", "deliveries", "--json"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    shown = subprocess.run(command, env=environment, cwd=settings["DATA_DIR"], capture_output=True, check=True)
    found: list[object] = json.loads(shown.stdout)
    return found


async def test_connections_that_the_database_ends_are_made_again(tmp_path: Path, postgresql_url: str) -> None:
    settings = environment(tmp_path, postgresql_url)
    async with Traffic(settings, answer=0.1) as traffic, Server(settings, wound=["--read-lease", "3"]) as server:
        async with traffic.flowing():
            await until(lambda: len(traffic.received) > 10, "posts flow")
            for _ in range(count(3, 10)):
                end_connections(postgresql_url)
                await asyncio.sleep(0.7)
        await traffic.settled()
        assert not server.complaints
        traffic.check()
        assert traffic.repeats == 0


async def test_a_database_that_is_away_for_a_while_is_waited_for(tmp_path: Path, postgresql_url: str) -> None:
    settings = environment(tmp_path, postgresql_url)
    async with Traffic(settings, answer=0.1) as traffic, Server(settings, wound=["--read-lease", "3"]) as server:
        async with traffic.flowing():
            await until(lambda: len(traffic.received) > 10, "posts flow")
            allow_connections(postgresql_url, "false")
            end_connections(postgresql_url)
            await server.answers("/readyz", 503)
            allow_connections(postgresql_url, "true")
            await server.answers("/readyz", 200)
        await traffic.settled(40)
        traffic.check()
        assert traffic.repeats == 0


async def test_a_stop_while_nothing_can_be_stored_ends_in_time(settings: dict[str, str]) -> None:
    url = settings["DATABASE_URL"]
    async with Traffic(settings, feeds=20, destinations=30, each=3, answer=0.5) as traffic:
        async with Server(settings) as server:
            async with traffic.flowing(0.1):
                await until(lambda: len(traffic.received) > 10, "posts flow")
                if url.startswith("sqlite"):
                    limit_files(server, 0)
                else:
                    allow_connections(url, "false")
                    end_connections(url)
                await server.answers("/readyz", 503)
            asked = monotonic()
            server.send(signal.SIGTERM)
            await server.ended()
            assert monotonic() - asked <= 9
        if not url.startswith("sqlite"):
            allow_connections(url, "true")
        print(f"\nstopped in {monotonic() - asked:.1f} s")
        assert not server.babble
        traffic.killed()
        ledger.change(url, "UPDATE deliveries SET due_at = 0 WHERE state = 'leased'")  # their leases are over
        ledger.change(url, "UPDATE feeds SET due_at = 0")
        async with Server(settings) as server:
            await server.ready()
            await traffic.settled()
        traffic.check()
        traffic.check_repeats()


async def test_a_dispatcher_alone_gets_over_a_full_database(tmp_path: Path, postgresql_url: str) -> None:
    settings = environment(tmp_path, postgresql_url)
    full = ["--at", "answered=full"]
    async with Traffic(settings) as traffic, Server(settings, roles="web,poller") as poller:
        async with Server(settings, roles="dispatcher", wound=full) as dispatcher:
            await poller.ready()
            await dispatcher.ready()
            for feed in traffic.feeds:
                traffic.publish(feed)
            await traffic.settled()
            traffic.publish()
            await traffic.settled()
        traffic.check()
        assert traffic.repeats == 0


def end_connections(url: str) -> None:
    database = make_url(url).database
    with psycopg.connect(_server(url), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))


def allow_connections(url: str, allowed: str) -> None:
    with psycopg.connect(_server(url), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{make_url(url).database}" ALLOW_CONNECTIONS {allowed}'.encode())


def _server(url: str) -> str:
    return make_url(url).set(database="postgres").render_as_string(hide_password=False)
