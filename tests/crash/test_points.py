"""Each crash point of the reliability page (2.3), forced: what is in the database then, and what comes of it."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from storage import migrate
from tests.crash import ledger
from tests.crash.server import Server, until
from tests.crash.traffic import Traffic
from tests.fakes.publisher import Answer

LEASE = ("--read-lease", "2", "--send-lease", "2")  # seconds, so that the dead are known to be dead soon
POSTS = "SELECT count(*) FROM posts WHERE seq > 2"  # two were there before anybody subscribed
CURSORS = "SELECT id, cursor, last_seq FROM feeds ORDER BY id"


async def kill_at(point: str, settings: Mapping[str, str], traffic: Traffic) -> None:
    """Run a server that dies at the point, and publish one post of each feed for it to die on."""
    async with Server(settings, wound=["--at", f"{point}=kill", *LEASE]) as server:
        await server.ready()
        publish_all(traffic)
        assert await server.ended() == -signal.SIGKILL
        assert not server.complaints


def publish_all(traffic: Traffic) -> None:
    for feed in traffic.feeds:
        traffic.publish(feed)


async def recover(settings: Mapping[str, str], traffic: Traffic) -> None:
    """A second server finishes what the first one left."""
    async with Server(settings, wound=LEASE) as server:
        await server.ready()
        await traffic.settled()
        assert not server.complaints
    traffic.check()
    traffic.check_repeats()


# K1: while fetching or parsing


async def test_k1_killed_while_a_feed_arrives(settings: dict[str, str], traffic: Traffic) -> None:
    before = ledger.rows(settings["DATABASE_URL"], CURSORS)
    asked = traffic.publisher.requests.total()
    for feed in traffic.feeds:
        feed.answers.append(Answer(body=b"<rss>" * 1000, slow_body=float("inf")))
    publish_all(traffic)
    async with Server(settings, wound=LEASE) as server:
        await until(lambda: traffic.publisher.requests.total() >= asked + 3, "all feeds are being read")
        server.send(signal.SIGKILL)
        await server.ended()
    assert ledger.rows(settings["DATABASE_URL"], CURSORS) == before
    await recover(settings, traffic)
    assert traffic.repeats == 0


async def test_k1_killed_with_a_feed_fetched(settings: dict[str, str], traffic: Traffic) -> None:
    before = ledger.rows(settings["DATABASE_URL"], CURSORS)
    await kill_at("fetched", settings, traffic)
    assert ledger.rows(settings["DATABASE_URL"], CURSORS) == before
    await recover(settings, traffic)
    assert traffic.repeats == 0


async def test_no_parser_outlives_a_killed_server(settings: dict[str, str], traffic: Traffic) -> None:
    traffic.feeds[0].publish(html="<p>long</p>" * 30_000)  # too large for the server's own process
    async with Server(settings, wound=LEASE) as server:
        await until(lambda: len(server.family()) > 1, "a parser process runs")
        server.send(signal.SIGKILL)
        await server.ended()
        await until(lambda: not server.family(), "the parser process has ended too")


# K2 to K4: between a poll and the first byte


async def test_k2_killed_inside_the_transaction_that_records(settings: dict[str, str], traffic: Traffic) -> None:
    before = ledger.rows(settings["DATABASE_URL"], CURSORS)
    await kill_at("recorded", settings, traffic)
    assert ledger.rows(settings["DATABASE_URL"], CURSORS) == before
    assert ledger.rows(settings["DATABASE_URL"], POSTS) == [(0,)]
    assert not ledger.states(settings["DATABASE_URL"])
    await recover(settings, traffic)
    assert traffic.repeats == 0


async def test_k3_killed_before_a_claim(settings: dict[str, str], traffic: Traffic) -> None:
    await kill_at("queued", settings, traffic)
    states = ledger.states(settings["DATABASE_URL"])
    assert states.keys() == {"ready"}
    await recover(settings, traffic)
    assert traffic.repeats == 0


async def test_k4_killed_before_the_first_byte(settings: dict[str, str], traffic: Traffic) -> None:
    await kill_at("claimed", settings, traffic)
    assert ledger.states(settings["DATABASE_URL"])["leased"]
    assert not traffic.received
    await recover(settings, traffic)
    assert traffic.repeats == 0


# K5 and K6: nobody knows, so a repeat is allowed


async def test_k5_killed_before_the_answer(settings: dict[str, str], traffic: Traffic) -> None:
    traffic.behave(trick="hang")
    async with Server(settings, wound=LEASE) as server:
        await server.ready()
        publish_all(traffic)
        await until(lambda: not traffic.missing, "all have been sent")
        server.send(signal.SIGKILL)
        await server.ended()
    assert traffic.killed() == len(traffic.wanted)
    traffic.behave()
    await recover(settings, traffic)
    assert traffic.repeats == len(traffic.wanted)


@pytest.mark.parametrize("point", ["answered", "settling"])
async def test_k6_killed_before_the_result_is_stored(point: str, settings: dict[str, str], traffic: Traffic) -> None:
    await kill_at(point, settings, traffic)
    in_flight = traffic.killed()
    assert in_flight
    await recover(settings, traffic)
    assert 0 < traffic.repeats <= in_flight


# K7: all is stored


async def test_k7_killed_after_the_result_is_stored(settings: dict[str, str], traffic: Traffic) -> None:
    await kill_at("settled", settings, traffic)
    sent = ledger.states(settings["DATABASE_URL"])["sent"]
    assert sent
    in_flight = traffic.killed()  # others of the same round
    await recover(settings, traffic)
    assert traffic.repeats <= in_flight


# The same points, where something fails and the process lives

FAILURES = ["fetched=bug", "recorded=error,full,bug", "queued=error,full", "claimed=bug", "answered=error,full"]


async def test_failures_at_all_points_are_got_over(settings: dict[str, str], traffic: Traffic) -> None:
    wounds = [argument for failure in FAILURES for argument in ("--at", failure)]
    async with Server(settings, wound=[*wounds, "--read-lease", "2"]) as server:
        await server.ready()
        while len(server.strikes) < 9:
            publish_all(traffic)
            await traffic.settled()
    traffic.check()
    assert traffic.repeats == 0


async def test_a_result_that_cannot_be_stored_costs_the_others_nothing(
    settings: dict[str, str], traffic: Traffic
) -> None:
    async with Server(settings, wound=["--at", "settling=bug", *LEASE]) as server:
        await server.ready()
        publish_all(traffic)
        await traffic.settled()
        await until(lambda: server.strikes, "its log tells of the wound")
    traffic.check()
    assert traffic.repeats <= 1  # it was alone: then nobody knows whether it was sent


# K10: inside a migration

STEP = '''"""A step that makes a table, copies into it, and takes the old one's place."""

