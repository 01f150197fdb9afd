"""A gateway that serves its APIs on a real socket, with stand-ins for WhatsApp and X, and callers with keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from yarl import URL

from adapters.base import BadAddress, FeedInfo, FeedNotFound, Found, Page, Post, SourceError
from adapters.signatures import usersig
from adapters.sources.push import Push
from bot import app, parts
from bot.rules.vault import Vault
from bot.settings import Settings
from bot.usecases import accounts, feeds, keys, posts
from bot.usecases.chat.who import Terms
from bot.web.apis import admin, native
from bot.web.apis.md_import import MarkdownImport
from bot.web.apis.wechat_messages import WeChatMessages
from bot.web.apis.x_alerts import XAlerts
from bot.web.surface import Route
from storage import models
from storage.database import Database, Work
from tests import world
from tests.bot.jobs.parts import PlainChannel
from tests.clock import START, MovableClock

VAULT = Vault(b"k" * 32)
OFFICIAL: dict[str, Any] = {
    "official_sdkappid": 1400000000,
    "official_secret_key": "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
    "official_admins": "administrator, collector",
}
ADMIN_TOKEN = "only-operators-know-this"


def routes_of_administration() -> list[Route]:
    """Likewise."""
    return admin.routes(*[None] * 12)  # type: ignore[arg-type]


def routes_of_x_alerts() -> list[Route]:
    """As they are mounted, of an API that nothing stands behind."""
    return XAlerts(*[None] * 5, terms=None, known=None, cursor_keys=()).routes()  # type: ignore[arg-type]


def routes_of_native() -> list[Route]:
    return native.routes(native.Desk(*[None] * 9, cursor_keys=()))  # type: ignore[arg-type, misc]


def routes_of_messages() -> list[Route]:
    nothing: Any = None
    return [*WeChatMessages(nothing).routes(), *MarkdownImport(*[nothing] * 6).routes()]


class PlainX:
    """X, for those who know its names: ``people`` by lower-case user name."""

    kind = "x"

    def __init__(self) -> None:
        self.people: dict[str, tuple[str, FeedInfo]] = {}
        self.fails: SourceError | None = None
        self.asked: list[str] = []
        self.add("elonmusk", "44196397", "Elon Musk", "https://pbs.twimg.com/elon.jpg")
        self.add("NASA", "11348282", "NASA")
        for n in range(10):
            self.add(f"person_{n}", f"{1000 + n}", f"Person {n}")

    def add(self, name: str, key: str, title: str, image: str = "") -> None:
        self.people[name.lower()] = key, FeedInfo(title=title, name=name, image=image)

    async def resolve(self, name: str, now: datetime) -> Found:
        self.asked.append(name)
        if self.fails:
            raise self.fails
        if name.lower() not in self.people:
            raise FeedNotFound(f"no {name}")
        key, info = self.people[name.lower()]
        return Found(key, Page(cursor={}, info=info))

    async def poll(self, key: str, cursor: Any, now: datetime) -> Page:
        return Page(cursor=cursor)  # nothing new

    def host(self, key: str) -> str:
        return ""

    async def close(self) -> None:
        """Holds nothing."""


class PlainFeeds:
    """Feeds on the web, for those who know their addresses."""

    kind = "feed"

    def __init__(self) -> None:
        self.documents: dict[str, Page | SourceError] = {}
        self.asked: list[str] = []

    def add(self, url: str, *some: Post, title: str = "A feed") -> str:
        self.documents[url] = Page(cursor={}, posts=some, info=FeedInfo(title=title))
        return url

    async def resolve(self, name: str, now: datetime) -> Found:
        self.asked.append(name)
        match self.documents.get(name):
            case None:
                raise FeedNotFound(f"nothing at {name}", sorted(self.documents)[:1])
            case Page() as page:
                return Found(name, page)
            case error:
                raise error

    async def poll(self, key: str, cursor: Any, now: datetime) -> Page:
        return Page(cursor=cursor)  # nothing new

    def host(self, key: str) -> str:
        return "https://feeds.example.org:443"

    async def close(self) -> None:
        """Holds nothing."""


class PlainWay(PlainChannel):
    """A channel whose addresses begin as told."""

    def __init__(self, name: str, *begins: str, lane: str = "chat") -> None:
        super().__init__(name)
        self.lane, self._begins = lane, begins
        self.needs_secret = lane == "webhook"

    def normal_address(self, address: str) -> str:
        if not address.startswith(self._begins):
            raise BadAddress(f"an address of {self.name} begins with {' or '.join(self._begins)}")
        return address


class PlainPhones(PlainWay):
    """Where addresses are numbers, and a code that comes from one proves it."""

    is_set_up = True
    number = "+15550001111"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def told(self) -> tuple[int, Any]:
        """Status, and the error's text."""
        return self.status, self.body.get("error") if isinstance(self.body, dict) else None

    @property
    def fault(self) -> tuple[int, Any]:
        """Status, and the error's code as the native API tells it."""
        return self.status, self.body.get("error", {}).get("code")


