"""``/console/operator/audit``: who changed what, when, from where."""

import msgspec

from bot.usecases import audit
from bot.web.console.operator.asking import PAGE, sought
from bot.web.console.pages import Page, Result, Shown, Visit
from storage.database import Database


class Audit:
    def __init__(self, database: Database) -> None:
        self._database = database

    def pages(self) -> list[Page]:
        return [Page("GET", "/operator/audit", self.show, "operator")]

    async def show(self, visit: Visit) -> Result:
        wish = audit.Sought(sought(visit, "actor"), sought(visit, "action"), sought(visit, "target"))
        found = await self._database.read(audit.page, wish, visit.below, PAGE)
        entries = [(row, _changes(row.before, row.after)) for row in found.rows]
        return Shown("operator/audit.html", {"entries": entries, "before": found.before, "sought": wish})


def _changes(before: str, after: str) -> list[tuple[str, str, str]]:
    """Name, what it was, what it is; empty: nothing is known."""
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    return [(name, _told(old, name), _told(new, name)) for name in sorted({*old, *new})]


def _told(values: dict[str, object], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
