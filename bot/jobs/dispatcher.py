"""Sends what is due: claim, send, settle.  The network lies between two transactions, never inside one."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import structlog

from adapters.base import Ambiguous, Channel, Message, PostView, Receipt, Rejected, SendError, TryAgain
from bot.clock import Clock, monotonic
from bot.gate import Gate
from bot.jobs.batches import Batches
from bot.jobs.handing_back import hand_back
from bot.jobs.pump import Pump
from bot.metrics import Metrics
from bot.rules.secrets import Ring
from bot.rules.vault import Vault, WrongKey
from bot.usecases import deliveries, destinations, posts, replies, settling, views
from storage.database import Database, StorageError

AT_ONCE = 256  # attempts settled in one transaction
LINGER = 0.01  # seconds that few finished attempts wait for more
AHEAD = 6  # times a lane's slots: claimed before they are begun
LAST_WORDS = 0.5  # seconds at a stop for storing how the last sends ended; else their leases run out
VIEWS = 512  # posts kept rendered
RINGS = 16_384  # destinations whose secrets are kept open

LONGEST_SEND = 25.0  # seconds; no channel may take longer for one message

Claimed = tuple[deliveries.DueDelivery, float]
"""A delivery, and when its lease is over by the monotonic clock."""

log = structlog.get_logger("dispatcher")


class Dispatcher:
    """Keeps up to so many sends of each lane running; a lane never borrows another's slots."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
        gate: Gate,
        *,
        policy: posts.Policy,
        slots: Mapping[str, int],
    ) -> None:
        self._database, self._channels, self._clock = database, channels, clock
        self._metrics, self._gate, self._policy = metrics, gate, policy
        self._renderer = Renderer(database)
        self._vault = vault
        self._ring = lru_cache(RINGS)(self._open_ring)
        self._sent: Batches[settling.Sent] = Batches(self._settle, AT_ONCE, LINGER)
        self.lanes = [Lane(self, lane, slots[lane]) for lane in slots]

    async def tick(self) -> None:
        for lane in self.lanes:
            await lane.pump.tick()

    def wake(self) -> None:
        """Something may be due.  May be called from any thread."""
        for lane in self.lanes:
            lane.pump.wake()

    async def drain(self, seconds: float) -> None:
        """Claim no more, let sends end; what has not ended by then was perhaps sent, and is settled as such."""
        for lane in self.lanes:
            lane.pump.stop()
        for left in await asyncio.gather(*(lane.pump.drain(seconds) for lane in self.lanes)):
            await self._hand_back([due for due, _ in left])
        await self._sent.drain(LAST_WORDS)

    async def claim(self, lane: "Lane", room: int) -> tuple[Sequence[Claimed], bool]:
        limits = {name: channel.in_flight for name, channel in self._channels.items() if lane.serves(channel)}
        if not limits or not self._gate.writable:
            return (), False
        lease_over = monotonic() + deliveries.LEASE.total_seconds()
        try:
            claim = await self._database.write(deliveries.take_due, lane.name, room, lane.after, limits)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("deliveries not claimed", reason=str(error))
            return (), False
        try:
            await self._renderer.load({due.post for due in claim.due if due.post})
        except StorageError as error:
            log.warning("posts not loaded", reason=str(error))
            await self._hand_back(claim.due)
            return (), False
        more = lane.went_on(claim)
        self._metrics.in_flight.labels(lane.name).set(lane.pump.running)
        return [(due, lease_over) for due in claim.due], more

    async def deliver(self, claimed: Claimed) -> None:
        """One attempt; one that could outlive its lease is not begun."""
        due, lease_over = claimed
        started_at, started = self._clock(), monotonic()
        if started > lease_over - LONGEST_SEND:
            await self._hand_back([claimed[0]])
            return
        channel = self._channels.get(due.channel)
        result = await self._send(due, channel, started_at)
        ended_at, seconds = self._clock(), monotonic() - started
        self._metrics.observe_attempt(due.channel)(seconds)
        if isinstance(result, Receipt):
            self._metrics.observe_latency(due.channel)(ended_at.timestamp() - due.created_micros / 1_000_000)
        self._sent.add(
            settling.Sent(
                due=due,
                result=result,
                started_at=started_at,
                ended_at=ended_at,
                dedupe_window=channel.dedupe_window if channel else None,
            )
        )

    async def _send(self, due: deliveries.DueDelivery, channel: Channel | None, now: datetime) -> Receipt | SendError:
        if channel is None:
            return TryAgain(f"no channel {due.channel!r} is set up", code="no_channel")
        begun = False
        try:
            message = await self._message(due, channel, now)
            begun = True
            return await channel.send(message)
        except SendError as error:
            return error
        except asyncio.CancelledError:
            return Ambiguous("Postbell stopped before the answer came", code="stopped")
        except WrongKey as error:
            return TryAgain(str(error), code="master_key")
        except Exception:  # channels may be other people's, and one of them must not stop the sending
            log.exception("a channel failed", delivery=due.id, channel=due.channel)
            if begun:  # before the first byte or after the last one, nobody knows
                return Ambiguous("Postbell failed while it was sent; its log says more", code="internal")
            return TryAgain("Postbell could not make the message; its log says more", code="internal")

    async def _message(self, due: deliveries.DueDelivery, channel: Channel, now: datetime) -> Message:
        ring: Ring = self._ring(due.sealed, due.destination_uid) if due.sealed else Ring()
        wanted = due.post
        post = await self._renderer.view(wanted, channel.max_text) if wanted else None
        if wanted and not post:
            raise Rejected("its post is no longer stored, or was withdrawn by its publisher", code="post_gone")
        is_code, extras = due.event == "code", replies.unpack(due.extras)
        return Message(
            id=deliveries.message_id(due, post.id if post else ""),
            address=due.address,
            secrets=tuple(one.text.encode() for one in ring.active(now)),
            event=due.event or "post.created",
            created_at=due.created_at,
            text="" if is_code else due.text,
            post=post,
            code=due.text if is_code else "",
            waiting=extras.waiting,
            buttons=extras.buttons,
            reply_to=extras.reply_to,
            language=extras.language or due.language or "en",
            window_open=due.window_open(now),
            sent_at=now,
            attempt=due.attempts,
        )

    def _open_ring(self, sealed: str, uid: str) -> Ring:
        return destinations.open_ring(self._vault, uid, bytes.fromhex(sealed))

    async def _settle(self, sent: Sequence[settling.Sent]) -> None:
        """Store what attempts came to, again and again while their leases last."""
        until = monotonic() + deliveries.LEASE.total_seconds()
        while monotonic() < until:
            try:
                settled = await self._database.write(settling.settle, sent, self._policy)
            except StorageError as error:
                self._gate.failed(error)
                log.warning("attempts not stored yet", attempts=len(sent), reason=str(error))
                await asyncio.sleep(1)
                continue
            except Exception:
                log.exception("attempts not stored", attempts=len(sent))
                if len(sent) > 1:  # one of them cannot be stored; the others must not be sent again for that
                    for one in sent:
                        await self._settle([one])
                return
            self._count(settled)
            for lane in self.lanes:
                lane.pump.refill()
            return

    async def _hand_back(self, left: Sequence[deliveries.DueDelivery]) -> None:
        """Claimed and never begun: somebody may take it at once."""
        await hand_back(self._database, deliveries.hand_back, left)

    def _count(self, settled: settling.Settled) -> None:
        for (channel, outcome), n in settled.outcomes.items():
            self._metrics.attempts.labels(channel, outcome).inc(n)
            if outcome == "ambiguous":
                self._metrics.ambiguous.labels(channel).inc(n)
        for (channel, status), n in settled.ended.items():
            self._metrics.deliveries.labels(channel, status).inc(n)


