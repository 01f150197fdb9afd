"""Destinations, feeds and channels over HTTP."""

from typing import Any

import pytest

from bot.usecases import deliveries, providers
from storage import models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_destinations_are_listed_by_account_channel_and_state(served: Served) -> None:
    caller = await served.caller()
    numbers = [await caller.verified(n) for n in (1, 2)]
    mine = f"/destinations?account={caller.account_id}"
    listed = (await served.admin("GET", mine)).body["destinations"]
    assert [one["address"] for one in listed] == numbers[::-1]
    disabled = await served.admin("POST", f"/destinations/{listed[0]['id']}/disable", {"reason": "asked for it"})
    assert disabled.body["disabled_reason"] == "asked for it"
    for query, count in (
        ("disabled=true", 1), ("disabled=false", 1), ("channel=whatsapp", 2), ("channel=feishu", 0)
    ):  # fmt: skip
        assert len((await served.admin("GET", f"{mine}&{query}")).body["destinations"]) == count, query
    assert (await served.admin("POST", f"/destinations/{listed[0]['id']}/disable", {})).status == 409
    enabled = await served.admin("POST", f"/destinations/{listed[0]['id']}/enable")
    assert enabled.body["disabled_at"] is None
    assert (await served.admin("POST", f"/destinations/{listed[0]['id']}/enable")).status == 409
    assert (await served.admin("GET", f"{mine}&disabled=maybe")).status == 400
    assert (await served.admin("POST", "/destinations/999999/enable")).status == 404


async def test_disabling_a_destination_fails_what_is_queued_for_it(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()
    await served.post("x", "44196397", world.item(f"queued {caller.account_id}"))
    (phone,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    await served.admin("POST", f"/destinations/{phone.id}/disable", {})
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    assert (row.state, row.error) == ("failed", "destination disabled: by an operator")


async def test_a_feed_is_polled_paused_and_resumed(served: Served) -> None:
    id_ = await served.database.write(_feed, 71)
    assert (await served.admin("POST", f"/feeds/{id_}/poll")).status == 200
    feed = await served.database.read(world.row, models.Feed, id_)
    assert feed.due_at <= served.clock.now
    assert (await served.admin("POST", f"/feeds/{id_}/pause")).body["state"] == "paused"
    for refused in ("poll", "pause"):
        assert (await served.admin("POST", f"/feeds/{id_}/{refused}")).status == 409
    paused = (await served.admin("GET", "/feeds?state=paused&source=feed")).body["feeds"]
    assert [one["id"] for one in paused] == [id_]
    assert (await served.admin("POST", f"/feeds/{id_}/resume")).body["state"] == "active"
    assert (await served.admin("POST", f"/feeds/{id_}/resume")).status == 409
    assert (await served.admin("GET", f"/feeds/{id_}")).body["key"] == "https://71.example.org/feed"
    assert (await served.admin("GET", "/feeds/999999")).status == 404


async def test_failing_feeds_are_listed(served: Served) -> None:
    id_ = await served.database.write(_feed, 72, failures=3, fault="http", reason="its server answers 500")
    failing = (await served.admin("GET", "/feeds?state=failing")).body["feeds"]
    assert [(one["id"], one["failures"], one["reason"]) for one in failing] == [(id_, 3, "its server answers 500")]
    assert (await served.admin("GET", "/feeds?state=broken")).status == 400


def _feed(work: Work, /, number: int, **fields: object) -> int:
    return world.add_feed(work, number, due_at=work.now + world.HOUR, **fields)


async def test_a_channel_is_paused_until_it_is_resumed(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()
    await served.post("x", "44196397", world.item(f"paused {caller.account_id}"))
    assert (await served.admin("POST", "/channels/whatsapp/pause")).body["state"] == "paused"
    assert (await served.admin("POST", "/channels/whatsapp/pause")).status == 409
    served.clock.advance(days=2)
    shown = await _whatsapp(served)
    assert (shown["name"], shown["lane"], shown["state"]) == ("whatsapp", "chat", "paused")
    assert not (await served.database.write(deliveries.take_due, "chat", 9, 0, {"whatsapp": 9})).due
    await served.database.write(
        providers.suspend, "whatsapp", "the token is void", operator_destination=None, schedules=world.SCHEDULES
    )
    await served.database.write(providers.resumed, {"whatsapp"})  # a send that was on its way has succeeded
    served.clock.advance(days=2)
    assert await served.database.read(providers.resting) == {"whatsapp"}
    assert (await served.admin("POST", "/channels/whatsapp/resume")).body["state"] == "ok"
    assert not await served.database.read(providers.resting)
    assert (await served.admin("POST", "/channels/whatsapp/resume")).status == 409
    assert (await served.admin("POST", "/channels/none/pause")).status == 404


async def _whatsapp(served: Served) -> Any:
    listed = (await served.admin("GET", "/channels")).body["channels"]
    return next(one for one in listed if one["name"] == "whatsapp")


async def test_a_channel_that_rests_by_itself_says_why(served: Served) -> None:
    await served.database.write(providers.pause, "whatsapp", served.clock.now + world.MINUTE, "too fast")
    shown = await _whatsapp(served)
    assert (shown["state"], shown["reason"]) == ("resting", "too fast")
    assert shown["rests_until"]
    await served.database.write(
        providers.suspend, "whatsapp", "the token is void", operator_destination=None, schedules=world.SCHEDULES
    )
    shown = await _whatsapp(served)
    assert shown["state"] == "suspended"
    assert (await served.admin("POST", "/channels/whatsapp/resume")).body["state"] == "ok"
