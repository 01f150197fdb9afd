"""Keeps a bounded number of pieces of work running, and claims more as room comes free."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Claim = Callable[[int], Awaitable[int]]
"""Claims at most so many pieces, starts each by ``Pump.start``, and answers how many; 0: nothing is due."""


class Pump:
    """``tick`` claims until there is nothing due or no room, and never waits for what it has started.

    Ticking is what the scheduler does every second; ``wake`` asks for a tick before that, from any thread.
    """

    def __init__(self, claim: Claim, slots: int) -> None:
        self._claim, self._slots = claim, slots
        self._running: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._ticking = False
        self._again = False
        self._stopped = False

    @property
    def running(self) -> int:
        return len(self._running)

    async def tick(self) -> None:
        """Claim while there is room; a tick that is asked for meanwhile makes this one go on."""
        if self._ticking:
            self._again = True
            return
        self._ticking = True
        try:
            while not self._stopped and (room := self._slots - self.running) > 0:
                self._again = False
                if not await self._claim(room) and not self._again:
                    return
        finally:
            self._ticking = False

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def wake(self) -> None:
        """Tick soon.  May be called from any thread."""
        self._loop.call_soon_threadsafe(self._tick_soon)

    def refill(self) -> None:
        """Something was stored: claim again if half of the room is free.  Whole handfuls, not one by one."""
        if self.running <= self._slots // 2:
            self._tick_soon()

    def stop(self) -> None:
        """Claim no more."""
        self._stopped = True

    async def drain(self, seconds: float) -> bool:
        """Wait for what is running; what has not ended by then is cancelled.  True: all of it ended by itself."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        late = set(self._running)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)
        return not late

    def _tick_soon(self) -> None:
        if self._ticking:
            self._again = True
        elif not self._stopped:
            self._tick_task = self._loop.create_task(self.tick())
