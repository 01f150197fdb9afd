"""One dead and one very slow destination among 200 do not delay the other 198: measured over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import pytest
from sqlalchemy import text

from adapters.signatures import new_secret
from bot import parts
from bot.clock import utc_now
from bot.gate import Gate
from bot.jobs.dispatcher import Dispatcher
from bot.jobs.scheduler import make_scheduler
from bot.metrics import Metrics
from bot.rules.vault import Vault
from bot.settings import load
from bot.usecases import destinations
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.counts import count
from tests.fakes.receiver import Receiver

DESTINATIONS = 200
DEAD, SLOW = 1, 2
ROUNDS = count(4, 40)
HANDFUL = 18  # of the 198 get a message at the same moment
SECONDS_BETWEEN = 0.06
BACKLOG = 200  # for each of the two bad ones, before anything else
ALLOWED = 0.5  # seconds; far below what waiting for a slow receiver would cost


@dataclass(frozen=True)
class Waits:
    """Seconds from queued to received, of the 198."""

    p50: float
    p99: float
    slowest: float
    arrived: int


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_two_bad_destinations_among_200_delay_nobody(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = request.getfixturevalue(f"{engine}_url")
    good = await measure(url, tmp_path, bad=False)
    bad = await measure(url, tmp_path, bad=True)
    with capsys.disabled():
        print(f"\n{engine}: 198 destinations, {ROUNDS} messages each; seconds from queued to received")
        for name, waits in (("all well", good), ("one dead, one hanging", bad)):
            print(f"  {name:22} p50 {waits.p50:.3f}  p99 {waits.p99:.3f}  max {waits.slowest:.3f}")
    expected = (DESTINATIONS - 2) * ROUNDS
    assert (good.arrived, bad.arrived) == (expected, expected)
    assert bad.p50 <= good.p50 + ALLOWED
    assert bad.p99 <= good.p99 + ALLOWED


async def measure(url: str, folder: Path, *, bad: bool) -> Waits:
    secret = new_secret()
    database = Database(url, utc_now)
    async with Receiver(secret, clock=utc_now) as receiver, running(database, folder):
        await database.write(forget_all)
        await database.write(add_destinations, receiver, secret, bad=bad)
        if bad:
            await database.write(queue, [DEAD, SLOW], BACKLOG)
        queued: dict[str, float] = {}
        for _ in range(ROUNDS):
            for first in range(3, DESTINATIONS + 1, HANDFUL):
                queued |= await database.write(queue, list(range(first, first + HANDFUL)), 1)
                await asyncio.sleep(SECONDS_BETWEEN)
        async with asyncio.timeout(30):
            while len(received := arrived(receiver, queued)) < len(queued):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.05)
        states = {row.state for row in await database.read(world.rows, Delivery, destination_id=SLOW)}
        assert states <= {"leased", "ready", "waiting"}  # nothing got through there
        assert bool(states) == bad
    database.close()
    cuts = quantiles(received, n=100)
    return Waits(cuts[49], cuts[98], max(received), len(received))


def arrived(receiver: Receiver, queued: dict[str, float]) -> list[float]:
    seen = {one.id: one.at.timestamp() - queued[one.id] for one in receiver.received if one.id in queued}
    return sorted(seen.values())


@asynccontextmanager
async def running(database: Database, folder: Path) -> AsyncIterator[None]:
    """The dispatcher as the gateway runs it: ticks, wakes, slots, schedules and the real webhook channel."""
    settings = load(data_dir=folder, egress_allow="127.0.0.1/32", port=0, metrics_port=0)
    async with parts.make_outbound(settings) as outbound:
        dispatcher = Dispatcher(
            database,
            parts.make_channels(outbound),
            Vault(bytes(32)),
            utc_now,
            Metrics(),
            Gate(),
            policy=parts.make_policy(settings, {}),
            slots={"webhook": settings.webhook_slots},
        )
        database.on_wake("deliveries", dispatcher.wake)
        scheduler = make_scheduler({dispatcher.tick: 1.0})
        scheduler.start()
        yield
        scheduler.shutdown(wait=False)
        await dispatcher.drain(0.1)


def add_destinations(work: Work, receiver: Receiver, secret: str, *, bad: bool) -> None:
    world.add_account(work)
    for number in range(1, DESTINATIONS + 1):
        address = receiver.url(f"/{number}")
        if bad and number == DEAD:
            address = f"http://127.0.0.1:{free_port()}/nobody-listens"
        if bad and number == SLOW:
            address = receiver.behave(f"/{number}", trick="hang")
        destinations.add(
            work,
            Vault(bytes(32)),
            account_id=1,
            channel="webhook",
            lane="webhook",
            address=address,
            secret=secret,
            verified=True,
        )


def forget_all(work: Work) -> None:
    for table in ("attempts", "deliveries", "destinations", "accounts"):
        work.session.execute(text(f"DELETE FROM {table}"))
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.execute(text("ALTER SEQUENCE destinations_id_seq RESTART"))


def queue(work: Work, numbers: list[int], each: int) -> dict[str, float]:
    """Queue notices; message id → the time."""
    ids = [id_ for number in numbers for id_ in world.queue(work, number, each)]
    work.wakes.add("deliveries")
    return {f"msg_{world.row(work, Delivery, id_).uid.hex}": work.now.timestamp() for id_ in ids}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
