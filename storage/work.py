"""What a use case is given, and how storage fails: the words that both engines share."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction, the one moment at which all of it happens, and the jobs to wake after its commit."""

    session: Session
    now: datetime
    wakes: set[str] = field(default_factory=set)


class StorageError(Exception):
    """The database could not do it and kept nothing of the use case.  The same call may work later."""


class StorageFull(StorageError):
    """No room, or the disk fails: reading goes on, writing cannot until somebody acts."""


class Engine(Protocol):
    """Runs use cases in transactions of their own, on threads of its own."""

    def submit(self, run: Callable[[Work], Any], *, write: bool) -> Future[Any]:
        """The future has the result after the commit; it fails with the use case's error or StorageError."""

    def listen(self) -> None:
        """From now on, wake for what other processes have done, too."""

    def close(self) -> None:
        """Let what was accepted finish, then close every connection."""


@contextmanager
def translated() -> Iterator[None]:
    """Driver errors become ours.  A broken constraint or a value that does not fit stays what it is: that is the
    use case's own matter, and trying again would not help."""
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except DBAPIError as error:
        raise storage_error(error.orig or error) from error


def storage_error(error: BaseException) -> StorageError:
    """The driver's error in our words (sqlite.org/rescode.html; PostgreSQL manual, appendix A, class 53)."""
    full = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR"))
    full = full or (getattr(error, "sqlstate", None) or "").startswith("53")
    return (StorageFull if full else StorageError)(str(error).strip())
