"""Keeps a bounded number of pieces of work running, and claims more as room comes free."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from bot.clock import monotonic

LONG_TURN = 0.002  # seconds that the event loop takes to come round: the processor is what is short

T = TypeVar("T")


class Pump(Generic[T]):
    """Runs ``work`` for what ``claim`` brings, at most ``slots`` at once, and claims up to ``ahead`` pieces before.

    ``claim`` takes at most so many pieces and answers them, and whether more may be due at once.  ``tick`` claims
    until nothing is due or no room is left and never waits for what it has started: ticking is what the scheduler
    does every second, ``wake`` and ``refill`` ask for a tick before that.

    ``few``: how many run at once while the event loop takes long to come round.  More would finish nothing sooner:
    each would only wait longer among the others (1,000 changed feeds: half the time from post to receiver).
    """

    def __init__(
        self,
        claim: Callable[[int], Awaitable[tuple[Sequence[T], bool]]],
        work: Callable[[T], Coroutine[Any, Any, None]],
        slots: int,
        ahead: int,
        few: int | None = None,
    ) -> None:
        self._claim, self._work, self._slots, self._ahead = claim, work, slots, ahead
        self._few = slots if few is None else min(few, slots)
        self._turn = 0.0  # seconds of the event loop's last one
        self._running: set[asyncio.Task[None]] = set()
        self._claimed: deque[T] = deque()
        self._loop = asyncio.get_running_loop()
        self._ticking: asyncio.Task[None] | None = None
        self._again = False
        self._beginning = False
        self._stopped = False

    @property
    def running(self) -> int:
        return len(self._running)

    async def tick(self) -> None:
        """Claim while there is room; a tick that is asked for meanwhile makes this one go on."""
        self._tick_soon()
        if self._ticking:
            await asyncio.shield(self._ticking)

    def wake(self) -> None:
        """Tick soon.  May be called from any thread."""
        self._loop.call_soon_threadsafe(self._tick_soon)

    def refill(self) -> None:
        """Tick soon if most of what was claimed has begun."""
        if self._room():
            self._tick_soon()

    def stop(self) -> None:
        """Claim and begin no more."""
        self._stopped = True

    async def drain(self, seconds: float) -> Sequence[T]:
        """After ``stop``: wait for what is running, and cancel what has not ended by then.

        Returns what was claimed and never begun.
        """
        if self._ticking:
            await asyncio.wait([self._ticking])
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        if late := set(self._running):
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1)
        return tuple(self._claimed)

    def _tick_soon(self) -> None:
        if self._stopped:
            return
        self._again = True
        if self._ticking is None:
            self._ticking = self._loop.create_task(self._tick())

    async def _tick(self) -> None:
        try:
            while self._again and not self._stopped and (room := self._room()) > 0:
                self._again = False
                claimed, more = await self._claim(room)
                self._again = self._again or more
                self._claimed.extend(claimed)
                if not self._beginning:
                    self._begin()
        finally:
            self._ticking = None

    def _room(self) -> int:
        """How many more to claim; none while enough is waiting, for claims cost by the handful."""
        if len(self._claimed) > self._ahead // 4:
            return 0
        return self._slots + self._ahead - len(self._running) - len(self._claimed)

    def _begin(self) -> None:
        """Begin one worker a turn of the event loop: what is ready to go on comes first, so that work in hand
        does not pile up when the processor, not the network, is what is short."""
        self._beginning = bool(self._claimed) and len(self._running) < self._places() and not self._stopped
        if self._beginning:
            task = self._loop.create_task(self._work_off())
            self._running.add(task)
            task.add_done_callback(self._ended)
            self._loop.call_soon(self._begin_next, monotonic())

    def _begin_next(self, last: float) -> None:
        self._turn = monotonic() - last
        self._begin()

    def _places(self) -> int:
        return self._few if self._turn > LONG_TURN else self._slots

    async def _work_off(self) -> None:
        """One worker goes on while there is work, for a task costs as much as many a piece; between two pieces
        what is ready to go on comes first."""
        while self._claimed and not self._stopped and len(self._running) <= self._places():
            piece = self._claimed.popleft()
            try:
                await self._work(piece)
            except Exception as error:
                self._loop.call_exception_handler({"message": "a piece of work failed", "exception": error})
            before = monotonic()
            await asyncio.sleep(0)
            self._turn = monotonic() - before

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._beginning:
            self._begin()
