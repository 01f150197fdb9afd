"""The real server as a process of its own: started, watched, and ended in every way there is."""

import asyncio
import json
import os
import signal
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError, ClientSession

from tests.crash import nursery

PATIENCE = 90.0  # seconds in which whatever must happen has happened, on a busy machine too


def environment(folder: Path, database_url: str, **settings: str) -> dict[str, str]:
    """The settings of a gateway that asks and sends without long waits; ``settings`` win."""
    return {
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "MASTER_KEY": b64encode(b"k" * 32).decode(),
        "METRICS_PORT": "0",
        "POLL_SECONDS": "1",
        "EGRESS_ALLOW": "127.0.0.1/32",
        "RETRY_WEBHOOK": ",".join(["1s", "1s", "2s", *["5s"] * 20]),
        "LOG_FORMAT": "json",
        **settings,
    }


class Server:
    """``async with Server(environment(…)) as server``: runs from there to the end of the block at the latest.

    ``wound``: arguments of tests/crash/victim.py, which then runs instead of the bare program.
    """

    def __init__(self, settings: Mapping[str, str], *, wound: Sequence[str] = (), roles: str = "") -> None:
        self._roles = ["--roles", roles] if roles else []
        self.port = free_port()
        self.log: list[dict[str, Any]] = []
        self._settings = settings
        self._program = ["tests.crash.victim", *wound, "--"] if wound else ["bot"]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.send(signal.SIGKILL)
        await self.ended()

    async def start(self) -> None:
        """Once more, when the last run has ended."""
        self.log.clear()
        module, *wounds = self._program
        self._process = await nursery.born(
            module,
            [*wounds, "serve", "--port", str(self.port), *self._roles],
            {"PATH": os.environ["PATH"], "PYTHONPATH": str(nursery.ROOT), **self._settings},
            self._settings["DATA_DIR"],  # where no .env lies
        )
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def complaints(self) -> list[str]:
        """What the log holds of errors."""
        errors = [line for line in self.log if line.get("level") in ("error", "critical")]
        return [f"{line['event']}: {line.get('exception', '')[-1000:]}" for line in errors] + self.babble

    @property
    def strikes(self) -> list[dict[str, Any]]:
        """What the victim's wounds have done."""
        return [line for line in self.log if line["event"] == "struck"]

    @property
    def babble(self) -> list[str]:
        """Lines that are no log: tracebacks, warnings of libraries."""
        return [line["event"] for line in self.log if "level" not in line]

    def send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def ready(self) -> None:
        """Return when it says so.  Fails when it ends instead."""
        await until(lambda: self._said("ready") or self._reading.done(), "the server is ready")
        assert self._said("ready"), self.log

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Its exit code; of a signal the negative number."""
        async with asyncio.timeout(seconds):
            code = await self._process.wait()
            await self._reading
        return code

    async def get(self, path: str) -> int:
        """The status with which a path answers; 0: nobody does."""
        try:
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
                return answer.status
        except (ClientError, OSError):
            return 0

    async def answers(self, path: str, status: int) -> None:
        """Return when a path answers with this status."""
        try:
            async with asyncio.timeout(PATIENCE):
                while await self.get(path) != status:  # noqa: ASYNC110 (it looks at another process)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{path} never answers {status}: {self.log[-20:]}") from None

    def family(self) -> list[int]:
        """Processes of its session that live: itself, and children that it has started."""
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _session(pid) == self.pid]

    def _said(self, event: str) -> bool:
        return any(line.get("event") == event for line in self.log)

    async def _read(self) -> None:
        await asyncio.gather(self._process.stdout.read(), self._read_log())

    async def _read_log(self) -> None:
        async for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.log.append(json.loads(text) if text.startswith("{") else {"event": text})


async def until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Return when ``true()`` is; fails after ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 (it looks at another process)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:.0f} s: {what}") from None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _session(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[3])