import os
import signal

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", {head!r}, None, None


def upgrade() -> None:
    with op.batch_alter_table("feeds", recreate="auto") as feeds:
        feeds.add_column(sa.Column("colour", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE feeds SET colour = 'red'")
    if os.environ.get("DIE_IN_MIGRATION"):
        os.kill(os.getpid(), signal.SIGKILL)
'''


async def test_k10_killed_inside_a_migration(tmp_path: Path, settings: dict[str, str], traffic: Traffic) -> None:
    migrations = ["--migrations", str(_with_another_step(tmp_path / "migrations")), *LEASE]
    before = ledger.rows(settings["DATABASE_URL"], CURSORS)
    async with Server({**settings, "DIE_IN_MIGRATION": "1"}, wound=migrations) as server:
        assert await server.ended() == -signal.SIGKILL
    assert ledger.rows(settings["DATABASE_URL"], "SELECT version_num FROM alembic_version") != [("9999",)]
    assert ledger.rows(settings["DATABASE_URL"], CURSORS) == before

    publish_all(traffic)
    async with Server(settings, wound=migrations) as server:
        await traffic.settled()
    assert ledger.rows(settings["DATABASE_URL"], "SELECT DISTINCT colour FROM feeds") == [("red",)]
    traffic.check()
    assert traffic.repeats == 0


def _with_another_step(folder: Path) -> Path:
    """A copy of the migrations, and one more to come."""
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(file.name[:4] for file in (folder / "versions").glob("[0-9]*.py"))
    (folder / "versions" / "9999_next.py").write_text(STEP.format(head=head))
    return folder
