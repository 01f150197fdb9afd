"""Leaving in good order: in time, with nothing lost; and starting again before a long queue."""

import signal
from collections.abc import Mapping
from time import monotonic

from tests.counts import count
from tests.crash import ledger
from tests.crash.server import Server, until
from tests.crash.traffic import Traffic

STOP_SECONDS = 9  # so that it fits into the ten that container engines give
START_SECONDS = 5
QUEUED = count(50_000, 1_000_000)


async def test_a_stop_under_load_ends_in_time_with_all_sends_settled(settings: dict[str, str]) -> None:
    async with Traffic(settings, feeds=20, destinations=30, each=3, answer=0.2) as traffic:
        async with Server(settings) as server, traffic.flowing():
            await until(lambda: len(traffic.received) > 50, "posts flow")
            asked = monotonic()
            server.send(signal.SIGTERM)
            assert await server.ended() == 0
            took = monotonic() - asked
            assert not server.complaints
        print(f"\nstopped under load in {took:.1f} s")
        assert took <= STOP_SECONDS
        assert not ledger.in_flight(settings["DATABASE_URL"])
        assert ledger.rows(settings["DATABASE_URL"], "SELECT * FROM feeds WHERE lease_token IS NOT NULL") == []
        claimed_in_vain = "SELECT count(*) FROM deliveries WHERE state = 'ready' AND attempts > 0"
        assert ledger.rows(settings["DATABASE_URL"], claimed_in_vain) == [(0,)]
        async with Server(settings) as server:
            await server.ready()
            await traffic.settled()
        traffic.check()
        assert traffic.repeats == 0


async def test_what_has_no_answer_at_the_stop_is_sent_again_under_its_id(
    settings: dict[str, str], traffic: Traffic
) -> None:
    async with Server(settings) as server:
        await hanging(server, traffic)
        asked = monotonic()
        server.send(signal.SIGTERM)
        await server.answers("/readyz", 503)
        assert monotonic() - asked < 1
        assert await server.get("/healthz") == 200
        assert await server.ended() == 0
        took = monotonic() - asked
        assert not server.complaints
    print(f"\nstopped with hanging receivers in {took:.1f} s")
    assert took <= STOP_SECONDS
    unknown = "SELECT count(*) FROM deliveries WHERE state = 'waiting' AND first_ambiguous_at IS NOT NULL"
    assert ledger.rows(settings["DATABASE_URL"], unknown) == [(len(traffic.wanted),)]

    traffic.behave()
    ledger.change(settings["DATABASE_URL"], "UPDATE deliveries SET due_at = 0")  # a minute later
    async with Server(settings) as server:
        await server.ready()
        await traffic.settled()
    traffic.check()
    assert traffic.repeats == len(traffic.wanted)


async def test_a_second_signal_ends_it_at_once(settings: dict[str, str], traffic: Traffic) -> None:
    async with Server(settings) as server:
        await hanging(server, traffic)
        server.send(signal.SIGTERM)
        await server.answers("/readyz", 503)
        asked = monotonic()
        server.send(signal.SIGTERM)
        assert await server.ended() == 1
        assert monotonic() - asked < 1
    assert traffic.killed() == len(traffic.wanted)

    traffic.behave()
    ledger.change(settings["DATABASE_URL"], "UPDATE deliveries SET due_at = 0")  # their leases are over
    async with Server(settings) as server:
        await server.ready()
        await traffic.settled()
    traffic.check()
    traffic.check_repeats()


async def hanging(server: Server, traffic: Traffic) -> None:
    """One post of each feed is on its way to every destination, and none is answered."""
    traffic.behave(trick="hang")
    await server.ready()
    for feed in traffic.feeds:
        traffic.publish(feed)
    await until(lambda: not traffic.missing, "all have been sent")


async def test_a_start_does_not_wait_for_the_queue(settings: dict[str, str], traffic: Traffic) -> None:
    fill(settings)
    traffic.receivers[0].behave("/0", trick="hang")  # the one to whom all of that goes
    begun = monotonic()
    async with Server(settings) as server:
        await server.answers("/readyz", 200)
        took = monotonic() - begun
        print(f"\nready in {took:.1f} s with {QUEUED} queued")
        assert took <= START_SECONDS
        traffic.publish(traffic.feeds[2])  # goes to the two others
        await until(lambda: not traffic.missing, "a new post passes the queue", 10)


def fill(settings: Mapping[str, str]) -> None:
    """Queue so many notices for the first destination, some of them leased by a process that died."""
    url = settings["DATABASE_URL"]
    uid = "lower(hex(randomblob(16)))" if url.startswith("sqlite") else "gen_random_uuid()"
    due, expires = "1767225600000000", "4102444800000000"  # microseconds: 2026 and 2100
    ledger.change(
        url,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {QUEUED}) "
        "INSERT INTO deliveries (account_id, destination_id, uid, event, text, lane, state, lease_token, due_at, "
        "expires_at, created_at) "
        f"SELECT account_id, id, {uid}, 'test', 'Some text.', lane, "
        "CASE WHEN i % 1000 = 0 THEN 'leased' ELSE 'ready' END, CASE WHEN i % 1000 = 0 THEN 'dead' END, "
        f"{due} + i, {expires}, {due} "
        "FROM n CROSS JOIN destinations WHERE id = 1",
    )
