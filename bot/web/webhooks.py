"""The way in: callbacks of platforms are checked, stored, and only then acknowledged (reliability page, 5.1).

What is not genuine costs one look at a signature: no database, nothing of it in the log.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from uuid import UUID

import structlog
from aiohttp import ClientError, web

from adapters.base import Channel
from adapters.inbound import AnyEvent, Callback, ChatMessage, HttpAnswer, Parsed, Receive, Refused, Reply, Talking
from bot.clock import Clock, monotonic
from bot.gate import Gate
from bot.jobs.batches import Batches
from bot.metrics import Metrics
from bot.rules import commands
from bot.usecases import conversations, inbox
from bot.usecases.chat.who import Terms
from bot.usecases.inbox import Incoming
from storage.database import Database, StorageError

RESERVED = frozenset({"feeds", "websub", "x", "tencent"})  # first parts that are other routes
BODY_SECONDS = 10.0
ANSWER_SECONDS = 1.5  # for a command whose reply is the answer to the request
AT_ONCE = 200  # callbacks stored in one transaction
TOLD_BY_LISTENER = 2.0  # seconds that a listening channel is given to pass an answer on
REFUSALS_SECONDS = 10.0  # between two lines of the log about refused callbacks of one channel

log = structlog.get_logger("webhooks")


@dataclass(slots=True)
class Arrival:
    """The events of one callback on their way into the inbox.  ``stored`` or ``error``, once ``done``."""

    events: Sequence[Incoming]
    done: asyncio.Future[None]
    stored: inbox.Stored | None = None
    error: StorageError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a callback is answered, and the reply in it that need not be sent any more once it has arrived."""

    answer: HttpAnswer
    result: str = "stored"
    uid: UUID | None = None


@dataclass(slots=True)
class _Refusals:
    """Refused callbacks since the last line of the log about them."""

    count: int = 0
    told: float = field(default=-REFUSALS_SECONDS)


