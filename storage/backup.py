"""Copies of a SQLite database, made and put back while others read it (reliability page, 16)."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage.work import StorageError

Progress = Callable[[int, int], None]
"""Called with pages left and pages in all."""

_PAGES = 1000


def back_up(database: Path, target: Path, progress: Progress = lambda _left, _all: None) -> None:
    """A consistent copy, checked before it gets its name.  Raises StorageError, OSError."""
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))  # secrets are in it
    try:
        _copy(database, partial, progress)
        check(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def restore(copy: Path, database: Path, progress: Progress = lambda _left, _all: None) -> None:
    """Put a copy in the database's place, all or nothing; the caller holds the directory's lock.

    Raises StorageError, OSError.
    """
    check(copy)
    fresh = database.with_name(database.name + ".restoring")
    fresh.unlink(missing_ok=True)
    try:
        _copy(copy, fresh, progress)
        check(fresh)
        for leftover in ("-wal", "-shm"):
            database.with_name(database.name + leftover).unlink(missing_ok=True)
        fresh.replace(database)
    finally:
        fresh.unlink(missing_ok=True)


def check(database: Path) -> None:
    """Raises StorageError unless this is a sound database of ours."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            ours = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]
    except sqlite3.Error as error:
        raise StorageError(f"{database} is no sound SQLite database: {error}") from None
    if found != "ok" or not ours:
        raise StorageError(f"{database} is " + ("no database of Postbell's" if found == "ok" else f"damaged: {found}"))


def _copy(source: Path, target: Path, progress: Progress) -> None:
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as there,
            closing(sqlite3.connect(target)) as here,
        ):
            there.backup(here, pages=_PAGES, progress=lambda _status, left, pages: progress(left, pages))
    except sqlite3.Error as error:
        raise StorageError(f"{source} could not be copied: {error}") from None
