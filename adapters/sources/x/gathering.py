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

    async def ask(self, one: Asked) -> Answered:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        if not self._waiting:
            loop.call_later(MOMENT_SECONDS, self._go)
        self._waiting.append((one, future))
        return await future

    async def close(self) -> None:
        """Break off what runs."""
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
        except BaseException as error:
            answers = [error if isinstance(error, Exception) else ConnectionError("closing") for _ in waiting]
            if not isinstance(error, Exception):
                self._give(waiting, answers)
                raise
        self._give(waiting, answers)

    def _give(
        self,
        waiting: Sequence[tuple[Asked, "asyncio.Future[Answered]"]],
        answers: Sequence[Answered | Exception],
    ) -> None:
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():  # nobody waits for it any more
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
