"""The way in: the first run's link, invitations, signing in, up and out, and how pages look."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.errors import Invalid, NotFound, UserError
from bot.rules import passwords, plans, tokens
from bot.rules.command_words import LANGUAGES
from bot.usecases.console import invitations, signing_in
from bot.web.console.pages import THEMES, Goto, Page, Result, Shown, Visit, worded
from storage.database import Database

HASHING = 2  # passwords at once: each takes 19 MiB
SLOW_AFTER_ACCOUNT, SLOW_AFTER_ADDRESS = 5, 20  # failures in
FAILURES_SECONDS = 900.0
SLOWEST = 8.0  # seconds: a delay, for a lock would let anybody lock others out
REMEMBERED = 10_000


class Welcome:
    """``known``: the plans; ``after_first``: where the first operator goes from the printed link.

    ``tick``: seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        *,
        signup: bool,
        default: tuple[str, int | None],
        known: plans.Plans,
        after_first: str,
        tick: Callable[[], float],
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._database, self._signup, self._default, self._after_first = database, signup, default, after_first
        self._plans = known
        self._failures, self._sleep = Failures(tick), sleep
        self._hashing = asyncio.Semaphore(HASHING)

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/sign-in", self.show_sign_in, "anyone"),
            Page("POST", "/sign-in", self.sign_in, "anyone"),
            Page("POST", "/sign-out", self.sign_out, "anyone"),
            Page("GET", "/sign-up", self.show_sign_up, "anyone"),
            Page("POST", "/sign-up", self.sign_up, "anyone"),
            Page("GET", "/invitations/{token}", self.show_invitation, "anyone"),
            Page("POST", "/invitations/{token}", self.accept, "anyone"),
            Page("POST", "/looks", self.choose_looks, "anyone"),
        ]

    # Signing in and out

    async def show_sign_in(self, visit: Visit) -> Result:
        if visit.visitor:
            return Goto("/console/")
        return Shown("sign_in.html", {"to": _ours(visit.asked("to")), "email": "", "wrong": "", "signup": self._signup})

    async def sign_in(self, visit: Visit) -> Result:
        form = await visit.form()
        email, to = form.text("email", 320), _ours(form.text("to"))
        await self._sleep(self._failures.delay(email.lower(), visit.address))
        found = await self._database.read(signing_in.password_of, email)
        account_id, hash_ = found or (0, "")
        if not await self._fits(hash_, form.secret("password")):
            self._failures.note(email.lower(), visit.address)
            wrong = visit.say("sign_in.wrong")
            return Shown("sign_in.html", {"to": to, "email": email, "wrong": wrong, "signup": self._signup}, 422)
        token = tokens.new()
        await self._database.write(signing_in.begin, account_id, token, visit.browser, "sign in")
        return Goto(to or "/console/", session=token)

    async def sign_out(self, visit: Visit) -> Result:
        if visit.visitor:
            await self._database.write(signing_in.end, visit.account_id, visit.visitor.session_id)
        return Goto("/console/sign-in?done=signed_out", session="")

    async def _fits(self, hash_: str, password: str) -> bool:
        if len(password) > passwords.LONGEST:
            password = ""  # nobody's
        async with self._hashing:
            return await asyncio.to_thread(passwords.fits, hash_, password)

    # Coming for the first time

    async def show_sign_up(self, visit: Visit) -> Result:
        self._must_be_open(visit)
        return Shown("sign_up.html", {"email": "", "wrong": ""})

    async def sign_up(self, visit: Visit) -> Result:
        self._must_be_open(visit)
        form = await visit.form()
        email, token = form.text("email", 320), tokens.new()
        try:
            hash_ = await self.new_hash(form.secret("password"), email)
            await self._database.write(invitations.sign_up, self._default, email, hash_, token, visit.browser)
        except UserError as error:
            return Shown("sign_up.html", {"email": email, "wrong": worded(visit, error)}, 422)
        return Goto("/console/", session=token)

    def _must_be_open(self, visit: Visit) -> None:
        """Raises NotFound."""
        if not self._signup:
            raise NotFound(visit.say("sign_up.closed"))

    async def show_invitation(self, visit: Visit) -> Result:
        offer = await self._offer(visit)
        return Shown("invitation.html", {"offer": offer, "email": offer.email, "wrong": ""})

    async def accept(self, visit: Visit) -> Result:
        offer, form = await self._offer(visit), await visit.form()
        email, token = offer.email or form.text("email", 320), tokens.new()
        try:
            hash_ = await self.new_hash(form.secret("password"), email)
            given = visit.request.match_info["token"]
            await self._database.write(
                invitations.accept, self._default, self._plans, given, email, hash_, token, visit.browser
            )
        except UserError as error:
            return Shown("invitation.html", {"offer": offer, "email": email, "wrong": worded(visit, error)}, 422)
        return Goto(self._after_first if offer.first else "/console/", session=token)

    async def _offer(self, visit: Visit) -> invitations.Offer:
        """Raises NotFound."""
        try:
            return await self._database.read(invitations.offer, visit.request.match_info["token"])
        except NotFound:
            raise NotFound(visit.say("invitation.over")) from None

    async def new_hash(self, password: str, email: str) -> str:
        """Raises Invalid."""
        async with self._hashing:
            await asyncio.to_thread(passwords.check, password, email)
            return await asyncio.to_thread(passwords.hashed, password)

    async def fits(self, account_id: int, password: str) -> bool:
        """Whether this is the password of the account."""
        return await self._fits(await self._database.read(signing_in.password, account_id), password)

    # Looks

    async def choose_looks(self, visit: Visit) -> Result:
        form = await visit.form()
        language, theme = form.text("language", 10), form.text("theme", 10)
        choices = {}
        if language in LANGUAGES:
            choices["language"] = language
        if theme in (*THEMES, "auto"):
            choices["theme"] = theme
        if not choices:
            raise Invalid("there is no such language and no such theme")
        return Goto(_ours(form.text("to")) or "/console/", choices=choices)


def _ours(path: str) -> str:
    """A page of the console; empty: it is none, and nobody is sent there."""
    good = path.startswith("/console/") and "\\" not in path and "//" not in path and path.isprintable()
    return path if good else ""


@dataclass(slots=True)
class _Series:
    count: int
    until: float


class Failures:
    """Wrong passwords, by account and by address: after some, each further try has to wait."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._series: OrderedDict[str, _Series] = OrderedDict()

    def delay(self, email: str, address: str) -> float:
        """Seconds."""
        over = max(
            self._count(f"account {email}") - SLOW_AFTER_ACCOUNT, self._count(f"address {address}") - SLOW_AFTER_ADDRESS
        )
        return 0.0 if over < 0 else min(0.5 * 2 ** min(over, 10), SLOWEST)

    def note(self, email: str, address: str) -> None:
        for name in (f"account {email}", f"address {address}"):
            count = self._count(name) + 1
            self._series[name] = _Series(count, self._tick() + FAILURES_SECONDS)
            self._series.move_to_end(name)
        while len(self._series) > REMEMBERED:
            self._series.popitem(last=False)

    def _count(self, name: str) -> int:
        series = self._series.get(name)
        if series is None or series.until < self._tick():
            return 0
        return series.count
