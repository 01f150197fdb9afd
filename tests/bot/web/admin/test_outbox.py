"""Deliveries over HTTP: searching a bounded part of them at a time, sending again, giving up, holding everything."""

from datetime import timedelta
from typing import Any

import pytest

from bot.usecases import deliveries
from storage import lists, models
from storage.database import Database, Work
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELON = "44196397"


async def alerted(served: Served, posts: int) -> Caller:
    """Somebody to whom posts were queued, a minute apart."""
    caller = await served.caller()
    await caller.subscribed()
    for n in range(posts):
        served.clock.advance(minutes=1)
        await served.post("x", ELON, world.item(f"post {n} for {caller.account_id}"))
    return caller


async def found(served: Served, query: str) -> list[dict[str, Any]]:
    answer = await served.admin("GET", f"/deliveries?{query}")
    assert answer.status == 200, answer.body
    return list(answer.body["deliveries"])


async def test_deliveries_are_found_by_everything_that_is_known_of_them(served: Served) -> None:
    caller = await alerted(served, 3)
    mine = f"account={caller.account_id}"
    rows = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    await served.settle(rows[0].id, state="failed", error_code="http_500")
    ids = [row.id for row in rows]
    (feed,) = await served.database.read(world.rows, models.Feed, key=ELON)
    middle = rows[1].created_at.isoformat().replace("+00:00", "Z")

    async def got(query: str) -> list[int]:
        return [one["id"] for one in await found(served, f"{mine}&{query}") if one["id"] in ids]

    assert await got("") == ids[::-1]
    assert await got(f"destination={rows[0].destination_id}") == ids[::-1]
    assert await got("destination=999999") == []
    assert await got(f"feed={feed.id}") == ids[::-1]
    assert await got("feed=999999") == []
    assert await got("state=failed") == ids[:1]
    assert await got("state=queued") == ids[:0:-1]
    assert await got("error_code=http_500") == ids[:1]
    assert await got(f"since={middle}") == ids[:0:-1]
    assert await got(f"until={middle}") == ids[:1]
    assert await got(f"since={middle}&until={middle}") == []
    for wrong in (
        "state=lost",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z",
    ):
        assert (await served.admin("GET", f"/deliveries?{wrong}")).status == 400, wrong


async def test_one_delivery_is_shown_with_its_attempts_and_without_a_code(served: Served) -> None:
    caller = await alerted(served, 1)
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    await served.database.write(_fail_once, row.id)
    shown = (await served.admin("GET", f"/deliveries/{row.id}")).body
    assert shown["delivery"]["url"].startswith("https://")
    assert [(one["n"], one["outcome"], one["code"]) for one in shown["attempts"]] == [(1, "retry", "http_500")]
    await caller("POST", "/phones", {"phoneNumber": caller.number(7)})
    code = await served.code(caller.account_id, caller.number(7))
    (sent,) = [one for one in await found(served, f"account={caller.account_id}&limit=1") if one["event"] == "code"]
    assert (sent["title"], sent["lane"]) == ("", "code")
    assert code not in str((await served.admin("GET", f"/deliveries/{sent['id']}")).body)


def _fail_once(work: Work, delivery_id: int) -> None:
    from tests.storage.outbox.desk import BROKEN

    due = deliveries.take_due(work, "chat", 500, 0, {"whatsapp": 100}).due
    world.settle(work, [one for one in due if one.id == delivery_id], BROKEN)


async def test_one_is_sent_again(served: Served) -> None:
    caller = await alerted(served, 1)
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    await served.settle(row.id, state="failed")
    assert (await served.admin("POST", f"/deliveries/{row.id}/again")).body["delivery"]["state"] == "ready"
    await served.settle(row.id, state="leased", lease_token="x")
    assert (await served.admin("POST", f"/deliveries/{row.id}/again")).status == 409
    assert (await served.admin("POST", "/deliveries/999999/again")).status == 404
    await served.settle(row.id, state="sent", lease_token=None)