@dataclass(slots=True)
class Caller:
    """A program with a key."""

    served: "Served"
    account_id: int
    key: str = field(repr=False)

    async def __call__(self, method: str, path: str, json: Any = None, **more: Any) -> Answer:
        """At an even pace and from an address of its own, so that no limit is in the way."""
        self.served.clock.advance(milliseconds=50)
        own = {"x-api-key": self.key, "X-Forwarded-For": f"2001:db8:{self.account_id:x}::1"}
        headers = own | more.pop("headers", {})
        return await self.served.ask(method, path, headers=headers, json=json, **more)

    def number(self, n: int = 1) -> str:
        """A number that no other caller of these tests uses."""
        return f"+3460{self.account_id:04d}{n:03d}"

    async def verified(self, n: int = 1) -> str:
        """A phone that is verified."""
        number = self.number(n)
        asked = await self("POST", "/phones", {"phoneNumber": number})
        assert asked.status == 200, asked.body
        code = await self.served.code(self.account_id, number)
        assert (await self("POST", "/phones/verify", {"phoneNumber": number, "code": code})).status == 200
        return number

    async def webhook(self, name: str = "hook") -> Any:
        """A webhook destination, as the native API answers with it."""
        made = await self(
            "POST",
            "/api/v1/destinations",
            {"channel": "webhook", "address": f"https://{name}.example.org/{self.account_id}"},
        )
        assert made.status == 201, made.body
        return made.body

    async def follows(self, url: str, destination: str, **more: Any) -> Any:
        """A subscription, as the native API answers with it."""
        made = await self("POST", "/api/v1/subscriptions", {"name": url, "destinationId": destination, **more})
        assert made.status == 200, made.body
        return made.body

    async def subscribed(self, name: str = "elonmusk", n: int = 1) -> str:
        number = await self.verified(n)
        made = await self("POST", "/subscriptions", {"xUsername": name, "phoneNumber": number})
        assert made.status == 200
        return number


