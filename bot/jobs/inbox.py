"""Works off what people and platforms said: claim, look up, take.  The network lies between two transactions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from adapters.base import Channel, Message, SendError, Source
from adapters.inbound import ChatMessage, Talking
from bot.clock import Clock, monotonic, uuid7
from bot.gate import Gate
from bot.jobs.handing_back import hand_back
from bot.jobs.lookup import look_up
from bot.jobs.pump import Pump
from bot.metrics import Metrics
from bot.rules import commands
from bot.usecases import conversations, inbox, statuses
from bot.usecases.chat.scene import Managers, Taken
from bot.usecases.chat.who import Looked, Terms
from bot.usecases.inbox import DueEvent
from storage.database import Database, StorageError

SLOTS = 16  # conversations at the same time
MANAGERS_SECONDS, DOWNLOAD_SECONDS = 5.0, 20.0
SEEN_AT_ONCE, SEEN_SECONDS = 16, 5.0
REFUSED_SECONDS, REFUSALS = 600.0, 4096  # between two words to one stranger; strangers of whom that is known
NOBODY: Managers = ()

Piece = Sequence[DueEvent]
"""One event of a conversation, or a batch of those that belong to none."""

log = structlog.get_logger("inbox")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the job stands on."""

    database: Database
    channels: Mapping[str, Channel]
    sources: Mapping[str, Source]
    clock: Clock
    metrics: Metrics
    gate: Gate
    terms: Terms


