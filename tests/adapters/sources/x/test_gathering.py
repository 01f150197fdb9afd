"""Calls that come together are answered together, and none waits for ever."""

import asyncio
from collections.abc import Sequence

import pytest

from adapters.sources.x.gathering import Gathering


async def test_calls_of_one_moment_are_one_and_those_of_the_next_another() -> None:
    asked: list[Sequence[int]] = []

    async def answer(numbers: Sequence[int]) -> Sequence[int | Exception]:
        asked.append(numbers)
        return [ValueError("three") if one == 3 else 10 * one for one in numbers]

    gathering: Gathering[int, int] = Gathering(answer)
    found = await asyncio.gather(*(gathering.ask(one) for one in (1, 2, 3)), return_exceptions=True)
    assert found[:2] == [10, 20]
    assert isinstance(found[2], ValueError)
    assert await gathering.ask(4) == 40
    assert asked == [[1, 2, 3], [4]]


async def test_an_error_is_everybodys() -> None:
    async def answer(numbers: Sequence[int]) -> Sequence[int | Exception]:
        raise ValueError("no")

    gathering: Gathering[int, int] = Gathering(answer)
    found = await asyncio.gather(gathering.ask(1), gathering.ask(2), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError, ValueError]


async def test_who_no_longer_waits_does_not_cost_the_others() -> None:
    asked: list[Sequence[int]] = []

    async def answer(numbers: Sequence[int]) -> Sequence[int | Exception]:
        asked.append(numbers)
        return numbers

    gathering: Gathering[int, int] = Gathering(answer)
    gone, there = asyncio.create_task(gathering.ask(1)), asyncio.create_task(gathering.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await there == 2
    assert asked == [[2]]


@pytest.mark.parametrize("running", [True, False])
async def test_closing_lets_nobody_wait(running: bool) -> None:
    async def answer(numbers: Sequence[int]) -> Sequence[int | Exception]:
        await asyncio.sleep(60)
        return numbers

    gathering: Gathering[int, int] = Gathering(answer)
    waiting = asyncio.create_task(gathering.ask(1))
    await asyncio.sleep(0.05 if running else 0)
    await gathering.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
