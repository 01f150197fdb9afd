"""Programs of a measurement, each in a process of its own: started, asked in lines of JSON, stopped by id.

The convention: a program says one line when it is ready, then answers each line ``{"do": NAME, …}`` on its
standard input with one line on its standard output, and leaves when its input ends.  So nothing outlives
the process that measures, however that ends.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from threading import Timer
from typing import Any

Answer = dict[str, Any]
SECONDS_TO_LEAVE = 5.0


class BenchError(Exception):
    """A measurement that cannot be trusted: a program died, took too long, or lost or doubled work."""


class Child:
    """A program that this process started.  ``seconds`` bounds its start and every answer."""

    def __init__(self, module: str, *args: str, seconds: float = 300.0) -> None:
        self.name = " ".join((module, *args))
        self._seconds = seconds
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to hear; they leave when their input ends
        )
        self.pid = self._process.pid
        try:
            self.hello = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, do: str, **order: Any) -> Answer:
        """Raises BenchError when the program died or took too long; it is stopped then."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"{self.name} has died") from None
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(SECONDS_TO_LEAVE)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> Answer:
        assert self._process.stdout is not None
        too_late = Timer(self._seconds, self._process.kill)
        too_late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            too_late.cancel()
        if not line:
            raise BenchError(f"{self.name} died, or gave no answer within {self._seconds:.0f} s")
        answer: Answer = json.loads(line)
        return answer


async def obey(orders: Mapping[str, Callable[..., Awaitable[Answer]]], **hello: Any) -> None:
    """The other side, for programs with an event loop: answer orders until the input ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer)
    _say(hello)
    while line := await lines.readline():
        order = json.loads(line)
        _say(await orders[order.pop("do")](**order))


def obey_plainly(orders: Mapping[str, Callable[..., Answer]], **hello: Any) -> None:
    """The same for programs without an event loop."""
    _say(hello)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        _say(orders[order.pop("do")](**order))


def _say(answer: Answer) -> None:
    print(json.dumps(answer), flush=True)