async def test_a_range_is_sent_again_without_what_cannot_be(served: Served) -> None:
    caller = await alerted(served, 4)
    rows = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    for row in rows[:3]:
        await served.settle(row.id, state="failed")
    await served.settle(rows[3].id, state="leased", lease_token="x")
    since = rows[1].created_at.isoformat().replace("+00:00", "Z")
    wish = {"account": caller.account_id, "since": since}
    assert (await served.admin("POST", "/deliveries/again", wish)).body == {"queued": 2, "before": None}
    again = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    assert [row.state for row in again] == ["failed", "ready", "ready", "leased"]
    (phone,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    await served.admin("POST", f"/destinations/{phone.id}/disable", {})
    nothing = await served.admin("POST", "/deliveries/again", {"account": caller.account_id})
    assert nothing.body == {"queued": 0, "before": None}


async def test_what_was_queued_before_a_time_is_given_up(served: Served) -> None:
    caller = await alerted(served, 2)
    rows = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    before = rows[1].created_at.isoformat()
    expired = await served.admin("POST", "/deliveries/expire", {"before": before})
    assert expired.body["more"] is False
    again = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    assert [row.state for row in again] == ["failed", "ready"]
    for wrong in ("2999-01-01T00:00:00Z", "soon"):
        assert (await served.admin("POST", "/deliveries/expire", {"before": wrong})).status == 400


async def test_sending_is_held_and_let_go(served: Served) -> None:
    assert (await served.admin("POST", "/sending/hold")).body == {"held": True}
    assert (await served.admin("GET", "/stats")).body["held"] is True
    assert await served.database.read(deliveries.is_held)
    assert (await served.admin("POST", "/sending/release")).body == {"held": False}
    assert not await served.database.read(deliveries.is_held)


async def test_stats_count_what_there_is(served: Served) -> None:
    before = (await served.admin("GET", "/stats")).body
    await alerted(served, 2)
    after = (await served.admin("GET", "/stats")).body
    assert after["counted_to"] == 10_000
    assert after["accounts"] == before["accounts"] + 1
    assert after["destinations"] == before["destinations"] + 1
    assert after["subscriptions"] == before["subscriptions"] + 1
    assert after["queued"]["ready"] >= before["queued"]["ready"] + 3  # two posts at least, and the code
    assert sum(after["latest"].values()) > sum(before["latest"].values())
    assert after["oldest_seconds"] >= 0


# Whatever there is, a page looks at a part of it


def queued(work: Work, count: int) -> list[int]:
    (where,) = world.add_destinations(work, 1)
    return world.queue(work, where, count)


async def test_a_page_that_finds_nothing_says_where_to_go_on(database: Database) -> None:
    ids = await database.write(queued, 10)

    def search(work: Work, before: int, destination: int) -> lists.Listed:
        return lists.deliveries(work.session, lists.Sought(destination=destination), before, 2, looked=4)

    seen: list[Any] = []
    before, pages = 2**63 - 1, 0
    while before:
        page = await database.read(search, before, 999)
        seen += page.rows
        before, pages = page.before or 0, pages + 1
    assert (seen, pages) == ([], 3)
    first = await database.read(search, 2**63 - 1, 1)
    assert ([row.id for row in first.rows], first.before) == (ids[:-3:-1], ids[-2])


async def test_a_time_is_found_among_ids(database: Database, clock: MovableClock) -> None:
    ids: list[int] = []
    for day in range(8):
        ids += await database.write(queued if day == 0 else _more, 1)
        clock.advance(days=1)

    def since(work: Work, days_ago: float) -> list[int]:
        at = work.now - timedelta(days=days_ago)
        return [row.id for row in lists.deliveries(work.session, lists.Sought(since=at), 2**63 - 1, 50).rows]

    def until(work: Work, days_ago: float) -> list[int]:
        at = work.now - timedelta(days=days_ago)
        return [row.id for row in lists.deliveries(work.session, lists.Sought(until=at), 2**63 - 1, 50).rows]

    for days in (0.5, 1, 3, 7.5, 20):
        young = [id_ for n, id_ in enumerate(ids) if 8 - n <= days]
        assert await database.read(since, days) == young[::-1]
        assert await database.read(until, days) == [id_ for id_ in ids if id_ not in young][::-1]


def _more(work: Work, count: int) -> list[int]:
    return world.queue(work, 1, count)
