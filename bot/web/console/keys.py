"""``/console/keys``: the account's API keys; and a page that tries one on the real API."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import Invalid, LimitReached, NotFound, UserError
from bot.rules import keys as rules
from bot.rules.plain_text import one_line
from bot.usecases.audit import Actor
from bot.usecases.console import own_keys
from bot.usecases.console.own_keys import GRACES, Replaced
from bot.usecases.keys import NewKey
from bot.web.apis.native import Desk
from bot.web.console.pages import Goto, Page, Result, Shown, Visit, worded
from bot.web.keys import Door

PAGE = 50


@dataclass(frozen=True, slots=True)
class Call:
    """What the test page can ask for."""

    path: str
    header: str  # in which its documentation shows the key


TRIALS: Sequence[tuple[str, Sequence[Call]]] = (
    ("keys.api_messages", (Call("/api/v1/wechat/messages?page=1&pageSize=20", "Authorization"),)),
    (
        "keys.api_alerts",
        tuple(Call(path, "x-api-key") for path in ("/user/profile", "/phones", "/subscriptions", "/notifications")),
    ),
    (
        "keys.api_native",
        tuple(
            Call(f"/api/v1/{path}", "x-api-key")
            for path in ("account", "posts?limit=20", "subscriptions?limit=20", "deliveries?limit=20")
        ),
    ),
)


class Keys:
    """A key that ends here is refused from now on: ``door`` forgets it."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._database, self._plans, self._door = desk.database, desk.plans, door

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/keys", self.show),
            Page("POST", "/keys", self.create),
            Page("GET", "/keys/test", self.show_test),
            Page("POST", "/keys/{prefix}/replace", self.replace),
            Page("POST", "/keys/{prefix}/delete", self.delete),
        ]

    async def show(self, visit: Visit) -> Result:
        return await self._list(visit)

    async def _list(
        self, visit: Visit, *, made: NewKey | None = None, replaced: Replaced | None = None, wrong: str = ""
    ) -> Result:
        listed = await self._database.read(own_keys.listed, self._plans, visit.account_id, visit.below, PAGE)
        values = {
            "keys": listed,
            "made": made,
            "replaced": replaced,
            "wrong": wrong,
            "graces": list(GRACES),
            "soon": rules.SOON,
            "days": rules.VALID.days,
            "longest": rules.LONGEST_NAME,
        }
        return Shown("keys_list.html" if visit.partial else "keys.html", values, 422 if wrong else 200)

    async def create(self, visit: Visit) -> Result:
        """The key stands in the answer and nowhere else, so no redirect follows."""
        form = await visit.form()
        try:
            name = _name(form.text("name"))
            made = await self._database.write(own_keys.create, _actor(visit), self._plans, visit.account_id, name)
        except (Invalid, LimitReached) as error:
            return await self._list(visit, wrong=worded(visit, error))
        return await self._list(visit, made=made)

    async def replace(self, visit: Visit) -> Result:
        form = await visit.form()
        grace = GRACES.get(form.text("grace"))
        try:
            if grace is None:
                raise Invalid("there is no such time", field="grace")
            done = await self._database.write(
                own_keys.replace,
                _actor(visit),
                self._plans,
                account_id=visit.account_id,
                prefix=_prefix(visit),
                grace=grace,
            )
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None
        except UserError as error:
            return await self._list(visit, wrong=worded(visit, error))
        self._door.forget(done.old_id)  # it has ended, or ends sooner
        return await self._list(visit, made=done.made, replaced=done)

    async def delete(self, visit: Visit) -> Result:
        try:
            ended = await self._database.write(own_keys.remove, _actor(visit), visit.account_id, _prefix(visit))
        except NotFound:
            raise NotFound(visit.say("error.nothing_here")) from None
        self._door.forget(ended)
        return Goto("/console/keys?done=key_deleted")

    async def show_test(self, _visit: Visit) -> Result:
        """The page's script asks the API itself, so a key that is tried is never posted to the console."""
        return Shown("keys_test.html", {"trials": TRIALS})


def _name(text: str) -> str:
    """Raises Invalid."""
    name = one_line(text) or "Default"
    if len(name) > rules.LONGEST_NAME:
        raise Invalid("name is too long", code="key_name_long", field="name")
    return name


def _prefix(visit: Visit) -> str:
    """Raises NotFound: no key begins so."""
    prefix = visit.request.match_info["prefix"]
    if len(prefix) > rules.PREFIX or not prefix.isascii() or not prefix.isprintable():
        raise NotFound("api key not found")
    return prefix


def _actor(visit: Visit) -> Actor:
    return Actor("console", visit.account_id, "", visit.address)
