"""The lock on a data directory: one server, one restore or one migration at a time (reliability page, 14.1)."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Locked(Exception):
    """Somebody else holds the lock; the text says who, as far as it is known."""


class DirectoryLock:
    """Held from ``acquire`` until ``release`` or the end of the process, however that comes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "postbell.lock"
        self._file: int | None = None

    def acquire(self) -> Self:
        """Raises Locked, OSError."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode(errors="replace").strip()
            os.close(file)
            raise Locked(f"process {holder}" if holder.isdecimal() else "another process") from None
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file
        return self

    def release(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
