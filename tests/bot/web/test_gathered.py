"""Reads that wait at the same time are done in one go, each gets its own answer, and a failure is everybody's once."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.web.gathered import Gathered


class Doubles:
    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await asyncio.sleep(0)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


async def test_each_gets_its_own_answer_and_few_go_at_once() -> None:
    doubles = Doubles()
    gathered = Gathered(doubles, limit=4)
    assert await asyncio.gather(*map(gathered.ask, range(10))) == [2 * n for n in range(10)]
    assert [len(some) for some in doubles.asked] == [4, 4, 2]
    assert await gathered.ask(21) == 42


async def test_a_failure_is_told_to_those_of_that_go_alone() -> None:
    gathered = Gathered(Doubles(), limit=2)
    answers = await asyncio.gather(*map(gathered.ask, [1, 13, 2, 3]), return_exceptions=True)
    assert [isinstance(answer, ValueError) for answer in answers] == [True, True, False, False]


async def test_who_leaves_is_not_waited_for() -> None:
    doubles = Doubles()
    gathered = Gathered(doubles, limit=1)
    asked = [asyncio.create_task(gathered.ask(n)) for n in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    assert await asked[2] == 4
    with pytest.raises(asyncio.CancelledError):
        await asked[1]
    assert [1] not in doubles.asked


async def test_who_asks_the_same_at_the_same_time_shares_the_answer() -> None:
    doubles = Doubles()
    gathered = Gathered(doubles)
    assert await asyncio.gather(*map(gathered.ask, [3, 4, 3, 3])) == [6, 8, 6, 6]
    assert doubles.asked == [[3, 4]]
    assert await gathered.ask(3) == 6
    assert doubles.asked == [[3, 4], [3]]  # what has been read is not kept
