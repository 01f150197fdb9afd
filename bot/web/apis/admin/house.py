"""``/admin/v1/queue``, ``storage``, ``doctor`` and ``backup``: the installation itself."""

from datetime import timedelta

from bot.usecases.administration import installation
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.checkup import Checkup
from bot.web.copies import INSTEAD, MEDIA_TYPE, Copies
from bot.web.surface import Call, Download, Route
from storage.database import Database


class House:
    """``keep``: how long finished deliveries are kept."""

    def __init__(self, database: Database, checkup: Checkup, copies: Copies, keep: timedelta) -> None:
        self._database, self._checkup, self._copies, self._keep = database, checkup, copies, keep

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/admin/v1/queue", self.show_queue, "What waits, by lane and state", wire.QueueRecord),
            Route("GET", "/admin/v1/storage", self.show_storage, "What is kept, for how long", wire.StorageRecord),
            Route(
                *("GET", "/admin/v1/doctor", self.examine, "What is wrong in the set-up", wire.DoctorReport),
                description="Looks at everything that `postbell doctor` looks at, platforms included: it may take some "
                "seconds.",
            ),
            Route(
                *("GET", "/admin/v1/backup", self.download_backup, "A copy of the database, made now", None),
                media_type=MEDIA_TYPE,
                description="Consistent, and checked before it is sent; `postbell restore` takes it. To use it, the "
                "master key is needed, too. For SQLite only.",
                errors={409: ["a backup is being made; ask again when it is done", INSTEAD]},
            ),
        ]

    async def show_queue(self, _call: Call) -> wire.QueueRecord:
        found = await self._database.read(installation.waiting)
        rows = [wire.QueueRow(lane, state, n) for (lane, state), n in sorted(found.rows.items()) if n]
        return wire.QueueRecord(rows, found.counted_to, found.oldest_seconds, found.held)

    async def show_storage(self, _call: Call) -> wire.StorageRecord:
        size = await self._database.read(installation.size)
        days = {name: kept / timedelta(days=1) for name, kept in installation.kept(self._keep).items()}
        return wire.StorageRecord(self._database.engine, size.whole, size.free, days)

    async def examine(self, _call: Call) -> wire.DoctorReport:
        found = await self._checkup.whole()
        records = [wire.FindingRecord(one.what, one.grade, one.text, one.mend) for one in found]
        return wire.DoctorReport(all(one.grade != "wrong" for one in found), records)

    async def download_backup(self, call: Call) -> Download:
        copy = await self._copies.make(actor(call))
        return Download(copy.name, MEDIA_TYPE, copy.file)
