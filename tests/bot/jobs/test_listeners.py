"""Channels that listen: kept listening, however often they fall over, until the stop."""

import asyncio
from typing import Any

import pytest

from adapters.inbound import HttpAnswer, Parsed, Receive
from bot.jobs import listeners
from bot.jobs.listeners import Listeners
from tests.bot.jobs.parts import PlainChannel


class ListeningChannel(PlainChannel):
    """Does in turn what it is told: an error is raised, None ends, otherwise it waits to be cancelled."""

    def __init__(self, *what: Any) -> None:
        super().__init__("talk")
        self._what = list(what)
        self.began = 0
        self.waits = asyncio.Event()
        self.cancelled = False
        self.answers_got: list[HttpAnswer] = []

    async def listen(self, receive: Receive) -> None:
        self.began += 1
        what = self._what.pop(0) if self._what else "wait"
        if isinstance(what, Exception):
            raise what
        if what is None:
            return
        self.answers_got.append(await receive(Parsed()))
        self.waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


def receive(name: str) -> Receive:
    async def answer(parsed: Parsed) -> HttpAnswer:
        return HttpAnswer(body=name.encode())

    return answer


async def test_a_channel_that_falls_over_listens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(listeners, "LONGEST_WAIT", 0.002)
    monkeypatch.setattr(listeners.log, "exception", lambda *_, **__: None)
    talk = ListeningChannel(ConnectionError(), RuntimeError())
    kept = Listeners({"talk/sales": talk, "webhook": PlainChannel()}, receive)
    kept.start()
    await asyncio.wait_for(talk.waits.wait(), 5)
    assert talk.began == 3
    assert talk.answers_got == [HttpAnswer(body=b"talk/sales")]
    await kept.stop()
    assert talk.cancelled


async def test_a_channel_that_is_called_instead_is_left_alone() -> None:
    talk = ListeningChannel(None)
    kept = Listeners({"talk": talk}, receive)
    kept.start()
    await asyncio.sleep(0)
    await kept.stop()
    assert talk.began == 1


async def test_without_listening_channels_nothing_runs() -> None:
    kept = Listeners({"webhook": PlainChannel()}, receive)
    kept.start()
    await kept.stop()
