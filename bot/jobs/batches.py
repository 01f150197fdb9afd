"""Gathers what many tasks want stored, so that one transaction serves them all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """Hands what was added to ``store``, up to ``limit`` at once; while a batch is stored, the next gathers.

    ``linger``: seconds that a small batch waits for company.  ``store`` must not raise.
    """

    def __init__(self, store: Callable[[Sequence[T]], Awaitable[None]], limit: int, linger: float = 0.0) -> None:
        self._store, self._limit, self._linger = store, limit, linger
        self._waiting: list[T] = []
        self._added = self._stored = 0  # values so far
        self._patient: list[tuple[int, asyncio.Future[None]]] = []  # for how many stored values each waits
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many values no batch has taken yet."""
        return len(self._waiting)

    def add(self, value: T) -> None:
        self._waiting.append(value)
        self._added += 1
        if len(self._waiting) >= self._limit:
            self._enough.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._store_all())

    async def stored(self, value: T) -> None:
        """Add, and return when the value has been stored, or could not be."""
        self.add(value)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._patient.append((self._added, done))
        await done

    async def drain(self, seconds: float) -> None:
        """Return when everything added so far is stored; what is not by then is given up."""
        self._linger = 0.0
        self._enough.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._task is not None:
                    await asyncio.shield(self._task)
        if self._task is not None:
            self._task.cancel()

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                await self._company()
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._store(batch)
                self._stored += len(batch)
                self._tell()
        finally:
            self._task = None

    def _tell(self) -> None:
        ready = [done for n, done in self._patient if n <= self._stored]
        del self._patient[: len(ready)]
        for done in ready:
            if not done.done():  # who waited may have been cancelled
                done.set_result(None)

    async def _company(self) -> None:
        if self._linger and len(self._waiting) < self._limit:
            self._enough.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger):
                    await self._enough.wait()
