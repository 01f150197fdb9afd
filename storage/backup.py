"""Copies of a SQLite database, made and put back while others read it (reliability page, 16)."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

from storage.work import StorageError

Progress = Callable[[int, int], None]
"""Called with pages left and pages in all."""

Mode = Literal["ro", "rw"]

_PAGES = 1000


def back_up(database: Path, target: Path, progress: Progress = lambda _left, _all: None) -> None:
    """A consistent copy, checked before it gets its name.  Raises StorageError, OSError."""
    partial = target.with_name(target.name + ".partial")
    _make_private(partial)
    try:
        _copy(database, "rw", partial, progress)
        check(partial)
        partial.replace(target)
        _sync_folder(target)
    finally:
        _remove(partial)


def restore(
    copy: Path,
    database: Path,
    progress: Progress = lambda _left, _all: None,
    prepare: Callable[[Path], None] = lambda _fresh: None,
) -> Path | None:
    """Put a copy in the database's place, all or nothing; the caller holds the directory's lock.

    ``prepare`` may look at what is about to become the database, change it, or refuse it by raising.
    Returns where the former database is kept; None when there was none.  Raises StorageError, OSError.
    """
    check(copy)
    fresh = database.with_name(database.name + ".restoring")
    _make_private(fresh)
    try:
        _copy(copy, "ro", fresh, progress)
        prepare(fresh)
        check(fresh)
        former = _keep(database) if database.exists() else None
        fresh.replace(database)
        _sync_folder(database)
    finally:
        _remove(fresh)
    return former


def check(database: Path) -> None:
    """Raises StorageError unless this is a sound database of ours."""
    try:
        with closing(_open(database, "ro")) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            ours = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]
    except sqlite3.Error as error:
        raise StorageError(f"{database} is no sound SQLite database: {error}") from None
    if found != "ok" or not ours:
        raise StorageError(f"{database} is " + ("no database of Postbell's" if found == "ok" else f"damaged: {found}"))


def _copy(source: Path, mode: Mode, target: Path, progress: Progress) -> None:
    """One transaction of ``source`` as one file.  Without the open transaction every write of others would make
    the copy begin anew, and beside a busy server it would never end."""
    try:
        with closing(_open(source, mode)) as there, closing(_open(target, "rw")) as here:
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_master")
            there.backup(here, pages=_PAGES, progress=lambda _status, left, pages: progress(left, pages))
            here.execute("PRAGMA journal_mode=DELETE")  # reading it needs, and leaves, no files beside it
    except sqlite3.Error as error:
        raise StorageError(f"{source} could not be copied: {error}") from None


def _keep(database: Path) -> Path:
    """The database under another name too, with what its log still held; a sound one then needs no log."""
    with suppress(sqlite3.Error), closing(_open(database, "rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    former = database.with_name(database.name + ".before-restore")
    former.unlink(missing_ok=True)
    os.link(database, former)
    for leftover in ("-wal", "-shm"):  # they would be played into the database that comes
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    return former


def _open(path: Path, mode: Mode) -> sqlite3.Connection:
    """A file that is only read, and has no log beside it, is opened in a way that leaves none there either."""
    alone = not path.with_name(path.name + "-wal").exists()
    writable = mode == "rw" and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    how = "mode=rw" if writable else "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)


def _make_private(path: Path) -> None:
    """An empty file that only its owner can read: secrets will be in it."""
    _remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))


def _remove(path: Path) -> None:
    for name in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    """So that the new name survives a power failure."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
