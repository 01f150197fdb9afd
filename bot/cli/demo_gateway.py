"""The program as the demos run it: processes of its own, on a database that is thrown away."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from rich.console import Console

from bot.errors import UserError

ROOT: Final = Path(__file__).parents[2]
STOP: Final = 15.0  # seconds
PLAIN_WIDTH: Final = 110  # characters, where there is no terminal to fit

SETTINGS: Final = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "METRICS_PORT": "0",
    "POLL_SECONDS": "1",
    "EGRESS_ALLOW": "127.0.0.1/32",
    "RETRY_WEBHOOK": "2s,3s,5s,8s",
    "LOG_FORMAT": "json",
}
"""All that the program is told here, besides its folder."""

NEEDED: Final = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG")
"""All that it gets of the user's environment: what Python needs, and no setting."""


class Postbell:
    """The program, in processes of its own, in a folder without a ``.env``."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """``settings``: what differs from SETTINGS."""
        data = folder / "data"
        self._folder, self._log = folder, folder / "gateway.log"
        self.database_url = f"sqlite:///{data / 'postbell.db'}"
        self._environment = {
            **{name: os.environ[name] for name in NEEDED if name in os.environ},
            **SETTINGS,
            **(settings or {}),
            "DATA_DIR": str(data),
            "DATABASE_URL": self.database_url,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }

    async def command(self, *arguments: str) -> Any:
        """Run one to its end; returns what it answers.  Raises UserError."""
        process = await self._start(*arguments, "--json", stdout=PIPE, stderr=PIPE)
        answer, complaint = await process.communicate()
        if process.returncode:
            raise UserError(f"that did not work. {complaint.decode(errors='replace')}")
        return msgspec.json.decode(answer)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Process]:
        """The gateway, until the block ends."""
        with self._log.open("wb") as log:
            process = await self._start("serve", stdout=log, stderr=log)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    def end_of_log(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(["Its log ends:", *lines[-10:]])

    async def _start(self, *arguments: str, stdout: int | IO[bytes], stderr: int | IO[bytes]) -> Process:
        """Out of the terminal's reach: Ctrl-C is for the demo alone."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=self._folder,
            env=self._environment,
            stdin=DEVNULL,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
        )


def wide_console() -> Console:
    """Standard output, whatever it is and whatever it cannot encode."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH, force_terminal=False)


def on_signals(stop: asyncio.Event) -> None:
    """The first ends the demo gracefully, the second at once."""
    task = asyncio.current_task()
    assert task

    def told() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told)
