"""``/console/subscriptions/import`` and ``…/export``: lists of feeds as other readers exchange them (OPML).

A list is taken over in portions, each one transaction.  Most are done before the answer goes out; of a long one the
page shows how far it is.  What is known of a run is this process's and short-lived: what was taken over is stored, and
the same list again takes over the rest.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from bot.errors import Conflict, Invalid, NotFound, UserError
from bot.rules import ids, opml
from bot.usecases.console import subscriptions
from bot.usecases.opml import AT_ONCE, Naming
from bot.web.apis.native import Desk
from bot.web.console import faring
from bot.web.console.pages import File, Goto, Page, Result, Shown, Visit
from storage.database import StorageError

AT_MOST = opml.MOST_BYTES + 64 * 1024  # the form around the file
PATIENCE = 1.5  # seconds that an answer waits for the end of a run
KEPT = 50  # runs that are known
KEPT_FOR = timedelta(minutes=30)
NAMED = 200  # feeds that were not taken over

log = structlog.get_logger("console")


@dataclass(slots=True)
class Run:
    """A list on its way."""

    account_id: int
    to: str  # what the destination is called
    total: int
    begun_at: datetime
    seen: int = 0
    made: int = 0
    known: int = 0
    refused: list[opml.Outline] = field(default_factory=list)
    without_room: list[opml.Outline] = field(default_factory=list)
    over: bool = False
    wrong: str = ""  # why it ended before the end

    def add(self, seen: int, part: subscriptions.TakenOver) -> None:
        self.seen += seen
        self.made += part.made
        self.known += part.known
        self.refused += part.refused
        self.without_room += part.without_room


class Transfer:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/subscriptions/import", self.open),
            Page("POST", "/subscriptions/import", self.take, largest=AT_MOST),
            Page("GET", "/subscriptions/import/{run}", self.show),
            Page("GET", "/subscriptions/import/{run}/live", self.watch, live=True),
            Page("GET", "/subscriptions/export", self.export),
        ]

    async def open(self, visit: Visit) -> Result:
        return await self._form(visit)

    async def _form(self, visit: Visit, wrong: str = "") -> Shown:
        choices = await self._desk.database.read(subscriptions.choices, visit.account_id)
        verified = [one for one in choices if one.verified_at]
        values = {"choices": verified, "wrong": wrong, "off": self._desk.terms.naming is None}
        return Shown("subscriptions_import.html", values, 422 if wrong else 200)

    async def take(self, visit: Visit) -> Result:
        naming = self._desk.terms.naming
        if naming is None:
            raise Conflict(visit.say("subscriptions.import_off"))
        form = await visit.form()
        try:
            outlines = await asyncio.to_thread(_read, visit, form.file("file"))
            to = await self._desk.database.read(
                subscriptions.may_take_over, visit.account_id, ids.read(form.text("to"))
            )
            if any(one.account_id == visit.account_id and not one.over for one in self._runs.values()):
                raise Conflict(visit.say("subscriptions.import_runs"))
        except UserError as error:
            return await self._form(visit, faring.why(visit, error))
        run = Run(visit.account_id, to.name or to.address, len(outlines), self._desk.clock())
        token = self._remember(run)
        task = asyncio.create_task(self._run(run, visit, to.uid, outlines, naming))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task], timeout=PATIENCE)
        return self._told(run, token) if run.over else Goto(f"/console/subscriptions/import/{token}")

    def _remember(self, run: Run) -> str:
        """What is over makes room, the oldest first."""
        since = self._desk.clock() - KEPT_FOR
        for token, one in list(self._runs.items()):
            if one.over and (len(self._runs) >= KEPT or one.begun_at < since):
                del self._runs[token]
        token = secrets.token_urlsafe(12)
        self._runs[token] = run
        return token

    async def _run(self, run: Run, visit: Visit, to: UUID, outlines: list[opml.Outline], naming: Naming) -> None:
        desk = self._desk
        try:
            for first in range(0, len(outlines), AT_ONCE):
                some = outlines[first : first + AT_ONCE]
                part = await desk.database.write(subscriptions.take_over, desk.plans, run.account_id, to, some, naming)
                run.add(len(some), part)
        except UserError as error:
            run.wrong = faring.why(visit, error)
        except StorageError:
            run.wrong = visit.say("error.storage")
        except Exception as error:
            trace = secrets.token_hex(8)
            log.error("a list could not be taken over", trace=trace, exc_info=error)
            run.wrong = visit.say("error.broken", trace=trace)
        finally:
            run.over = True

    # How far it is

    def _of(self, visit: Visit) -> tuple[Run, str]:
        """Raises NotFound."""
        token = visit.request.match_info["run"]
        run = self._runs.get(token)
        if run is None or run.account_id != visit.account_id:
            raise NotFound(visit.say("subscriptions.import_unknown"))
        return run, token

    async def show(self, visit: Visit) -> Result:
        return self._told(*self._of(visit))

    async def watch(self, visit: Visit) -> Result:
        run, _ = self._of(visit)
        return Shown("subscriptions_progress.html", {"run": run, "named": NAMED})

    def _told(self, run: Run, token: str) -> Shown:
        return Shown("subscriptions_imported.html", {"run": run, "token": token, "named": NAMED})

    async def export(self, visit: Visit) -> Result:
        outlines = await self._desk.database.read(subscriptions.hand_on, visit.account_id)
        document = await asyncio.to_thread(opml.write, outlines, "Postbell")
        return File("postbell.opml", document.encode(), "text/x-opml")


def _read(visit: Visit, document: bytes) -> list[opml.Outline]:
    """Raises Invalid."""
    if not document:
        raise Invalid(visit.say("subscriptions.import_no_file"))
    if len(document) > opml.MOST_BYTES:
        raise Invalid(visit.say("error.too_large"))
    try:
        return opml.read(document)
    except opml.NotOpml as error:
        if error.line:
            raise Invalid(visit.say("subscriptions.import_fault", line=error.line)) from None
        raise Invalid(visit.say("subscriptions.import_empty")) from None
