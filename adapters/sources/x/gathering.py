"""Calls that come within a moment of each other are answered together: one request for many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

MOMENT_SECONDS: Final = 0.02

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Gathering(Generic[Asked, Answered]):
    """``answer`` gets what was asked within a moment, and gives for each its answer or the error to raise."""

    def __init__(self, answer: Callable[[Sequence[Asked]], Awaitable[Sequence[Answered | Exception]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, one: Asked) -> Answered:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        if not self._waiting:
            self._timer = loop.call_later(MOMENT_SECONDS, self._go)
        self._waiting.append((one, future))
        return await future

    async def close(self) -> None:
        """Break off what runs, and what waits to."""
        if self._timer:
            self._timer.cancel()
        for _, future in self._waiting:
            future.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _go(self) -> None:
        waiting, self._waiting = [one for one in self._waiting if not one[1].done()], []
        if waiting:
            task = asyncio.create_task(self._run(waiting))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, waiting: Sequence[tuple[Asked, "asyncio.Future[Answered]"]]) -> None:
        try:
            answers = await self._answer([one for one, _ in waiting])
        except Exception as error:
            answers = [error for _ in waiting]
        except asyncio.CancelledError:
            for _, future in waiting:
                future.cancel()
            raise
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():  # nobody waits for it any more
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
