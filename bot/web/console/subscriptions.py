"""``/console/subscriptions``: what is followed, how it fares, and everything that is done with one of them."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from adapters.base import Selective
from bot.errors import Conflict, Invalid, NotFound, UserError
from bot.rules import cursors, ids
from bot.rules.options import Options
from bot.usecases.chat.undoing import LASTS
from bot.usecases.console import subscriptions
from bot.usecases.console.subscriptions import COUNTED, SORTED, Search
from bot.usecases.native import subscriptions as native
from bot.web.apis.native import Desk
from bot.web.console import faring, previews
from bot.web.console.pages import Goto, Page, Result, Shown, Visit

LISTED = "/console/subscriptions"
LIST = "console subscriptions"
PAGE = 50
HEALTHS = ("", "trouble", "paused", "quiet", "unread")
ORDERS = ("newest", "oldest", "name", "posted")
PAUSES: Mapping[str, timedelta | None] = {
    "hour": timedelta(hours=1),
    "evening": timedelta(hours=8),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "good": None,
}
PREVIEWED = 3  # posts
LONGEST_SEARCH = 200
EXAMPLES = (
    "https://blog.python.org",
    "https://www.nasa.gov/feed/",
    "https://github.com/aio-libs/aiohttp/releases.atom",
)
"""Feeds, and a page that names one, whose publishers mean to be followed."""


class Subscriptions:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        one = "/subscriptions/{id}"
        return [
            Page("GET", "/subscriptions", self.list),
            Page("GET", one, self.show),
            Page("GET", f"{one}/live", self.watch, live=True),
            Page("POST", f"{one}/pause", self.pause),
            Page("POST", f"{one}/resume", self.resume),
            Page("POST", f"{one}/options", self.change),
            Page("POST", f"{one}/move", self.move),
            Page("POST", f"{one}/remove", self.remove),
            Page("POST", f"{one}/restore", self.restore),
        ]

    # The list

    async def list(self, visit: Visit) -> Result:
        desk, now = self._desk, self._desk.clock()
        search, after = _search(visit), self._place(visit)
        shelf = await desk.database.read(subscriptions.shelf, visit.account_id, search, after, PAGE, list(desk.sources))
        asked = {name: visit.asked(name) for name in ("q", "health", "to", "order") if visit.asked(name)}

        def address(**changes: str) -> str:
            """Of this list, otherwise."""
            query = {name: value for name, value in (asked | changes).items() if value}
            return f"{LISTED}?{urlencode(query)}" if query else LISTED

        values = {
            "entries": [faring.entry(visit, row, now) for row in shelf.listed.rows],
            "exact": [faring.entry(visit, row, now) for row in shelf.exact],
            "shelf": shelf,
            "search": search,
            "further": address(after=self._cursor(visit, shelf.listed.after)) if shelf.listed.after else "",
            "address": address,
            "begun": after is None,
            "narrowed": bool(search.words or search.health or search.destination),
            "many": shelf.total >= COUNTED,
            "healths": HEALTHS,
            "orders": ORDERS if shelf.total <= SORTED else ORDERS[:2],
            "examples": EXAMPLES,
            "removed": await self._removed(visit),
        }
        return Shown("subscriptions.html", values)

    def _place(self, visit: Visit) -> int | None:
        """Raises Invalid."""
        if not (text := visit.asked("after")):
            return None
        found = cursors.read(self._desk.cursor_keys, visit.account_id, text, LIST)
        if found is None:
            raise Invalid(visit.say("subscriptions.bad_place"))
        return found.id

    def _cursor(self, visit: Visit, after: int | None) -> str:
        return cursors.make(self._desk.cursor_keys, visit.account_id, cursors.Cursor(0, after or 0), LIST)

    async def _removed(self, visit: Visit) -> Any:
        """What was just removed and can be taken back."""
        if not (id_ := visit.asked("removed")):
            return None
        try:
            row = await self._desk.database.read(native.get, visit.account_id, id_)
        except NotFound:
            return None
        ended, now = row[0].ended_at, self._desk.clock()
        return faring.entry(visit, row, now) if ended and not row[0].active and ended + LASTS > now else None

    # One of them

    async def show(self, visit: Visit) -> Result:
        return await self._show(visit)

    async def _show(self, visit: Visit, wrong: str = "") -> Shown:
        desk, now = self._desk, self._desk.clock()
        one = await desk.database.read(subscriptions.one, visit.account_id, visit.request.match_info["id"], PREVIEWED)
        if not one.row[0].active:
            raise NotFound(visit.say("error.nothing_here"))
        entry = faring.entry(visit, one.row, now)
        values = {
            "entry": entry,
            "previews": await asyncio.to_thread(previews.of_stored, one.posts, visit.language, now),
            "choices": [to for to in one.choices if to.id != entry.to.id and to.verified_at],
            "pauses": list(PAUSES),
            "has_kinds": isinstance(desk.sources.get(entry.source), Selective) or entry.wishes != Options(),
            "wrong": wrong,
        }
        return Shown("subscriptions_one.html", values, 422 if wrong else 200)

    async def watch(self, visit: Visit) -> Result:
        row = await self._desk.database.read(native.get, visit.account_id, visit.request.match_info["id"])
        return Shown("subscriptions_health.html", {"entry": faring.entry(visit, row, self._desk.clock())})

    async def pause(self, visit: Visit) -> Result:
        form, id_ = await visit.form(), visit.request.match_info["id"]
        chosen = form.text("until") or "good"
        if chosen not in PAUSES:
            raise Invalid(visit.say("subscriptions.bad_pause"))
        length = PAUSES[chosen]
        until = self._desk.clock() + length if length else None
        await self._desk.database.write(native.pause, visit.account_id, id_, until)
        return Goto(_back(form.text("back"), id_, "?done=paused"))

    async def resume(self, visit: Visit) -> Result:
        form, id_ = await visit.form(), visit.request.match_info["id"]
        await self._desk.database.write(native.resume, visit.account_id, id_)
        return Goto(_back(form.text("back"), id_, "?done=resumed"))

    async def change(self, visit: Visit) -> Result:
        form, id_ = await visit.form(), visit.request.match_info["id"]
        wishes = Options(reposts=form.on("reposts"), replies=form.on("replies"))
        await self._desk.database.write(native.change, visit.account_id, id_, wishes)
        return Goto(f"/console/subscriptions/{id_}?done=options_changed")

    async def move(self, visit: Visit) -> Result:
        form, id_ = await visit.form(), visit.request.match_info["id"]
        try:
            row = await self._desk.database.write(subscriptions.move, visit.account_id, id_, ids.read(form.text("to")))
        except Conflict as error:
            return await self._show(visit, faring.why(visit, error))
        return Goto(f"/console/subscriptions/{faring.entry(visit, row, self._desk.clock()).id}?done=moved")

    async def remove(self, visit: Visit) -> Result:
        id_ = visit.request.match_info["id"]
        await self._desk.database.write(native.end, visit.account_id, id_)
        return Goto(f"/console/subscriptions?removed={id_}")

    async def restore(self, visit: Visit) -> Result:
        desk, id_ = self._desk, visit.request.match_info["id"]
        try:
            await desk.database.write(subscriptions.restore, desk.plans, visit.account_id, id_)
        except NotFound:
            raise
        except UserError as error:
            raise Conflict(faring.why(visit, error)) from None
        return Goto("/console/subscriptions?done=restored")


def _search(visit: Visit) -> Search:
    health, order = visit.asked("health"), visit.asked("order")
    return Search(
        " ".join(visit.asked("q")[:LONGEST_SEARCH].split()),
        health if health in HEALTHS else "",  # type: ignore[arg-type]
        ids.read(visit.asked("to")),
        order if order in ORDERS else "newest",  # type: ignore[arg-type]
    )


def _back(where: str, id_: str, done: str) -> str:
    """Where the form was: on the list, as it was searched and filtered, or on the subscription's own page."""
    if where != LISTED and not where.startswith(f"{LISTED}?"):
        where = f"{LISTED}/{id_}"
    return where + (done.replace("?", "&") if "?" in where else done)
