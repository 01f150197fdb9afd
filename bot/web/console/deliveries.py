"""``/console/deliveries``: what was sent and what was not, why, and sending it again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bot.errors import Conflict, Invalid
from bot.usecases.console import deliveries
from bot.usecases.console.deliveries import Wanted
from bot.web.apis.native import Desk
from bot.web.console.forms import natural
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded

PAGE = 50
GROUPS = ("", "queued", "held", "sent", "failed")
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
REASONS = frozenset({
    "unsubscribed", "expired", "window_closed", "stopped", "summarised", "destination_disabled", "no_credits",
    "withdrawn", "post_gone", "no_channel",
})  # fmt: skip
"""Our own codes, for which there are words; a platform's words are shown as they are."""
GRADES = {"sent": "good", "delivered": "good", "read": "good", "failed": "bad", "held": "warn"}


class Deliveries:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        one = "/deliveries/{delivery}"
        return [
            Page("GET", "/deliveries", self.show),
            Page("GET", "/deliveries/live", self.show_live, live=True),
            Page("GET", "/deliveries/again", self.ask_again),
            Page("GET", "/deliveries/again/count", self.count_on),
            Page("POST", "/deliveries/again", self.send_many_again),
            Page("GET", one, self.show_one),
            Page("GET", f"{one}/live", self.show_one_live, live=True),
            Page("POST", f"{one}/again", self.send_again),
        ]

    # The list

    async def show(self, visit: Visit) -> Result:
        return Shown("deliveries.html", await self._list(visit))

    async def show_live(self, visit: Visit) -> Result:
        return Shown("parts/deliveries.html", await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        asked = visit.request.query
        choices, wanted = await self._wanted(visit, asked)
        at = deliveries.place(visit.asked("at"))
        page = await self._desk.database.read(deliveries.page, visit.account_id, wanted, at, PAGE)
        kept = {name: asked[name] for name in _FILTERS if asked.get(name)}
        return self._words(visit) | {
            "page": page,
            "at": at,
            "choices": choices,
            "kept": kept,
            "narrowed": bool(kept),
            "filtered": bool(kept.keys() - {"state"}),
            "groups": GROUPS,
            "spans": tuple(SPANS),
            "query": lambda **more: urlencode({name: value for name, value in (kept | more).items() if value}),
            "repeats": wanted.group in deliveries.FINISHED,
        }

    async def _wanted(self, visit: Visit, asked: Mapping[str, Any]) -> tuple[deliveries.Choices, Wanted]:
        """Raises NotFound, Invalid."""
        to, of = (str(asked.get(name, "")) for name in ("destination", "feed"))
        choices, destination, feed = await self._desk.database.read(deliveries.choices, visit.account_id, to, of)
        group, span = str(asked.get("state", "")), str(asked.get("span", ""))
        since = self._desk.clock() - SPANS[span] if span in SPANS else _time(visit, asked, "from")
        until = _time(visit, asked, "until")
        return choices, Wanted(group if group in GROUPS else "", feed, destination, since, until)

    # One

    async def show_one(self, visit: Visit, wrong: str = "") -> Result:
        return Shown("delivery.html", await self._one(visit) | {"wrong": wrong}, 409 if wrong else 200)

    async def show_one_live(self, visit: Visit) -> Result:
        return Shown("parts/trail.html", await self._one(visit))

    async def _one(self, visit: Visit) -> dict[str, Any]:
        lengths = {name: channel.max_text for name, channel in self._desk.channels.items()}
        number = visit.number("delivery")
        trail = await self._desk.database.read(deliveries.trail, visit.account_id, number, lengths)
        return self._words(visit) | {"trail": trail, "row": trail.row}

    async def send_again(self, visit: Visit) -> Result:
        number = visit.number("delivery")
        try:
            await self._desk.database.write(deliveries.send_again, visit.account_id, number)
        except Conflict as error:
            return await self.show_one(visit, worded(visit, error))
        return Goto(f"/console/deliveries/{number}?done=queued_again")

    # Many

    async def ask_again(self, visit: Visit) -> Result:
        """How many it would be, before anything is done."""
        values = await self._count(visit)
        return Shown("deliveries_again.html", values)

    async def count_on(self, visit: Visit) -> Result:
        return Shown("parts/again_count.html", await self._count(visit))

    async def _count(self, visit: Visit) -> dict[str, Any]:
        asked = visit.request.query
        choices, wanted = await self._range(visit, asked)
        at = deliveries.place(visit.asked("at"))
        found = await self._desk.database.read(deliveries.count, visit.account_id, wanted, at)
        return self._progress(choices, wanted, asked, found)

    async def send_many_again(self, visit: Visit) -> Result:
        """A slice; what comes after it is asked for by the page that is answered."""
        asked = await visit.form()
        given = {name: asked.text(name) for name in (*_FILTERS, "at", "n")}
        choices, wanted = await self._range(visit, given)
        at = deliveries.place(given["at"])
        done = await self._desk.database.write(deliveries.send_many_again, visit.account_id, wanted, at)
        values = self._progress(choices, wanted, given, done)
        if done.more is None:
            return Shown("parts/again_done.html" if visit.partial else "deliveries_sent_again.html", values)
        return Shown("parts/again_going.html" if visit.partial else "deliveries_sent_again.html", values)

    async def _range(self, visit: Visit, asked: Mapping[str, Any]) -> tuple[deliveries.Choices, Wanted]:
        choices, wanted = await self._wanted(visit, asked)
        return choices, deliveries.within(wanted, self._desk.clock())

    def _progress(
        self, choices: deliveries.Choices, wanted: Wanted, asked: Mapping[str, Any], done: deliveries.Slice
    ) -> dict[str, Any]:
        """``fields``: the range, fixed in time, for the next request."""
        before = str(asked.get("n", ""))
        fields = {
            "state": wanted.group,
            "destination": str(asked.get("destination", "")),
            "feed": str(asked.get("feed", "")),
            "from": _written(wanted.since),
            "until": _written(wanted.until),
        }
        fields = {name: value for name, value in fields.items() if value}
        return {
            "n": done.n + (natural(before) or 0),
            "more": done.more,
            "fields": fields,
            "query": urlencode(fields),
            "wanted": wanted,
            "to": next((one for one in choices.destinations if one.id == wanted.destination), None),
            "of": next((one for one in choices.feeds if one.id == wanted.feed), None),
        }

    # Words

    def _words(self, visit: Visit) -> dict[str, Any]:
        now = self._desk.clock()
        return {
            "grades": GRADES,
            "reason": lambda row: reason(visit, row),
            "clock": lambda at: f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}",
        }


_FILTERS = ("state", "destination", "feed", "span", "from", "until")


def reason(visit: Visit, row: Any) -> str:
    """Why it was not sent, or not yet; empty: nothing is wrong with it."""
    if row.state in ("sent", "delivered", "read"):
        return ""
    if row.error_code in REASONS:
        return visit.say(f"deliveries.reason.{row.error_code}")
    return str(row.error or row.error_code)


def _time(visit: Visit, asked: Mapping[str, Any], name: str) -> datetime | None:
    """In UTC, as browsers fill it in.  Raises Invalid: what is half a range would be a much larger one."""
    text = str(asked.get(name, ""))
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(visit.say("deliveries.bad_time"), field=name) from None


def _written(at: datetime | None) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at else ""
