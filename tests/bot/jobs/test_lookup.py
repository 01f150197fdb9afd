"""Looking up what a name means: the first source that understands it, or what all of them said."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from adapters.base import Cursor, FeedFailed, FeedFault, FeedNotFound, Found, Page, SourceError
from bot.jobs.lookup import look_up
from tests.clock import START
from tests.world import page

FOUND = Found("key", page())


class OneAnswer:
    """A source that resolves every name to the same; None hangs."""

    kind = "one"

    def __init__(self, answer: Found | Exception | None) -> None:
        self._answer = answer
        self.asked = 0

    async def resolve(self, name: str, now: datetime) -> Found:
        self.asked += 1
        if self._answer is None:
            await asyncio.Event().wait()
        if isinstance(self._answer, Found):
            return self._answer
        assert self._answer is not None
        raise self._answer

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        raise NotImplementedError

    def host(self, key: str) -> str:
        return f"host of {key}"

    async def close(self) -> None:
        """Holds nothing."""


def sources(*answers: Any) -> Mapping[str, OneAnswer]:
    return {f"s{n}": OneAnswer(answer) for n, answer in enumerate(answers)}


async def test_the_first_source_that_understands_is_believed() -> None:
    known = sources(FeedNotFound("not mine"), FOUND, FOUND)
    looked = await look_up(known, "nasa", START)
    assert (looked.name, looked.source, looked.host, looked.found) == ("nasa", "s1", "host of key", FOUND)
    assert looked.error is None
    assert known["s2"].asked == 0


async def test_what_nobody_knows_comes_with_all_suggestions() -> None:
    looked = await look_up(sources(FeedNotFound("no feed", ["a", "b"]), FeedNotFound("no account", ["c"])), "x", START)
    assert isinstance(looked.error, FeedNotFound)
    assert str(looked.error) == "no feed; no account"
    assert looked.error.candidates == ("a", "b", "c")
    assert looked.found is None


async def test_a_source_that_understood_and_failed_has_the_last_word() -> None:
    failure = FeedFailed(FeedFault.DNS, "no such host")
    known = sources(failure, FOUND)
    looked = await look_up(known, "x", START)
    assert (looked.source, looked.error) == ("s0", failure)
    assert known["s1"].asked == 0


@pytest.mark.parametrize("answers", [(), (None,), (ZeroDivisionError(),)])
async def test_there_is_always_an_answer(answers: tuple[Any, ...]) -> None:
    looked = await look_up(sources(*answers), "x", START, seconds=0.01)
    assert isinstance(looked.error, SourceError)
    assert looked.found is None


class Claimer(OneAnswer):
    """Takes names that begin with "@" for its own."""

    def claims(self, name: str) -> bool:
        return name.startswith("@")


async def test_a_name_that_a_source_claims_is_no_others() -> None:
    known = {"a": OneAnswer(FOUND), "b": Claimer(FeedNotFound("nobody is called so"))}
    assert str((await look_up(known, "@nasa", START)).error) == "nobody is called so"
    assert known["a"].asked == 0
    assert (await look_up(known, "nasa", START)).source == "a"


async def test_who_has_nothing_to_say_is_left_out_of_the_answer() -> None:
    looked = await look_up(sources(FeedNotFound(""), FeedNotFound("no feed"), FeedNotFound("")), "x", START)
    assert str(looked.error) == "no feed"
