"""Reads of one kind that wait at the same time are done in one go: a thread and a transaction for all of them.

Who asks the same gets the same: several programs that look at one account cost as much as one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class Gathered(Generic[Q, A]):
    """``answer`` is given what has come while the last one ran, at most ``limit`` at once and nothing twice; it answers
    in the same order."""

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], limit: int = 16) -> None:
        self._answer, self._limit = answer, limit
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Raises what ``answer`` raises, which every question of that go does then."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = loop.create_task(self._answer_all())
        return await future

    async def _answer_all(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            asked = list(dict.fromkeys(question for question, future in some if not future.done()))
            try:
                answers = dict(zip(asked, await self._answer(asked), strict=True))
            except Exception as error:
                for _, future in some:
                    if not future.done():
                        future.set_exception(error)
                continue
            for question, future in some:
                if not future.done():  # its caller may have left
                    future.set_result(answers[question])
        self._task = None
