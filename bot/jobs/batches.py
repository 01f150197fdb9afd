"""Gathers what many tasks want stored, so that one transaction serves them all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """Hands what was added to ``store``, up to ``limit`` at once; while a batch is stored, the next gathers.

    A lone value goes at once; under load the batches grow by themselves.  ``store`` must not raise.
    """

    def __init__(self, store: Callable[[Sequence[T]], Awaitable[None]], limit: int) -> None:
        self._store, self._limit = store, limit
        self._waiting: list[T] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, value: T) -> None:
        self._waiting.append(value)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._store_all())

    async def drain(self) -> None:
        """Return when everything added so far is stored."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._store(batch)
        finally:
            self._task = None
