"""One look at the set-up at a time, for all who want to see it: the page as it grows, the API when it is done."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from bot.clock import Clock
from bot.rules.findings import Finding

log = structlog.get_logger("doctor")


class Checkup:
    """``examine``: gives findings one by one, some after a question to the network."""

    def __init__(self, examine: Callable[[], AsyncIterator[Finding]], clock: Clock) -> None:
        self._examine, self._clock = examine, clock
        self._task: asyncio.Task[None] | None = None
        self.found: Sequence[Finding] = ()
        self.began_at: datetime | None = None  # None: nobody has looked yet

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """Look anew, unless somebody is looking."""
        if not self.runs:
            self.found, self.began_at = (), self._clock()
            self._task = asyncio.create_task(self._look())

    async def whole(self) -> Sequence[Finding]:
        """What is found when the look that runs, or a new one, has ended."""
        self.begin()
        assert self._task is not None
        await asyncio.shield(self._task)
        return self.found

    async def stop(self) -> None:
        if self._task is not None and self.runs:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        try:
            async for one in self._examine():
                self.found = (*self.found, one)
        except Exception as error:
            log.error("the doctor broke off", exc_info=error)
            broken = Finding("doctor", "wrong", "it broke off: the log says why", "`postbell doctor` from a shell")
            self.found = (*self.found, broken)
