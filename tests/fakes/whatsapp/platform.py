"""The server: takes messages as the Graph API does, shows them on phones, and tells our webhook what follows."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from adapters.channels.whatsapp import Config
from bot.clock import Clock, utc_now
from bot.simulator.whatsapp_checks import Body, Failure, Template, check
from tests.fakes.whatsapp import shapes
from tests.fakes.whatsapp.callbacks import Callbacks, Update
from tests.fakes.whatsapp.manager import Manager
from tests.fakes.whatsapp.people import Person, Shown

Trick = Literal["hang", "reset", "empty", "html"]
"""Takes the message and never answers, breaks the connection, or answers without an id; a proxy's error page."""

WINDOW = timedelta(hours=24)
TOKEN, APP_SECRET, VERIFY_TOKEN = "EAAtest-token", "test-app-secret", "test-verify-token"
VERSION, PHONE_NUMBER_ID, DISPLAY_NUMBER = "v26.0", "200000000000001", "+15555550199"


@dataclass
class Statuses:
    """What becomes of accepted messages."""

    words: tuple[str, ...] = ("sent", "delivered")
    failed: int = 0  # the code of a failure that is told later, instead of the above
    duplicate: bool = False
    reversed: bool = False
    early: bool = False  # told before the send is answered
    lost: bool = False  # never told


@dataclass
class Rules:
    """How strict it is."""

    pair_burst: int = 45
    pair_seconds: float = 6.0
    throughput: int = 80  # messages per second
    throttle_status: int = 400  # documentation says 429, traffic mostly 400
    window: Literal["at once", "later", "off"] = "at once"  # how a message outside the 24 hours is refused
    exact_numbers: bool = False  # only the spelling of the ids is taken
    slow_seconds: float = 0.0  # before each answer


@dataclass
class _Pair:
    tokens: float
    at: datetime


@dataclass
class Media:
    content: bytes
    mime_type: str = "application/octet-stream"
    file_size: int | None = None  # told; None: as it is
    packed: bool = False
    broken: bool = False  # ends too early


