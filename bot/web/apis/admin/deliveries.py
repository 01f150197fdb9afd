"""``/admin/v1/deliveries``: what was sent and what was not, each with its trail; sending again, giving up."""

from collections.abc import Sequence
from typing import Any

from bot.errors import Invalid
from bot.rules.vault import Vault
from bot.usecases.administration import deliveries
from bot.usecases.administration.deliveries import Sought
from bot.usecases.idempotency import Answer
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import below, moment, number, one_of, place
from bot.web.once import once
from bot.web.surface import Call, Route
from storage.database import Database
from storage.models import DeliveryState

QUEUED = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD)
STATES = {"queued": QUEUED} | {one.value: (one,) for one in DeliveryState}


class Deliveries:
    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def routes(self) -> list[Route]:
        all_, one = "/admin/v1/deliveries", "/admin/v1/deliveries/{delivery}"
        common: dict[str, Any] = {"parameters": {"delivery": "its id"}}
        absent = ["there is no delivery 7"]
        times = ["since must be a time with its zone, like 2026-03-01T12:00:00Z"]
        return [
            Route(
                *("GET", all_, self.search_deliveries, "Deliveries that fit, the latest first", wire.DeliveryList),
                query=wire.DeliverySearch,
                errors={400: ["limit must be from 1 to 200", *times]},
            ),
            Route(
                *("POST", f"{all_}/again", self.send_many_again, "Send again what fits, the latest 1,000 of it"),
                wire.Queued,
                once=True,
                body=wire.AgainWish,
                errors={400: times},
            ),
            Route(
                *("POST", f"{all_}/expire", self.expire_deliveries, "Give up what was queued before a time"),
                wire.Expired,
                body=wire.ExpireWish,
                errors={400: ["before is yet to come"]},
            ),
            Route(
                *("GET", one, self.show_any_delivery, "One delivery and its attempts", wire.DeliveryDetail),
                errors={404: absent},
                **common,
            ),
            Route(
                *("POST", f"{one}/again", self.send_one_again, "Send it again, whatever became of it"),
                wire.DeliveryDetail,
                once=True,
                errors={404: absent, 409: ["the delivery is being sent right now"]},
                **common,
            ),
        ]

    async def search_deliveries(self, call: Call) -> wire.DeliveryList:
        found = await self._database.read(deliveries.page, _sought(call.query, ""), *place(call.query))
        return wire.DeliveryList([_record(row) for row in found.rows], found.before)

    async def show_any_delivery(self, call: Call) -> wire.DeliveryDetail:
        return _detail(await self._database.read(deliveries.get, number(call, "delivery")))

    async def send_one_again(self, call: Call) -> Answer:
        use_case, delivery_id = deliveries.send_again, number(call, "delivery")
        return await once(self._database, self._vault, call, _detail, use_case, actor(call), delivery_id)

    async def send_many_again(self, call: Call) -> Answer:
        def shown(again: deliveries.Again) -> wire.Queued:
            return wire.Queued(again.queued, again.before)

        use_case, sought, before = deliveries.send_all_again, _sought(call.body, "failed"), below(call.body)
        return await once(self._database, self._vault, call, shown, use_case, actor(call), sought, before)

    async def expire_deliveries(self, call: Call) -> wire.Expired:
        wish: wire.ExpireWish = call.body
        before = moment("before", wish.before)
        assert before is not None
        expired = await self._database.write(deliveries.expire, actor(call), before)
        return wire.Expired(expired, more=expired == deliveries.AT_ONCE)


def _detail(found: tuple[Any, Sequence[Any]]) -> wire.DeliveryDetail:
    row, tries = found
    names = wire.AttemptRecord.__struct_fields__
    return wire.DeliveryDetail(
        _record(row), [wire.AttemptRecord(*(getattr(one, name) for name in names)) for one in tries]
    )


def _sought(asked: Any, state: str) -> Sought:
    """``state``: unless another is asked for.  Raises Invalid."""
    state = one_of("state", asked.state, tuple(STATES)) or state
    since, until = moment("since", asked.since), moment("until", asked.until)
    if since and until and since > until:
        raise Invalid("since must come before until")
    return Sought(
        asked.account, asked.destination, asked.feed, STATES.get(state, ()), asked.error_code or "", since, until
    )


_SAME = (
    "id", "state", "lane", "account_id", "subscription_id", "destination_id", "channel", "address", "feed_id",
    "charged", "message_id", "error_code", "error", "created_at", "due_at", "expires_at", "sent_at", "delivered_at",
    "read_at", "failed_at",
)  # fmt: skip


def _record(row: Any) -> wire.DeliveryRecord:
    text = "" if row.event == "code" else row.text  # a code's text is the code
    return wire.DeliveryRecord(
        **{name: getattr(row, name) for name in _SAME},
        event=row.event or "post.created",
        title=row.title or text,
        url=row.url or "",
        tries=row.attempts,
    )
