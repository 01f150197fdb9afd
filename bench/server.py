"""The gateway as its users start it, `serve` in a process of its own, for what only a whole process can show."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from socket import create_server
from urllib.error import URLError
from urllib.request import urlopen

from bench.children import BenchError
from bench.fill import Size, fill_elsewhere
from bench.measure import cpu_seconds
from bot.clock import utc_now
from storage.models import to_micros

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 300.0
SECONDS_TO_LEAVE = 20.0


class Folder:
    """A data directory and the programs that work on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._settings = {"DATA_DIR": str(path), "EGRESS_ALLOW": "127.0.0.1/32"}
        self._log = path.with_suffix(".log")

    def fill(self, size: Size) -> None:
        fill_elsewhere(size, **self._settings)

    def command(self, *words: str) -> None:
        """``postbell WORDS``."""
        program = [sys.executable, "-m", "bot", *words]
        environment = os.environ | self._settings
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"postbell {' '.join(words)}: {done.stderr}")

    def make_feeds_due(self) -> None:
        """All at once; as a command does it, beside a running server."""
        with sqlite3.connect(self._path / "postbell.db") as database:
            database.execute("UPDATE feeds SET due_at = ?", (to_micros(utc_now()),))

    def serve(self, *options: str) -> "Server":
        ports = {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
        with self._log.open("ab") as log:
            return Server(options, os.environ | self._settings | ports, log.fileno())


class Server:
    """One run of ``postbell serve``; a ``with`` stops it gracefully."""

    def __init__(self, options: tuple[str, ...], environment: Mapping[str, str], log: int) -> None:
        self._address = f"http://127.0.0.1:{environment['METRICS_PORT']}"
        self.started_at = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve", *options], env=environment, stdout=log, stderr=log
        )
        self.pid = self._process.pid

    def __enter__(self) -> "Server":
        self.until(self._is_ready)
        self.ready_cpu_seconds = cpu_seconds([self.pid])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def until(self, done: Callable[[], bool]) -> None:
        """Raises BenchError when the server has died or it takes too long."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if self._process.poll() is not None or time.monotonic() > end:
                raise BenchError("the gateway has died, or is too slow")
            time.sleep(LOOK_SECONDS)

    def total(self, metric: str) -> int:
        """The sum of a counter over all its labels."""
        with urlopen(f"{self._address}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith((f"{metric} ", f"{metric}{{")))

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self._address}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (URLError, HTTPException, ConnectionError):
            return False


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