@dataclass
class FakeWhatsApp:
    """``async with FakeWhatsApp(clock) as whatsapp``: ``say`` and ``press`` are people, ``screen`` their phones."""

    clock: Clock = utc_now
    host: str = "127.0.0.1"
    port: int = 0
    rules: Rules = field(default_factory=Rules)
    statuses: Statuses = field(default_factory=Statuses)
    templates: dict[tuple[str, str], Template] = field(default_factory=dict)
    manager: Manager = field(default_factory=Manager)
    people: dict[str, Person] = field(default_factory=dict)  # by number and by id
    media: dict[str, Media] = field(default_factory=dict)
    accepted: list[Body] = field(default_factory=list)
    refused: list[tuple[int, Body]] = field(default_factory=list)
    marks: list[Body] = field(default_factory=list)  # of reading and typing
    seen: Callable[[Person, Shown], None] = lambda person, shown: None  # called for each message on a phone
    _scripts: defaultdict[str, deque[Failure | Trick]] = field(default_factory=lambda: defaultdict(deque))
    _pairs: dict[str, _Pair] = field(default_factory=dict)
    _second: tuple[int, int] = (0, 0)  # and the messages in it
    _known: set[str] = field(default_factory=set)  # ids of messages that people wrote
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        self.callbacks = await Callbacks(APP_SECRET, VERIFY_TOKEN, PHONE_NUMBER_ID, DISPLAY_NUMBER).__aenter__()
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_post("/{version}/{id}/messages", self._guarded(self._messages))
        app.router.add_post("/{version}/{id}/media", self._guarded(self._upload))
        app.router.add_get("/{version}/{id}", self._guarded(self._object))
        app.router.add_get("/{version}/{id}/{edge:subscribed_apps|message_templates}", self._guarded(self._edge))
        app.router.add_get("/{version}/{id}/file", self._guarded(self._file))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self.quiet()
        await self._runner.cleanup()
        await self.callbacks.__aexit__()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def config(self, **changes: str) -> Config:
        """Settings that fit."""
        given = {
            "base_url": self.url,
            "api_version": VERSION,
            "token": TOKEN,
            "phone_number_id": PHONE_NUMBER_ID,
            "app_secret": APP_SECRET,
            "verify_token": VERIFY_TOKEN,
            "display_number": DISPLAY_NUMBER,
        }
        return Config(**(given | changes))

    async def connect(self, url: str) -> None:
        """Call this webhook from now on.  Raises ConnectionError when it does not confirm."""
        await self.callbacks.connect(url)

    async def quiet(self) -> None:
        """Wait until everything that follows from what happened has been told."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    # --- People ---

    def person(self, number: str, **about: Any) -> Person:
        """Somebody who has the app; the same one for the same number."""
        digits = number.lstrip("+")
        if (person := self.people.get(digits)) is None:
            about.setdefault("user_id", f"US.{digits}0000")
            person = Person(digits, **about)
            for name in (digits, person.user_id, *person.dialled):
                self.people[name] = person
        return person

    def screen(self, number: str) -> list[Shown]:
        """What the phone shows of ours, oldest first."""
        return self.person(number).screen

    async def say(self, number: str, text: str, **more: Any) -> str:
        """Write a message; ``more`` are members of it, such as ``context``.  Its id."""
        return await self.send(number, "text", {"body": text}, **more)

    async def press(self, number: str, button: str) -> str:
        """Press the newest button of that label or value.  The id of what that sends."""
        person = self.person(number)
        for shown in reversed(person.screen):
            for label, value in shown.buttons:
                if button in (label, value):
                    kind, content = shapes.pressed(shown, label, value)
                    return await self.send(number, kind, content, context=self._context(shown.id))
        raise AssertionError(f"no button {button!r} on the phone of {number}")

    async def react(self, number: str, message_id: str, emoji: str = "👍") -> str:
        return await self.send(number, "reaction", {"message_id": message_id, "emoji": emoji})

    async def attach(self, number: str, content: bytes, kind: str = "document", **about: Any) -> str:
        """Send a file."""
        media_id = self.store(content)
        return await self.send(number, kind, {"id": media_id, "mime_type": "application/octet-stream", **about})

    async def send(self, number: str, kind: str, content: Any, **more: Any) -> str:
        """Any message of a person."""
        person = self.person(number)
        message = self.message(person, kind, content, **more)
        await self.callbacks.post(self.callbacks.entry(self.callbacks.messages([message], [person.contact()])))
        return str(message["id"])

    def message(self, person: Person, kind: str, content: Any, **more: Any) -> Update:
        """The element of ``messages``; it opens the 24 hours."""
        person.wrote_at = self.clock()
        message_id = more.pop("id", shapes.wamid())
        self._known.add(message_id)
        timestamp = more.pop("timestamp", str(int(self.clock().timestamp())))
        return {**person.sender(), "id": message_id, "timestamp": timestamp, "type": kind, kind: content, **more}

    def store(self, content: bytes, **about: Any) -> str:
        """Have a file to be fetched; its id."""
        media_id = str(300000000000000 + len(self.media))
        self.media[media_id] = Media(content, **about)
        return media_id

    def _context(self, message_id: str) -> Update:
        return {"from": DISPLAY_NUMBER.lstrip("+"), "id": message_id}

    # --- Scripts ---

    def add(self, *templates: Template) -> None:
        for one in templates:
            self.templates[one.name, one.language] = one

    def fail(self, number: str, *how: int | Failure | Trick) -> None:
        """The next messages to that number (or id; "": to anybody) meet these, one each."""
        script = self._scripts[number.lstrip("+")]
        script.extend(Failure(one, "as told") if isinstance(one, int) else one for one in how)

    # --- The API ---

    def _guarded(self, handler: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[..., Any]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
                    raise Failure(190, f"Malformed access token {given}", 401)
                if request.match_info["version"] != VERSION:
                    raise Failure(2500, "unknown version")
                return await handler(request)
            except Failure as failure:
                return shapes.error(failure, self.rules.throttle_status)

        return guarded

    async def _messages(self, request: web.Request) -> web.Response:
        self._is_ours(request)
        body = await request.json()
        await asyncio.sleep(self.rules.slow_seconds)
        if "status" in body:
            return self._mark(body)
        try:
            return await self._take(request, body)
        except Failure as failure:
            self.refused.append((failure.code, body))
            raise

    async def _take(self, request: web.Request, body: Body) -> web.Response:
        trick = self._scripted(body)
        check(body, self.templates)
        person = self._recipient(body)
        self._throttle(person)
        late = self._outside(person, body)
        shown = shapes.shown(body, self.templates)
        self.accepted.append(body)
        if not late:
            person.screen.append(shown)
            self.seen(person, shown)
        told = self._tell(person, shown, 131047 if late else self.statuses.failed)
        if self.statuses.early:
            await told
        else:
            self._later(told)
        if trick == "reset":
            assert request.transport is not None
            request.transport.close()
        elif trick == "hang":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 60)
        if trick == "empty":
            return web.json_response({})
        return web.json_response(shapes.success(body, person, shown))

    def _scripted(self, body: Body) -> Trick | None:
        """Raises Failure if that is what was told."""
        to = str(body.get("to", body.get("recipient", ""))).lstrip("+")
        script = self._scripts[to] or self._scripts[""]
        one = script.popleft() if script else None
        if isinstance(one, Failure):
            raise one
        if one == "html":
            raise Failure(0, "<html><body>502 Bad Gateway</body></html>", 502)
        return one

    def _recipient(self, body: Body) -> Person:
        name = str(body["to"]).lstrip("+") if "to" in body else str(body["recipient"])
        person = self.people.get(name)
        if name == DISPLAY_NUMBER.lstrip("+"):
            raise Failure(131021, "the recipient is the sender")
        if person is None or (self.rules.exact_numbers and name not in (person.number, person.user_id)):
            raise Failure(131026, "the message is undeliverable")
        return person

    def _throttle(self, person: Person) -> None:
        now = self.clock()
        pair = self._pairs.setdefault(person.number, _Pair(self.rules.pair_burst, now))
        passed = (now - pair.at).total_seconds() / self.rules.pair_seconds
        pair.tokens, pair.at = min(self.rules.pair_burst, pair.tokens + passed), now
        if pair.tokens < 1:
            raise Failure(131056, "too many messages to this person")
        second, count = int(now.timestamp()), self._second[1] if self._second[0] == int(now.timestamp()) else 0
        if count >= self.rules.throughput:
            raise Failure(130429, "too many messages from this number")
        self._second = (second, count + 1)
        pair.tokens -= 1

    def _outside(self, person: Person, body: Body) -> bool:
        """Whether it is refused later because of the 24 hours; raises Failure if at once."""
        closed = person.wrote_at is None or self.clock() >= person.wrote_at + WINDOW
        if not closed or body["type"] == "template" or self.rules.window == "off":
            return False
        if self.rules.window == "later":
            return True
        raise Failure(131047, "more than 24 hours have passed")

    def _mark(self, body: Body) -> web.Response:
        if body.get("status") != "read" or body.get("message_id") not in self._known:
            raise Failure(131009, "no such message")
        self.marks.append(body)
        return web.json_response({"success": True})

    def _is_ours(self, request: web.Request) -> None:
        if request.match_info["id"] != PHONE_NUMBER_ID:
            raise Failure(100, "Unsupported post request. Object does not exist", 400, subcode=33)

    # --- Files ---

    async def _upload(self, request: web.Request) -> web.Response:
        self._is_ours(request)
        form = await request.post()
        file = form.get("file")
        if form.get("messaging_product") != "whatsapp" or not isinstance(file, web.FileField):
            raise Failure(131008, "messaging_product and file are required")
        return web.json_response({"id": self.store(file.file.read(), mime_type=file.content_type)})

    async def _object(self, request: web.Request) -> web.Response:
        """What an id names: the number, or a file."""
        media_id = request.match_info["id"]
        if media_id == PHONE_NUMBER_ID:
            return web.json_response(self.manager.look(request.query, TOKEN, APP_SECRET))
        if (media := self.media.get(media_id)) is None:
            raise Failure(100, "no such media", 400, subcode=33)
        size = len(media.content) if media.file_size is None else media.file_size
        url = f"{self.url}/{VERSION}/{media_id}/file"
        return web.json_response({"messaging_product": "whatsapp", "id": media_id, "url": url, "file_size": size})

    async def _edge(self, request: web.Request) -> web.Response:
        path = request.match_info
        told = self.manager.edge(path["id"], path["edge"], request.query, self.templates.values())
        return web.json_response(told)

    async def _file(self, request: web.Request) -> web.Response:
        media = self.media[request.match_info["id"]]
        response = web.Response(body=media.content)
        if media.packed:
            response.enable_compression(web.ContentCoding.gzip)
        if media.broken:
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + media.content)
            request.transport.close()
        return response

    # --- Statuses ---

    async def _tell(self, person: Person, shown: Shown, failed: int) -> None:
        """Our webhook learns what became of it."""
        how = self.statuses
        if how.lost:
            return
        words: Sequence[str] = ("failed",) if failed else how.words
        statuses = [self.status(person, shown, word, failed) for word in words]
        if how.duplicate:
            statuses = [status for status in statuses for _ in range(2)]
        for status in reversed(statuses) if how.reversed else statuses:
            contacts = [] if failed else [person.contact()]
            await self.callbacks.post(self.callbacks.entry(self.callbacks.statuses([status], contacts)))

    def status(self, person: Person, shown: Shown, word: str, code: int = 0) -> Update:
        """The element of ``statuses``."""
        status: Update = {
            "id": shown.id,
            "status": word,
            "timestamp": str(int(self.clock().timestamp())),
            **person.recipient(),
        }
        if code:
            status.pop("recipient_user_id")
            error = {"code": code, "title": "Failed", "message": "Failed", "error_data": {"details": "as told"}}
            status["errors"] = [error]
        if shown.data:
            status["biz_opaque_callback_data"] = shown.data
        return status

    async def read(self, number: str) -> None:
        """The person looks at the newest message."""
        person = self.person(number)
        status = self.status(person, person.screen[-1], "read")
        await self.callbacks.post(self.callbacks.entry(self.callbacks.statuses([status], [person.contact()])))

    def _later(self, told: Any) -> None:
        task = asyncio.create_task(told)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
