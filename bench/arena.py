"""Where contestants meet: origin, sink and contestants are started, bound together and stopped again.

The convention for contestants: a program (children.py) that follows the orders ``prepare`` and ``run``;
``run`` answers with ``done``, the work it did.  A process elsewhere that works for it, a database server,
is named ``also`` in its first line.  The gateway joins a race as one more such program.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.children import Answer, BenchError, Child
from bench.measure import Contestant
from bench.server import Folder

NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Arena:
    """Lives as long as one benchmark; a ``with`` stops everything that was started in it."""

    turns: int
    quick: bool
    postgresql: str | None  # address of a server on this machine that may be filled and emptied
    _started: ExitStack = field(default_factory=ExitStack)

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def start(self, module: str, *args: str) -> Child:
        child = Child(module, *args)
        self._started.callback(child.close)
        return child

    def origin(self, mode: str) -> str:
        """The address before /f/0; ``mode`` as in origin.py."""
        return loopback(self.start("bench.origin", mode))

    def folder(self) -> Folder:
        """Removed at the end."""
        path = tempfile.mkdtemp(prefix="postbell-bench-")
        self._started.callback(shutil.rmtree, path)
        return Folder(Path(path))

    def sink(self) -> "SinkDesk":
        return SinkDesk(self.start("bench.sink"))

    def __enter__(self) -> "Arena":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.close()


@dataclass(frozen=True, slots=True)
class SinkDesk:
    """What one asks of the sink."""

    child: Child

    @property
    def url(self) -> str:
        return loopback(self.child)

    def start(self, *, latency: float = 0.0, failures: float = 0.0, secret: str = "") -> None:
        """Count from nothing; seconds before each answer, share of messages refused once, what they are signed with."""
        self.child.ask("start", latency=latency, failures=failures, secret=secret)

    def check(self, expected: int | None) -> Answer:
        """The counts; ``expected`` None: any number will do.

        Raises BenchError when a message was lost, came twice, or was not signed as it should be.
        """
        stats = self.child.ask("stats")
        arrived = stats["distinct"] + stats["unnamed"]
        if expected not in (None, arrived) or stats["twice"] or stats["forged"]:
            raise BenchError(f"of {expected} messages the receiver has {stats}")
        return stats


def contestant(
    name: str,
    child: Child,
    *,
    prepare: Mapping[str, Any] | None = None,
    order: str = "run",
    run: Mapping[str, Any] = NOTHING,
    expect: Mapping[str, Any] = NOTHING,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> Contestant:
    """A child that takes turns.  ``prepare``: its order before each sample, none when None.

    ``expect``: what its answers must say, else the measurement is void.  ``before`` and ``after`` are not
    its own work: they reset and check the other end.
    """

    def make_ready() -> None:
        before()
        if prepare is not None:
            child.ask("prepare", **prepare)

    def do() -> float:
        answer = child.ask(order, **run)
        if wrong := {key: answer.get(key) for key in expect if answer.get(key) != expect[key]}:
            raise BenchError(f"{name}: {wrong} where {dict(expect)} was due")
        after()
        return float(answer["done"])

    also = [child.hello["also"]] if "also" in child.hello else []
    return Contestant(name, [child.pid, *also], do, make_ready)


def loopback(child: Child) -> str:
    return f"http://127.0.0.1:{child.hello['port']}"
