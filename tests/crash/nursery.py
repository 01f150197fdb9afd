"""Processes of the real program without the second of imports that each start costs: one has imported it, and forks.

``python -m tests.crash.nursery FD`` takes orders on that socket until it is closed.  An order is JSON with ``module``,
``arguments``, ``environment`` and ``folder``, and three files come with it: the child's stdout and stderr, and one that
hears of its life, a line with its process id and one with how it ended.  ``born`` is the other side.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
PREPARED = ("bot.cli",)
LONGEST = 2**17  # bytes of an order


class Child:
    """A process, as ``asyncio.create_subprocess_exec`` would return it."""

    def __init__(
        self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader, life: asyncio.StreamReader
    ) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._end(life))

    def send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended, and we shall hear of that
            os.kill(self.pid, number)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def _end(self, life: asyncio.StreamReader) -> int:
        self.returncode = int(await life.read())
        return self.returncode


async def born(module: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str) -> Child:
    """``python -m module`` with only this environment, as the leader of a session, without stdin.

    What Python itself reads from the environment at its start is the nursery's: its path, and the seed of hashes.
    """
    order = {"module": module, "arguments": arguments, "environment": environment, "folder": folder}
    ours, theirs = zip(*(os.pipe() for _ in range(3)), strict=True)
    socket.send_fds(_nursery(), [json.dumps(order).encode()], theirs)
    for file in theirs:
        os.close(file)
    stdout, stderr, life = [await _reader(file) for file in ours]
    return Child(int(await life.readline()), stdout, stderr, life)


@cache
def _nursery() -> socket.socket:
    """The nursery of this process, which ends with it: where orders go."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file = theirs.fileno()
    command = [sys.executable, "-m", "tests.crash.nursery", str(file)]
    environment = {"PATH": os.environ["PATH"]}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[file], start_new_session=True)
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # before it
    return ours


async def _reader(file: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb"))
    return reader


def serve(orders: socket.socket) -> None:
    """In the process that forks.  A child leaves as every program does, through the end of the interpreter."""
    for name in PREPARED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy all pages
    lives: dict[int, tuple[int, int]] = {}  # process id and file, by the file that becomes readable when it ends
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    while True:
        for file, _ in poll.poll():
            if file in lives:
                poll.unregister(file)
                _bury(file, *lives.pop(file))
                continue
            order, files, *_ = socket.recv_fds(orders, LONGEST, 3)
            if not order:
                return
            stdout, stderr, life = files
            if (pid := os.fork()) == 0:
                orders.detach()  # its number is soon another file's, which must not be closed with it
                _become(json.loads(order), stdout, stderr)
            _tell(life, pid)
            os.close(stdout)
            os.close(stderr)
            lives[watch := os.pidfd_open(pid)] = (pid, life)
            poll.register(watch, select.POLLIN)


def _bury(watch: int, pid: int, life: int) -> None:
    _, status = os.waitpid(pid, 0)
    _tell(life, os.waitstatus_to_exitcode(status))
    os.close(life)
    os.close(watch)


def _tell(life: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(life, b"%d\n" % number)


def _become(order: Mapping[str, Any], stdout: int, stderr: int) -> NoReturn:
    os.setsid()
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), stdout, stderr)):
        os.dup2(file, number)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["folder"])
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
