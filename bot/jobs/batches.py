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
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, value: T) -> asyncio.Future[None]:
        """The future is done when the value has been stored, or could not be."""
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((value, stored))
        if len(self._waiting) >= self._limit:
            self._enough.set()
        if self._task is None:
            self._task = loop.create_task(self._store_all())
        return stored

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
                await self._store([value for value, _ in batch])
                for _, stored in batch:
                    if not stored.done():  # who waited may have been cancelled
                        stored.set_result(None)
        finally:
            self._task = None

    async def _company(self) -> None:
        if self._linger and len(self._waiting) < self._limit:
            self._enough.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger):
                    await self._enough.wait()
