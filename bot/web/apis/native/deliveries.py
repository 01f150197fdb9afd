"""``/api/v1/deliveries``: what became of each message."""

from collections.abc import Sequence
from typing import Any

from bot.clock import to_millis
from bot.rules import ids
from bot.usecases.idempotency import Answer
from bot.usecases.native import deliveries
from bot.web.apis.native import times, wire
from bot.web.apis.native.desk import Desk, size, wanted_id
from bot.web.surface import Call, Route
from storage.models import DeliveryState

ID = {"deliveryId": "as GET /api/v1/deliveries shows it"}
NONE = "there is no such delivery"
LIST = "deliveries"

_QUEUED = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD)


class Deliveries:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        path = "/api/v1/deliveries"
        one = f"{path}/{{deliveryId}}"
        return [
            Route(
                *("GET", path, self.list_deliveries, "Deliveries of posts, the newest post's first", wire.Deliveries),
                description="With `status` a page may be shorter than `limit` though `nextCursor` leads to more.",
                query=wire.DeliveryQuery,
                errors={400: ["this cursor was not made for this list"]},
            ),
            Route(
                *("GET", one, self.get_delivery, "A delivery with its attempts", wire.DeliveryTrail),
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("POST", f"{one}/again", self.send_delivery_again, "Send it once more", wire.DeliveryTrail),
                description="Whatever became of it: who has it already may get it twice.",
                parameters=ID,
                once=True,
                errors={
                    404: [NONE],
                    409: ["its destination is disabled", "its destination was removed", "it is being sent right now"],
                },
            ),
        ]

    async def list_deliveries(self, call: Call) -> wire.Deliveries:
        query: wire.DeliveryQuery = call.query
        wanted = deliveries.Filter(
            feed=wanted_id(query.feedId),
            destination=wanted_id(query.destinationId),
            subscription=query.subscriptionId or "",
            states=_states(query.status),
        )
        desk = self._desk
        before = desk.place(call, LIST)
        page = await desk.database.read(deliveries.page, call.account_id, wanted, before, size(call))
        return wire.Deliveries([shown(row) for row in page.entries], desk.cursor(call, page, LIST))

    async def get_delivery(self, call: Call) -> wire.DeliveryTrail:
        return _trail(await self._desk.database.read(deliveries.get, call.account_id, call.path["deliveryId"]))

    async def send_delivery_again(self, call: Call) -> Answer:
        return await self._desk.once(call, _trail, deliveries.send_again, call.account_id, call.path["deliveryId"])


def _states(status: str | None) -> frozenset[str]:
    if status is None:
        return frozenset()
    return frozenset(_QUEUED) if status == "queued" else frozenset((status,))


def shown(row: Any) -> wire.Delivery:
    return wire.Delivery(**_fields(row))


def _trail(found: tuple[Any, Sequence[Any]]) -> wire.DeliveryTrail:
    row, attempts = found
    return wire.DeliveryTrail(**_fields(row), trail=[_attempt(one) for one in attempts])


def _fields(row: Any) -> dict[str, Any]:
    queued = row.state in _QUEUED
    subscribed = row.subscription_id is not None and row.subscribed_at is not None
    return {
        "id": ids.numbered(to_millis(row.created_at), row.id),
        "type": row.event or "post.created",
        "status": "queued" if queued else row.state,
        "destination": wire.DestinationBrief(str(row.destination_uid), row.channel, row.address),
        "subscriptionId": ids.numbered(to_millis(row.subscribed_at), row.subscription_id) if subscribed else None,
        "feedId": str(row.feed_uid) if row.feed_uid else None,
        "post": wire.PostBrief(str(row.post_uid), row.title, row.url) if row.post_uid else None,
        "error": row.error or None,
        "attempts": row.attempts,
        "nextAttemptAt": times.shown(row.due_at) if row.state == DeliveryState.WAITING else None,
        "createdAt": times.shown(row.created_at),
        "sentAt": times.shown_if(row.sent_at),
        "deliveredAt": times.shown_if(row.delivered_at),
        "readAt": times.shown_if(row.read_at),
        "failedAt": times.shown_if(row.failed_at),
    }


def _attempt(row: Any) -> wire.Attempt:
    return wire.Attempt(
        n=row.n,
        startedAt=times.shown(row.started_at),
        endedAt=times.shown(row.ended_at),
        outcome=row.outcome,
        code=row.code or None,
        httpStatus=row.status,
        response=row.response or None,
    )