class Lane:
    """One lane's slots, and where its turn over the destinations stands."""

    def __init__(self, dispatcher: Dispatcher, name: str, slots: int) -> None:
        self.name = name
        self.after = 0  # the destination after which the next claim goes on
        self._brought = 0  # by this round over the destinations
        self.pump: Pump[Claimed] = Pump(
            lambda room: dispatcher.claim(self, room), dispatcher.deliver, slots, AHEAD * slots
        )

    def serves(self, channel: Channel) -> bool:
        """Codes and replies go through channels of any lane."""
        return self.name in (channel.lane, "code", "reply")

    def went_on(self, claim: deliveries.Claim) -> bool:
        """Whether another claim makes sense at once: a round that has brought nothing is not begun again, or
        destinations that have work and may not be sent to would keep us turning."""
        self.after = claim.after
        self._brought += len(claim.due)
        if self.after:
            return True
        brought, self._brought = self._brought, 0
        return brought > 0


class Renderer:
    """Posts as messages show them, rendered once for all destinations of a fan-out."""

    def __init__(self, database: Database, keep: int = VIEWS) -> None:
        self._database, self._keep = database, keep
        self._stored: dict[tuple[int, int], views.Stored] = {}
        self._shown: dict[tuple[tuple[int, int], int], PostView] = {}

    async def load(self, wanted: Collection[tuple[int, int]]) -> None:
        """Have these posts, as (id, version), at hand; the oldest others make room for them."""
        if missing := sorted(set(wanted) - self._stored.keys()):
            self._stored |= await self._database.read(views.load, missing)
        if (too_many := len(self._stored) - self._keep) > 0:
            for post in [post for post in self._stored if post not in wanted][:too_many]:
                del self._stored[post]

    async def view(self, post: tuple[int, int], limit: int) -> PostView | None:
        """None: it is stored no more.  What had to make room since its claim is loaded again."""
        if (shown := self._shown.get((post, limit))) is not None:
            return shown
        if post not in self._stored:
            await self.load([post])
        if (stored := self._stored.get(post)) is None:
            return None
        shown = self._shown[post, limit] = views.shown(stored, limit)
        while len(self._shown) > self._keep:
            self._shown.pop(next(iter(self._shown)))
        return shown
