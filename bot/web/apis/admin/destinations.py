"""``/admin/v1/destinations``: where messages go, and whether they may."""

from typing import Any

from bot.usecases.administration import destinations
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import number, one_of, place
from bot.web.surface import Call, Route
from storage.database import Database


class Destinations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        one, all_ = "/admin/v1/destinations/{destination}", "/admin/v1/destinations"
        common: dict[str, Any] = {"parameters": {"destination": "its id"}}
        absent = ["there is no destination 7"]
        return [
            Route(
                *("GET", all_, self.list_any_destinations, "Destinations, the latest first", wire.DestinationList),
                query=wire.DestinationSearch,
                errors={400: ["limit must be from 1 to 200", "disabled must be one of true, false"]},
            ),
            Route(
                *("POST", f"{one}/disable", self.disable_any_destination, "Send nothing there; what is queued fails"),
                wire.DestinationRecord,
                body=wire.WhyWish,
                errors={404: absent, 409: ["the destination is disabled already"]},
                **common,
            ),
            Route(
                *("POST", f"{one}/enable", self.enable_any_destination, "Try it again, slowly at first"),
                wire.DestinationRecord,
                errors={404: absent, 409: ["the destination is not disabled"]},
                **common,
            ),
        ]

    async def list_any_destinations(self, call: Call) -> wire.DestinationList:
        query: wire.DestinationSearch = call.query
        disabled = one_of("disabled", query.disabled, ("true", "false"))
        found = await self._database.read(
            destinations.page,
            query.account,
            query.channel or "",
            disabled == "true" if disabled else None,
            *place(query),
        )
        return wire.DestinationList([_record(row) for row in found.rows], found.before)

    async def disable_any_destination(self, call: Call) -> wire.DestinationRecord:
        wish: wire.WhyWish = call.body
        number_ = number(call, "destination")
        return _record(await self._database.write(destinations.disable, actor(call), number_, wish.reason or ""))

    async def enable_any_destination(self, call: Call) -> wire.DestinationRecord:
        return _record(await self._database.write(destinations.enable, actor(call), number(call, "destination")))


def _record(row: Any) -> wire.DestinationRecord:
    return wire.DestinationRecord(
        id=row.id,
        account_id=row.account_id,
        channel=row.channel,
        address=row.address,
        name=row.name,
        verified_at=row.verified_at,
        failures=row.failures,
        rests_until=max((at for at in (row.open_until, row.paused_until) if at), default=None),
        disabled_at=row.disabled_at,
        disabled_reason=row.disabled_reason,
        created_at=row.created_at,
    )
