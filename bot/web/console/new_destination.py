"""``/console/destinations/new``: adding a destination step by step, each channel in its own way."""

from typing import Any

from adapters.base import BadAddress
from adapters.inbound import Phoned
from adapters.signatures import new_secret
from bot.errors import Conflict, LimitReached, NotFound
from bot.rules import ids
from bot.usecases import links
from bot.usecases.codes import TooManyCodes
from bot.usecases.console import destinations
from bot.usecases.native import destinations as native
from bot.web.apis.native import Desk
from bot.web.console import ways
from bot.web.console.forms import Form
from bot.web.console.pages import Goto, Page, Result, Shown, Visit
from storage.models import Destination

PATH = "/console/destinations"
ADDRESS = 2000  # characters


class NewDestination:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/destinations/new", self.show),
            Page("POST", "/destinations/new", self.add),
            Page("POST", "/destinations/new/link", self.show_link),
            Page("GET", "/destinations/new/links/{link}", self.show_standing, live=True),
        ]

    async def show(self, visit: Visit) -> Result:
        """Without a channel: which there are."""
        if name := visit.asked("channel"):
            return self._form(visit, ways.asked_for(visit, self._desk.channels, name))
        return Shown("destinations_new.html", ways.shown(visit, ways=ways.all_of(self._desk.channels)))

    def _form(self, visit: Visit, way: ways.Way, wrong: str = "", **typed: str) -> Result:
        typed = {"name": "", "address": "", **typed}
        return Shown("destinations_add.html", ways.shown(visit, way=way, wrong=wrong, **typed), 422 if wrong else 200)

    # By its address

    async def add(self, visit: Visit) -> Result:
        form = await visit.form()
        way = ways.asked_for(visit, self._desk.channels, form.text("channel", 100))
        name, typed = form.text("name", destinations.NAME), form.text("address", ADDRESS)
        channel = self._desk.channels[way.name]
        try:
            address = channel.normal_address(typed)
        except BadAddress as error:
            said = visit.say(f"destinations.bad_{way.kind}", reason=str(error))
            return self._form(visit, way, said, name=name, address="" if way.kind == "feishu" else typed)
        secret = new_secret() if channel.needs_secret else _typed_secret(form, address)
        wish = native.Wish(
            account_id=visit.account_id,
            channel=way.name,
            lane=channel.lane,
            address=address,
            name=name,
            secret=secret,
            verified=channel.needs_secret or "://" in address,  # who knows such an address may write there
            phones=self._desk.phones if isinstance(channel, Phoned) else (),
        )
        try:
            made = await self._add(wish, visit)
        except Conflict:
            return self._form(visit, way, visit.say("destinations.exists"), name=name)
        except LimitReached:
            return self._form(visit, way, visit.say("destinations.limit"), name=name, address=typed)
        except TooManyCodes as error:
            return self._form(visit, way, ways.too_many(visit, error), name=name, address=typed)
        return await self._added(visit, made, secret if channel.needs_secret else "")

    async def _add(self, wish: native.Wish, visit: Visit) -> Destination:
        """Raises Conflict, LimitReached, TooManyCodes."""
        desk = self._desk
        return await desk.database.write(native.add, desk.vault, desk.terms, desk.plans, wish, visit.address)

    async def _added(self, visit: Visit, made: Destination, secret: str | None) -> Result:
        if secret:
            return Shown("destinations_secret.html", ways.shown(visit, row=made, secret=secret, until=None))
        if made.verified_at is None:
            return Goto(f"{PATH}/{made.uid}?done=code_sent")
        await self._desk.database.write(native.test, self._desk.terms, visit.account_id, made.uid)
        return Goto(f"{PATH}/{made.uid}?done=destination_tested")

    # By a code that is written to us from there

    async def show_link(self, visit: Visit) -> Result:
        form = await visit.form()
        way = ways.asked_for(visit, self._desk.channels, form.text("channel", 100))
        group = form.on("group")
        if not (way.ready and way.talks):
            raise NotFound(visit.say("error.nothing_here"))
        terms, on = self._desk.terms, way.name if group else ""
        try:
            offered = await self._desk.database.write(links.offer, terms, visit.account_id, group_on=on)
        except TooManyCodes as error:
            return self._form(visit, way, ways.too_many(visit, error))
        text = f"link {offered.shown.text}"
        values = ways.shown(
            visit,
            code=ways.CodeToWrite(text, ways.chat_link(way.number, text), offered.shown.expires_at),
            number=way.number,
            row=None,
            group=group,
            channel=way.name,
            live=f"{PATH}/new/links/{offered.uid}",
            again=f"{PATH}/new?channel={way.name}",
        )
        return Shown("destinations_code.html", values)

    async def show_standing(self, visit: Visit) -> Result:
        try:
            uid = ids.read(visit.request.match_info["link"])
            standing = await self._desk.database.read(links.standing, visit.account_id, uid)
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None
        values: dict[str, Any] = {"state": standing.state, "uid": standing.destination}
        return Shown("destinations_waiting.html", values)


def _typed_secret(form: Form, address: str) -> str | None:
    """Of a custom bot, by which the platform knows that a message comes from us."""
    return (form.text("secret", 200) or None) if "://" in address else None
