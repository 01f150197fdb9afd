"""The gateway as its users start it, `serve` in a process of its own, for what only a whole process can show."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_server

from bench.children import BenchError
from bench.fill import Size, fill_elsewhere, only
from bench.measure import cpu_seconds
from bot.clock import utc_now
from storage.columns import to_micros

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 300.0
SECONDS_TO_LEAVE = 20.0


class Folder:
    """An empty folder for a data directory, and the programs that work on it."""

    def __init__(self, path: Path) -> None:
        self._path, self._data = path, path / "data"
        self._environment = only(DATA_DIR=str(self._data))

    def fill(self, size: Size) -> None:
        fill_elsewhere(size, self._environment, self._path)

    def command(self, *words: str) -> None:
        """``postbell WORDS``."""
        program = [sys.executable, "-m", "bot", *words]
        done = subprocess.run(
            program, env=self._environment, cwd=self._path, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"postbell {' '.join(words)}: {done.stderr}")

    def make_feeds_due(self) -> None:
        """All at once; as a command does it, beside a running server."""
        with sqlite3.connect(self._data / "postbell.db") as database:
            database.execute("UPDATE feeds SET due_at = ?", (to_micros(utc_now()),))

    def count(self, table: str) -> int:
        """Rows of a table, read beside a running server."""
        with sqlite3.connect(self._data / "postbell.db") as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def serve(self, *options: str, **settings: str) -> "Server":
        port, metrics_port = free_port(), free_port()
        environment = self._environment | {"PORT": str(port), "METRICS_PORT": str(metrics_port)} | settings
        with (self._path / "log").open("ab") as log:
            program = [sys.executable, "-m", "bot", "serve", *options]
            process = subprocess.Popen(program, env=environment, cwd=self._path, stdout=log, stderr=log)
            return Server(process, metrics_port, f"http://127.0.0.1:{port}")


class Server:
    """One run of ``postbell serve``, from its start until ``with`` stops it gracefully."""

    def __init__(self, process: subprocess.Popen[bytes], metrics_port: int, url: str) -> None:
        self._process, self._port, self.url = process, metrics_port, url
        self.pid = process.pid
        self.started_at = time.time()

    def __enter__(self) -> "Server":
        try:
            self.until(self._is_ready)
        except BaseException:
            self._stop()
            raise
        self.ready_cpu_seconds = cpu_seconds([self.pid])
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def until(self, done: Callable[[], bool]) -> None:
        """Raises BenchError when the server has died or it takes too long."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if self._process.poll() is not None or time.monotonic() > end:
                raise BenchError("the gateway has died, or is too slow")
            time.sleep(LOOK_SECONDS)

    def total(self, metric: str) -> int:
        """The sum of a counter over all its labels."""
        _, body = self._get("/metrics")
        lines = body.decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith((f"{metric} ", f"{metric}{{")))

    def _is_ready(self) -> bool:
        try:
            status, _ = self._get("/readyz")
        except (OSError, HTTPException):
            return False
        return status == 200

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
