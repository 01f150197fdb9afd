"""The door to storage: runs use cases, each in a transaction of its own, away from the event loop.

A use case is a plain function whose first parameter is a Work.  It cannot await, so no transaction is
ever held open over the network.  Which engine is behind the door, no caller can see.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

from sqlalchemy.engine import make_url

from storage.work import Engine as Engine
from storage.work import StorageError as StorageError
from storage.work import StorageFull as StorageFull
from storage.work import Work as Work

P = ParamSpec("P")
T = TypeVar("T")
UseCase = Callable[Concatenate[Work, P], T]


class Database:
    """``url``: "sqlite:///path" or "postgresql://…".  ``clock`` answers aware UTC times.

    ``shared_time``: on PostgreSQL take the server's time, so that all processes agree; tests with a movable
    clock turn it off.
    """

    def __init__(self, url: str, clock: Callable[[], datetime], *, shared_time: bool = True) -> None:
        self._wakers: dict[str, Callable[[], None]] = {}
        self.engine: Literal["sqlite", "postgresql"]
        self.file: Path | None = None  # of SQLite
        if url.startswith("sqlite"):
            from storage.sqlite import SQLite

            self.engine = "sqlite"
            self.file = Path(make_url(url).database or "")
            self._side: Engine = SQLite(self.file, clock, self._wake)
        else:
            from storage.postgresql import PostgreSQL  # its driver loads only where it is used

            self.engine = "postgresql"
            self._side = PostgreSQL(url, clock, self._wake, shared_time=shared_time)

    async def read(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a use case that only reads.  Raises its own errors, or StorageError."""
        run = self._side.submit(lambda work: use_case(work, *args, **kwargs), write=False)
        return cast(T, await asyncio.wrap_future(run))

    async def write(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a use case and commit it.  Returns after the commit; raises its own errors, or StorageError.

        Whoever stops waiting does not stop the write: it is committed together with others.
        """
        run = self._side.submit(lambda work: use_case(work, *args, **kwargs), write=True)
        return cast(T, await asyncio.shield(asyncio.wrap_future(run)))

    def look(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``read``, for a plain thread: the command line."""
        return cast(T, self._side.submit(lambda work: use_case(work, *args, **kwargs), write=False).result())

    def run(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``write``, for a plain thread: the command line."""
        return cast(T, self._side.submit(lambda work: use_case(work, *args, **kwargs), write=True).result())

    def on_wake(self, name: str, waker: Callable[[], None]) -> None:
        """Call ``waker`` on some thread after each commit whose work named ``name``."""
        self._wakers[name] = waker
        self._side.listen()

    def close(self) -> None:
        """Let what was accepted finish, then close every connection."""
        self._side.close()

    def _wake(self, names: set[str]) -> None:
        for name in names:
            if waker := self._wakers.get(name):
                with suppress(RuntimeError):  # its event loop has ended
                    waker()