class Webhooks:
    """``routes`` for platforms that call us, ``receive`` for channels that listen."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        clock: Clock,
        metrics: Metrics,
        gate: Gate,
        terms: Terms,
    ) -> None:
        self._database, self._clock, self._metrics, self._gate = database, clock, metrics, gate
        self._terms = terms
        self._talking = {name: one for name, one in channels.items() if isinstance(one, Talking)}
        self._lanes = {name: one.lane for name, one in channels.items()}
        self._arrived: Batches[Arrival] = Batches(self._store, AT_ONCE)
        self._answered: Batches[UUID] = Batches(self._settle, AT_ONCE)
        self._refusals: dict[str, _Refusals] = {}
        self._later: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        paths = ("/webhooks/{channel}", "/webhooks/{channel}/{account}")
        return [
            route
            for path in paths
            for route in (web.get(path, self._handle, allow_head=False), web.post(path, self._handle))
        ]

    async def drain(self, seconds: float) -> None:
        """After the last request: what was answered is settled.  What is not is sent once more."""
        for task in self._later:
            task.cancel()
        await self._arrived.drain(seconds / 2)
        await self._answered.drain(seconds / 2)

    def receive(self, name: str) -> Receive:
        """What stores the events of a channel that listens, and answers once they are safe.  Raises StorageError."""
        return partial(self._received, name)

    async def _received(self, name: str, parsed: Parsed) -> HttpAnswer:
        started = monotonic()
        channel = self._talking[name]
        try:
            outcome = await self._taken_in(name, channel, parsed)
        except StorageError:
            self._count(name, "failed", started)
            raise
        self._count(name, outcome.result, started)
        if outcome.uid is not None:  # whether it went out, only the channel knows; by then it will have
            later = asyncio.create_task(self._settle_later(outcome.uid))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
        return outcome.answer

    async def _settle_later(self, uid: UUID) -> None:
        await asyncio.sleep(TOLD_BY_LISTENER)
        self._answered.add(uid)

    # A request

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        started = monotonic()
        name = "/".join(part for part in (request.match_info["channel"], request.match_info.get("account")) if part)
        channel = self._talking.get(name)
        if channel is None:
            return _error(404)
        try:
            outcome = await self._outcome(request, name, channel)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("a callback could not be stored", channel=name, reason=str(error))
            outcome = _refusal(503, "failed")
        except Exception:
            log.exception("a callback could not be read", channel=name)
            outcome = _refusal(500, "broken")
        return await self._respond(request, name, outcome, started)

    async def _outcome(self, request: web.Request, name: str, channel: Talking) -> Outcome:
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            return _refusal(415, "refused")
        try:
            body = await _body(request, channel.max_body)
        except TimeoutError:
            return _refusal(408, "refused")
        if body is None:
            return _refusal(413, "refused")
        callback = Callback(request.method, request.query, request.headers, body, self._clock())
        try:
            parsed = await channel.parse(callback)
        except Refused as refused:
            self._tell_refusal(name, str(refused))
            return _refusal(refused.status, "refused")
        return await self._taken_in(name, channel, parsed)

    async def _respond(self, request: web.Request, name: str, outcome: Outcome, started: float) -> web.StreamResponse:
        answer = outcome.answer
        response = web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)
        try:
            if outcome.uid is not None:
                await response.prepare(request)
                await response.write_eof()
                self._answered.add(outcome.uid)
        except (ClientError, OSError):
            log.info("an answer did not arrive, and is sent instead", channel=name)
        self._count(name, outcome.result, started)
        return response

    # Events

    async def _taken_in(self, name: str, channel: Talking, parsed: Parsed) -> Outcome:
        """Stores what came in; raises StorageError when it is not safe."""
        if parsed.answer is not None:
            return Outcome(parsed.answer, "handshake")
        asked = next((one for one in parsed.events if isinstance(one, ChatMessage) and one.wants_answer), None)
        at_once = asked if asked is not None and self._can_answer(asked) else None
        events = [self._incoming(name, one, at_once) for one in parsed.events]
        if not events:
            return Outcome(HttpAnswer(), "empty")
        stored = await self._stored(name, events)
        if asked is None:
            return Outcome(HttpAnswer(), "stored" if stored.new else "repeated")
        reply, uid = None, None
        for one in events:
            if one.token and one.token in stored.leased:
                reply, uid = await self._reply(one, stored.leased[one.token])
        return Outcome(channel.answer(asked, reply), "stored" if stored.new else "repeated", uid)

    def _incoming(self, name: str, event: AnyEvent, at_once: ChatMessage | None) -> Incoming:
        return inbox.incoming(name, event, at_once=event is at_once)

    def _can_answer(self, message: ChatMessage) -> bool:
        """Whether the reply can be had without the network; otherwise it comes later."""
        if commands.needs(message) is not None or commands.wants_file(message):
            return False
        asks_platform = not message.direct and self._terms.group_managers != "all"
        return not (asks_platform and conversations.concerns_managers(message))

    async def _stored(self, name: str, events: Sequence[Incoming]) -> inbox.Stored:
        arrival = Arrival(events, asyncio.get_running_loop().create_future())
        self._arrived.add(arrival)
        await arrival.done
        if arrival.error is not None:
            raise arrival.error
        assert arrival.stored is not None
        if repeats := len(events) - arrival.stored.new:
            self._metrics.inbound_repeats.labels(name).inc(repeats)
        return arrival.stored

    async def _store(self, arrivals: Sequence[Arrival]) -> None:
        """One transaction for all; if it cannot be, one for each: nobody fails for a neighbour."""
        try:
            kept = await self._database.write(inbox.store, [one.events for one in arrivals])
        except StorageError as error:
            for one in arrivals:
                one.error = error
        except Exception as error:
            if len(arrivals) > 1:
                for one in arrivals:
                    await self._store([one])
                return
            log.exception("events could not be stored", events=len(arrivals[0].events))
            arrivals[0].error = StorageError(type(error).__name__)
        else:
            for one, stored in zip(arrivals, kept, strict=True):
                one.stored = stored
        for one in arrivals:
            if not one.done.done():  # who waited may be gone
                one.done.set_result(None)

    async def _reply(self, one: Incoming, event_id: int) -> tuple[Reply | None, UUID | None]:
        """The reply, if it can be had in time; a transaction that comes too late queues it to be sent."""
        due = inbox.leased(one, event_id, self._clock())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                taken = await self._database.write(
                    conversations.take, self._terms, due, lane=self._lanes[one.channel], at_once=True
                )
        except TimeoutError:
            return None, None
        except Exception:  # the row stays, and the job tries it again
            log.exception("a command could not be answered at once", channel=one.channel, trace=due.trace)
            return None, None
        return taken.reply, taken.uid

    async def _settle(self, uids: Sequence[UUID]) -> None:
        try:
            await self._database.write(conversations.answered, uids)
        except Exception:  # they are sent: twice is better than never
            log.exception("answers could not be settled", answers=len(uids))

    # Counting

    def _count(self, name: str, result: str, started: float) -> None:
        self._metrics.inbound.labels(name, result).inc()
        self._metrics.inbound_seconds.observe(monotonic() - started)

    def _tell_refusal(self, name: str, reason: str) -> None:
        """A line now and then, however many are made up."""
        seen = self._refusals.setdefault(name, _Refusals())
        seen.count += 1
        if monotonic() - seen.told >= REFUSALS_SECONDS:
            log.warning("callbacks were refused", channel=name, reason=reason, count=seen.count)
            seen.count, seen.told = 0, monotonic()


async def _body(request: web.Request, limit: int) -> bytes | None:
    """All of it; None: it is longer than that.  Raises TimeoutError."""
    if (request.content_length or 0) > limit:
        return None
    if request.content.is_eof():  # it is all here; a timer would cost more than the rest
        return await _gathered(request, limit)
    async with asyncio.timeout(BODY_SECONDS):
        return await _gathered(request, limit)


async def _gathered(request: web.Request, limit: int) -> bytes | None:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


def _refusal(status: int, result: str) -> Outcome:
    words = HTTPStatus(status).phrase
    return Outcome(HttpAnswer(status, b'{"error":"%s"}' % words.encode()), result)


def _error(status: int) -> web.Response:
    return web.json_response({"error": HTTPStatus(status).phrase}, status=status)