@dataclass(slots=True)
class Served:
    """The running gateway, as tests see it."""

    database: Database
    clock: MovableClock
    url: str
    session: aiohttp.ClientSession
    x: PlainX
    feeds: PlainFeeds
    phones: PlainPhones
    terms: Terms
    web: Any
    gateway: app.Gateway
    count: int = 0

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        if more.get("json") is None:
            more.pop("json", None)
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, **more) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json" and raw
            return Answer(response.status, await response.json() if is_json else raw, response.headers)

    async def caller(self, plan: str = "unlimited", **fields: Any) -> Caller:
        """A new account with a key."""
        self.count += 1
        account_id = await self.database.write(_account, f"{self.count}@example.org", plan, fields)
        return await self.another_key(account_id)

    async def operator(self) -> "Caller":
        """An operator's account with a key."""
        return await self.caller(operator=True)

    async def admin(self, method: str, path: str, json: Any = None, **more: Any) -> Answer:
        """With the token of administration; ``path``: below ``/admin/v1``."""
        self.clock.advance(milliseconds=50)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"} | more.pop("headers", {})
        return await self.ask(method, f"/admin/v1{path}", headers=headers, json=json, **more)

    async def another_key(self, account_id: int) -> Caller:
        made = await self.database.write(keys.create, None, account_id=account_id, name="Tests")
        return Caller(self, account_id, made.key)

    async def code(self, account_id: int, number: str) -> str:
        """What was sent to a number."""
        return await self.database.read(_code, account_id, number)

    async def post(self, source: str, key: str, *found: Post) -> None:
        """New posts of a feed, as a poll brings them."""
        await self.database.write(_record, source, key, found)

    async def settle(self, delivery_id: int, **fields: Any) -> None:
        await self.database.write(_settle, delivery_id, fields)


def signed(identifier: str = "administrator", *, now: datetime = START, **fields: Any) -> dict[str, str]:
    """The query of a call to the official-account history API; None leaves a field out."""
    app, key = OFFICIAL["official_sdkappid"], OFFICIAL["official_secret_key"]
    usual = {
        "sdkappid": app,
        "identifier": identifier,
        "usersig": usersig.make(app, key, identifier, now, timedelta(days=30)),
        "random": 99999999,
        "contenttype": "json",
    }
    return {name: str(value) for name, value in (usual | fields).items() if value is not None}


def _account(work: Work, email: str, plan: str, fields: dict[str, Any]) -> int:
    account = accounts.add(work, email, name=fields.pop("name", "Jane"), plan=plan)
    for name, value in fields.items():
        setattr(account, name, value)
    work.session.add(account)
    work.session.flush()
    return account.id


def _code(work: Work, account_id: int, number: str) -> str:
    (phone,) = world.rows(work, models.Destination, account_id=account_id, address=number)
    return str([row.text for row in world.rows(work, models.Delivery, destination_id=phone.id, event="code")][-1])


def _record(work: Work, source: str, key: str, found: tuple[Post, ...]) -> None:
    (feed,) = world.rows(work, models.Feed, source=source, key=key)
    due = feeds.hurry(work, feed.id, world.INTERVAL)
    info = FeedInfo(title=feed.title, name=feed.name, image=feed.image)
    posts.record(work, [posts.Polled(due, Page(cursor={}, posts=found, info=info))], world.POLICY)


def _settle(work: Work, delivery_id: int, fields: dict[str, Any]) -> None:
    table = models.Delivery.__table__
    work.session.execute(table.update().where(table.c.id == delivery_id).values(**fields))


@asynccontextmanager
async def serving(database: Database, clock: MovableClock, **settings: Any) -> AsyncIterator[Served]:
    x, web_feeds = PlainX(), PlainFeeds()
    phones = PlainPhones("whatsapp", "+")
    ways = (phones, PlainWay("webhook", "https://", lane="webhook"), PlainWay("feishu", "oc_", "ou_", "https://"))
    wished = Settings(trusted_proxies="127.0.0.0/8", **{"admin_token": ADMIN_TOKEN, **OFFICIAL, **settings})
    gateway = app.assemble(
        wished,
        database,
        VAULT,
        parts.make_outbound(wished),
        {way.name: way for way in ways},
        {"push": Push(None), "x": x, "feed": web_feeds},  # type: ignore[arg-type]
        clock,
    )
    made = app.make_web(gateway, clock, tick=lambda: clock().timestamp())
    async with TestServer(made) as server, aiohttp.ClientSession() as session:
        yield Served(
            database,
            clock,
            str(server.make_url("")).rstrip("/"),
            session,
            x,
            web_feeds,
            phones,
            gateway.terms,
            made,
            gateway,
        )
