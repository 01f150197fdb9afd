"""``/admin/v1/sending``, ``stats`` and ``audit``: all of it at once, and who changed what."""

import msgspec

from bot.usecases import audit
from bot.usecases.administration import deliveries
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import place
from bot.web.surface import Call, Route
from storage.database import Database


class Sending:
    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        sending = "/admin/v1/sending"
        return [
            Route("POST", f"{sending}/hold", self.hold_sending, "Send nothing, over restarts too", wire.SendingRecord),
            Route("POST", f"{sending}/release", self.release_sending, "Send again", wire.SendingRecord),
            Route("GET", "/admin/v1/stats", self.show_stats, "Numbers, none of them counted far", wire.StatsRecord),
            Route(
                *("GET", "/admin/v1/audit", self.list_audit, "Who changed what, the latest first", wire.AuditList),
                query=wire.AuditSearch,
                errors={400: ["limit must be from 1 to 200"]},
            ),
        ]

    async def hold_sending(self, call: Call) -> wire.SendingRecord:
        await self._database.write(deliveries.hold, actor(call))
        return wire.SendingRecord(held=True)

    async def release_sending(self, call: Call) -> wire.SendingRecord:
        await self._database.write(deliveries.release, actor(call))
        return wire.SendingRecord(held=False)

    async def show_stats(self, _call: Call) -> wire.StatsRecord:
        found = await self._database.read(deliveries.stats)
        return wire.StatsRecord(
            counted_to=found.counted_to,
            **found.things,
            queued=found.unfinished,
            latest=found.latest,
            oldest_seconds=found.oldest_seconds,
            held=found.held,
        )

    async def list_audit(self, call: Call) -> wire.AuditList:
        query: wire.AuditSearch = call.query
        sought = audit.Sought(query.actor or "", query.action or "", query.target or "")
        found = await self._database.read(audit.page, sought, *place(query))
        return wire.AuditList(
            [
                wire.AuditRecord(
                    row.id, row.at, row.actor, row.account_id, row.key_prefix, row.address, row.action, row.target,
                    msgspec.json.decode(row.before), msgspec.json.decode(row.after),
                )
                for row in found.rows
            ],
            found.before,
        )  # fmt: skip
