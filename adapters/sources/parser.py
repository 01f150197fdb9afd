"""Decides where a document is read: here, or in a child process that can be killed (design.md, 6)."""

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import msgspec

from adapters.base import FeedFailed, FeedFault
from adapters.sources import formats
from adapters.sources.parser_child import Answer, Question

START_SECONDS = 20  # for a child to become ready
MAX_ANSWER_BYTES = 64 * 2**20  # 500 posts of 64 KiB, twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost in a child (reliability-and-security.md, 8.2)."""

    cpu_seconds: int = 5
    wall_seconds: float = 10
    memory_bytes: int = 512 * 2**20
    parses: int = 200  # then the child is replaced: feedparser and libxml2 leak a little


class Parser:
    """Reads documents; small regular ones at once, all others in at most ``children`` long-lived processes.

    Children are started when first needed and live until ``close``.
    """

    def __init__(self, children: int = 2, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._slots = asyncio.Semaphore(children)
        self._idle: list[Child] = []
        self.killed = 0  # children that a document cost us

    async def parse(
        self, body: bytes, content_type: str, url: str, now: datetime, seen: str | None = None
    ) -> formats.Document:
        """Read a document that came from ``url``; ``body`` is decompressed, ``seen`` as the last one's.

        Raises:
            FeedFailed: NOT_A_FEED, PARSE, TOO_LARGE or HOSTILE.
        """
        if formats.fits_in_process(body):
            with suppress(formats.NotStrict):
                return formats.read_news(body, seen, content_type=content_type, url=url, now=now)
        answer = await self._ask_child(Question(body, content_type, url, now))
        if answer.document is None:
            raise FeedFailed(answer.fault or FeedFault.PARSE, answer.reason)
        return answer.document

    async def close(self) -> None:
        """End the children; call it when nothing is being parsed."""
        while self._idle:
            await self._idle.pop().stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask_child(self, question: Question) -> Answer:
        async with self._slots:
            child = await self._ready_child()
            try:
                async with asyncio.timeout(self._limits.wall_seconds):
                    return await child.ask(question)
            except (TimeoutError, EOFError, ConnectionError, msgspec.MsgspecError) as error:
                self.killed += 1
                raise FeedFailed(FeedFault.HOSTILE, "hostile or oversized feed") from error
            finally:
                if child.usable and child.parses < self._limits.parses:
                    self._idle.append(child)
                else:
                    await child.stop()

    async def _ready_child(self) -> "Child":
        while self._idle:
            child = self._idle.pop()
            if child.usable:
                return child
            await child.stop()  # it died in its sleep: the system was out of memory
        return await Child.start(self._limits)


class Child:
    """One parser process, from this side of the pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._questions, self._answers = process, process.stdin, process.stdout
        self._waiting = False  # an answer is still to come
        self.parses = 0

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """Start a process and wait until it is ready.  It inherits no environment: our secrets are in it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "adapters.sources.parser_child"),
            *(str(limits.cpu_seconds), str(limits.memory_bytes)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            limit=2**20,
        )
        child = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await child._read_frame()
        except BaseException as error:
            await child.stop()
            if isinstance(error, (TimeoutError, EOFError)):
                raise RuntimeError("the parser process does not start") from error
            raise
        return child

    @property
    def usable(self) -> bool:
        return not (self._waiting or self._answers.at_eof())

    async def ask(self, question: Question) -> Answer:
        """Raises EOFError or ConnectionError when the process ends over it."""
        self._waiting = True
        self.parses += 1
        content = msgspec.msgpack.encode(question)
        self._questions.write(len(content).to_bytes(4))
        self._questions.write(content)
        await self._questions.drain()
        answer = msgspec.msgpack.decode(await self._read_frame(), type=Answer)
        self._waiting = False
        return answer

    async def stop(self) -> None:
        """End the process at once, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._questions.close()
        await self._answers.read()  # what is left, at most two buffers; else wait() could wait for a full pipe
        await self._process.wait()

    async def _read_frame(self) -> bytes:
        size = int.from_bytes(await self._answers.readexactly(4))
        if size > MAX_ANSWER_BYTES:
            raise EOFError("the answer is too long")
        return await self._answers.readexactly(size)
