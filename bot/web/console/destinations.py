"""``/console/destinations``: where messages go, how each fares, and what can be done with it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from adapters.inbound import Phoned
from adapters.signatures import new_secret
from bot.errors import Conflict, LimitReached, NotFound
from bot.rules import ids
from bot.usecases import codes
from bot.usecases.codes import TooManyCodes
from bot.usecases.console import destinations
from bot.usecases.native import destinations as native
from bot.web.apis.native import Desk
from bot.web.console import ways
from bot.web.console.pages import Goto, Page, Result, Shown, Visit
from storage.database import Work

PATH = "/console/destinations"
PAGE = 50

P = ParamSpec("P")
T = TypeVar("T")


class Destinations:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> list[Page]:
        one = "/destinations/{destination}"
        return [
            Page("GET", "/destinations", self.show_all),
            Page("POST", "/destinations/undo", self.undo),
            Page("GET", one, self.show),
            Page("GET", f"{one}/live", self.show_messages, live=True),
            Page("GET", f"{one}/verified", self.show_verified, live=True),
            Page("POST", f"{one}/rename", self.rename),
            Page("POST", f"{one}/enable", self.enable),
            Page("POST", f"{one}/test", self.test),
            Page("POST", f"{one}/rotate", self.rotate),
            Page("POST", f"{one}/remove", self.remove),
            Page("POST", f"{one}/code", self.send_code),
            Page("POST", f"{one}/proof", self.show_proof),
            Page("POST", f"{one}/verify", self.verify),
        ]

    async def show_all(self, visit: Visit) -> Result:
        page = await self._desk.database.read(destinations.page, visit.account_id, visit.below, PAGE)
        undo = visit.asked("undo")
        values = ways.shown(
            visit, page=page, undo=undo, first=not visit.asked("before"), ways=ways.all_of(self._desk.channels)
        )
        return Shown("destinations.html", values)

    # One of them

    async def show(self, visit: Visit, wrong: str = "") -> Result:
        detail = await self._read(visit, destinations.detail, visit.account_id, _id(visit))
        standing, messages = await self._read(visit, destinations.messages, visit.account_id, _id(visit))
        values = ways.shown(
            visit, detail=detail, standing=standing, messages=messages, wrong=wrong, way=self._way(standing.row.channel)
        )
        return Shown("destinations_one.html", values, 422 if wrong else 200)

    async def show_messages(self, visit: Visit) -> Result:
        standing, messages = await self._read(visit, destinations.messages, visit.account_id, _id(visit))
        return Shown("destinations_messages.html", ways.shown(visit, standing=standing, messages=messages))

    def _way(self, name: str) -> ways.Way | None:
        """None: the channel of a destination is not installed any more."""
        return ways.of(self._desk.channels, name) if name in self._desk.channels else None

    async def rename(self, visit: Visit) -> Result:
        form = await visit.form()
        await self._write(
            visit, destinations.rename, visit.account_id, _id(visit), form.text("name", destinations.NAME)
        )
        return _to(visit, "destination_renamed")

    async def enable(self, visit: Visit) -> Result:
        await self._write(visit, native.enable, visit.account_id, _id(visit))
        return _to(visit, "destination_enabled")

    async def test(self, visit: Visit) -> Result:
        try:
            await self._write(visit, destinations.test, self._desk.terms, visit.account_id, _id(visit))
        except Conflict as error:
            return await self.show(visit, visit.say(f"destinations.not_tested_{error.code}"))
        return _to(visit, "destination_tested")

    async def rotate(self, visit: Visit) -> Result:
        secret = new_secret()
        one = await self._read(visit, destinations.standing, visit.account_id, _id(visit))
        if one.row.secrets is None or not self._signs(one.row.channel):
            raise NotFound(visit.say("error.nothing_here"))
        until = await self._write(visit, native.rotate, self._desk.vault, visit.account_id, _id(visit), secret)
        values = ways.shown(visit, row=one.row, secret=secret, until=until)
        return Shown("destinations_secret.html", values)

    def _signs(self, name: str) -> bool:
        return name in self._desk.channels and self._desk.channels[name].needs_secret

    # Removing

    async def remove(self, visit: Visit) -> Result:
        undo = await self._write(visit, destinations.remove, self._desk.vault, visit.account_id, _id(visit))
        return Goto(f"{PATH}?undo={urlsafe_b64encode(undo).decode().rstrip('=')}")

    async def undo(self, visit: Visit) -> Result:
        desk, form = self._desk, await visit.form()
        try:
            args = (desk.vault, desk.plans, desk.phones, visit.account_id, _sealed(form.text("undo", 8000)))
            uid = await desk.database.write(destinations.restore, *args)
        except (NotFound, Conflict):
            raise Conflict(visit.say("destinations.undo_over")) from None
        except LimitReached:
            raise LimitReached(visit.say("destinations.undo_limit")) from None
        return Goto(f"{PATH}/{uid}?done=destination_restored")

    # Verifying

    async def send_code(self, visit: Visit) -> Result:
        args = (self._desk.terms, visit.account_id, _id(visit), visit.address)
        try:
            asked: codes.Asked = await self._write(visit, native.ask, *args)
        except TooManyCodes as error:
            return await self.show(visit, ways.too_many(visit, error))
        except Conflict:
            return _to(visit, "destination_verified")
        if asked.wait:
            return await self.show(visit, ways.too_many(visit, TooManyCodes(asked.wait)))
        return _to(visit, "code_sent")

    async def show_proof(self, visit: Visit) -> Result:
        standing = await self._read(visit, destinations.standing, visit.account_id, _id(visit))
        channel = self._desk.channels.get(standing.row.channel)
        number = channel.number if isinstance(channel, Phoned) else ""
        args = (self._desk.terms, visit.account_id, _id(visit), number)
        try:
            code: codes.Shown = await self._write(visit, native.prove, *args)
        except TooManyCodes as error:
            return await self.show(visit, ways.too_many(visit, error))
        except Conflict:
            return _to(visit, "destination_verified")
        values = ways.shown(
            visit,
            code=ways.CodeToWrite(code.text, code.link, code.expires_at),
            number=number,
            row=standing.row,
            group=False,
            channel=standing.row.channel,
            live=f"{PATH}/{standing.row.uid}/verified",
            again=f"{PATH}/{standing.row.uid}",
        )
        return Shown("destinations_code.html", values)

    async def show_verified(self, visit: Visit) -> Result:
        standing = await self._read(visit, destinations.standing, visit.account_id, _id(visit))
        state = "used" if standing.row.verified_at else "open"
        return Shown("destinations_waiting.html", {"state": state, "uid": standing.row.uid})

    async def verify(self, visit: Visit) -> Result:
        form = await visit.form()
        digits = "".join(form.text("code", 40).split())
        args = (self._desk.terms, visit.account_id, _id(visit), digits)
        outcome, _ = await self._write(visit, native.verify, *args)
        if outcome in ("ok", "verified_already"):
            return _to(visit, "destination_verified")
        return await self.show(visit, visit.say(f"destinations.code_{outcome}"))

    # Another's destination answers as one that is not there

    async def _read(
        self, visit: Visit, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._desk.database.read(use_case, *args, **kwargs)
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None

    async def _write(
        self, visit: Visit, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._desk.database.write(use_case, *args, **kwargs)
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None


def _id(visit: Visit) -> UUID | None:
    return ids.read(visit.request.match_info["destination"])


def _to(visit: Visit, done: str) -> Goto:
    return Goto(f"{PATH}/{_id(visit)}?done={done}")


def _sealed(text: str) -> bytes:
    """Empty: it is nothing of ours."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