class Inbox:
    """Keeps up to so many conversations going, each event of one after the other."""

    def __init__(self, parts: Parts, slots: int = SLOTS) -> None:
        self._parts, self._database = parts, parts.database
        self._seen: set[asyncio.Task[None]] = set()
        self._refused: dict[tuple[str, str], float] = {}
        self.pump: Pump[Piece] = Pump(self._claim, self._work, slots, ahead=slots)

    async def tick(self) -> None:
        await self.pump.tick()

    async def drain(self, seconds: float) -> None:
        """Claim no more and let what runs end; what was not begun is due again at once."""
        self.pump.stop()
        left = [due for piece in await self.pump.drain(seconds) for due in piece]
        for task in self._seen:
            task.cancel()
        await hand_back(self._database, inbox.hand_back, left)

    async def _claim(self, room: int) -> tuple[Sequence[Piece], bool]:
        if not self._parts.gate.writable:
            return (), False
        try:
            claim = await self._database.write(inbox.take_due, room)
        except StorageError as error:
            self._parts.gate.failed(error)
            log.warning("events not claimed", reason=str(error))
            return (), False
        if claim.unreadable:
            log.error("events that nobody can read are given up", events=list(claim.unreadable))
        batch = [due for due in claim.loose if due.loose]
        pieces: list[Piece] = [[due] for due in (*claim.chats, *claim.loose) if not due.loose]
        return [*pieces, batch] if batch else pieces, claim.more

    async def _work(self, piece: Piece) -> None:
        if piece[0].loose:
            await self._batch(piece)
        else:
            await self._guarded(piece[0])

    async def _batch(self, piece: Piece) -> None:
        """Statuses, many at once; one that cannot be stored must not cost the others."""
        try:
            await self._database.write(statuses.take, piece, self._parts.terms.policy.hold)
        except StorageError as error:
            await self._failed(piece, error)
        except Exception:
            for due in piece:
                await self._guarded(due)
        else:
            for due in piece:
                self._count(due, "done")

    async def _guarded(self, due: DueEvent) -> None:
        """Whatever goes wrong, the event stays until it has had its effect or was tried often enough."""
        try:
            if due.tries > inbox.TRIES:
                await self._give_up(due, "it fails again and again")
            else:
                await self._take(due)
        except StorageError as error:
            await self._failed([due], error)
        except Exception as error:
            log.exception("an event could not be worked off", channel=due.channel, trace=due.trace, tries=due.tries)
            if due.tries >= inbox.TRIES:
                await self._give_up(due, f"{type(error).__name__}")
            else:
                await self._failed([due], error)

    async def _take(self, due: DueEvent) -> None:
        terms, message = self._parts.terms, due.event
        if due.loose:
            await self._database.write(statuses.take, [due], terms.policy.hold)
            self._count(due, "done")
            return
        looked: Looked | None = None
        managers: Managers = None
        if isinstance(message, ChatMessage) and commands.for_us(message):
            self._show_seen(due.channel, message)
            if not due.late:
                looked = await self._look_up(due.channel, message)
                managers = await self._managers(due.channel, message)
        taken = await self._database.write(
            conversations.take, terms, due, lane=self._lane(due.channel), looked=looked, managers=managers
        )
        self._count(due, "done")
        await self._give(due, taken)

    async def _look_up(self, channel: str, message: ChatMessage) -> Looked | None:
        """What only the network knows: the feed that a name means, or the file that came along."""
        if name := commands.needs(message):
            return await look_up(self._parts.sources, name, self._parts.clock())
        way = self._parts.channels.get(channel)
        if not commands.wants_file(message) or not isinstance(way, Talking):
            return None
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                return Looked(file=await way.download(message))
        except (SendError, TimeoutError) as error:
            log.warning("a file could not be fetched", channel=channel, reason=str(error) or "timeout")
            return None

    async def _managers(self, channel: str, message: ChatMessage) -> Managers:
        """Asked only where it matters; when it cannot be found out, nobody is one."""
        way = self._parts.channels.get(channel)
        if message.direct or self._parts.terms.group_managers == "all" or not isinstance(way, Talking):
            return None
        if not conversations.concerns_managers(message):
            return NOBODY
        try:
            async with asyncio.timeout(MANAGERS_SECONDS):
                return await way.managers(message.chat)
        except (SendError, TimeoutError) as error:
            log.warning("a group's managers could not be found out", channel=channel, reason=str(error) or "timeout")
            return NOBODY

    def _lane(self, channel: str) -> str:
        way = self._parts.channels.get(channel)
        return way.lane if way else "chat"

    def _show_seen(self, channel: str, message: ChatMessage) -> None:
        """Nobody waits for it, and there are never many at once."""
        way = self._parts.channels.get(channel)
        if not isinstance(way, Talking) or len(self._seen) >= SEEN_AT_ONCE:
            return
        task = asyncio.create_task(_show(way, message))
        self._seen.add(task)
        task.add_done_callback(self._seen.discard)

    async def _give(self, due: DueEvent, taken: Taken) -> None:
        """A word to people of whom we store nothing: now and then, and if it is lost, they ask again."""
        way, chat = self._parts.channels.get(due.channel), getattr(due.event, "chat", "")
        if taken.reply is None or taken.uid is not None or way is None or not self._may_refuse(due.channel, chat):
            return
        now = self._parts.clock()
        message = Message(
            id=f"msg_{uuid7(now).hex}", address=chat, event="reply", created_at=now, sent_at=now,
            text=taken.reply.text, language=taken.language, reply_to=getattr(due.event, "message_id", ""),
        )  # fmt: skip
        try:
            await way.send(message)
        except SendError as error:
            log.info("a stranger was not answered", channel=due.channel, reason=str(error))

    def _may_refuse(self, channel: str, chat: str) -> bool:
        """Once in a while, so that nobody is made to flood anybody through us."""
        now, last = monotonic(), self._refused.pop((channel, chat), None)
        self._refused[channel, chat] = now if last is None or now - last > REFUSED_SECONDS else last
        if len(self._refused) > REFUSALS:
            self._refused.pop(next(iter(self._refused)))
        return self._refused.get((channel, chat)) == now

    async def _give_up(self, due: DueEvent, error: str) -> None:
        log.error("an event is given up", channel=due.channel, trace=due.trace, tries=due.tries)
        self._count(due, "given_up")
        try:
            taken = await self._database.write(
                conversations.give_up, self._parts.terms, due, lane=self._lane(due.channel), error=error
            )
            await self._give(due, taken)
        except Exception:
            log.exception("an event could not even be given up", channel=due.channel, trace=due.trace)
            await self._failed([due], RuntimeError("it cannot be given up"))

    async def _failed(self, piece: Piece, error: Exception) -> None:
        if isinstance(error, StorageError):
            self._parts.gate.failed(error)
            log.warning("events not stored", events=len(piece), reason=str(error))
        for due in piece:
            self._count(due, "failed")
            try:
                await self._database.write(inbox.failed, due, type(error).__name__)
            except StorageError:  # the lease runs out
                return

    def _count(self, due: DueEvent, result: str) -> None:
        self._parts.metrics.events.labels(due.channel, result).inc()


async def _show(way: Talking, message: ChatMessage) -> None:
    try:
        async with asyncio.timeout(SEEN_SECONDS):
            await way.seen(message)
    except Exception as error:  # promised never to fail; nothing depends on it
        log.info("a message was not shown as seen", reason=type(error).__name__)
