"""What everything stands on: the data directory and its lock, the schema, the master key.

Commands need it as much as the server does.
"""

import os
from contextlib import suppress
from pathlib import Path

from bot.errors import UserError
from bot.rules.vault import Vault, new_key, read_key
from bot.settings import BadSetting, Settings
from storage import backup, migrate
from storage.database import StorageError
from storage.lock import DirectoryLock, Locked


class CannotStart(UserError):
    """Something stands in the way of a start; the text says what to do about it."""


def open_vault(settings: Settings) -> Vault:
    """The master key as set; on SQLite it is made and kept in the data directory when absent.  Raises BadSetting."""
    older = [_key("MASTER_KEY_OLD", settings.master_key_old)] if settings.master_key_old else []
    if settings.master_key:
        return Vault(_key("MASTER_KEY", settings.master_key), *older)
    if not settings.on_sqlite:
        raise BadSetting("MASTER_KEY: required with PostgreSQL; `openssl rand -base64 32` makes one")
    path = settings.data_dir / "master.key"
    with suppress(FileExistsError):
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(file, new_key().encode())
        os.close(file)
    return Vault(_key(str(path), path.read_text()), *older)


def has_master_key(settings: Settings) -> bool:
    """Whether there is one already; otherwise ``open_vault`` makes it, or demands it."""
    return bool(settings.master_key) or (settings.on_sqlite and (settings.data_dir / "master.key").exists())


def _key(name: str, text: str) -> bytes:
    try:
        return read_key(text)
    except ValueError as error:
        raise BadSetting(f"{name}: {error}") from None


def make_folder(settings: Settings) -> None:
    """The data directory, readable by us alone.  Raises CannotStart."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"DATA_DIR: {settings.data_dir} cannot be made ({error.strerror})") from None


def sqlite_file(settings: Settings) -> Path:
    return Path(settings.database.removeprefix("sqlite:///"))


def lock(settings: Settings) -> DirectoryLock:
    """The data directory's lock, taken.  Raises CannotStart when somebody has it."""
    try:
        return DirectoryLock(sqlite_file(settings).parent).acquire()
    except Locked as holder:
        raise CannotStart(
            f"{sqlite_file(settings).parent} is in use by {holder}: only one `serve`, `restore` or `migrate` "
            "at a time. Stop that one, or give this one another DATA_DIR."
        ) from None
    except OSError as error:
        raise CannotStart(f"DATA_DIR: {settings.data_dir} cannot be written ({error.strerror})") from None


def migrate_now(settings: Settings) -> list[str]:
    """Bring the schema up to date; a backup is written first.  Returns the steps.  Raises StorageError."""
    engine = migrate.open_any(settings.database)
    try:
        return list(migrate.upgrade(engine, lambda: _back_up_before_steps(settings)))
    finally:
        engine.dispose()


def _back_up_before_steps(settings: Settings) -> None:
    file = sqlite_file(settings)
    if settings.on_sqlite and file.exists() and file.stat().st_size:
        with suppress(StorageError):  # nothing is in it yet
            backup.back_up(file, file.with_name(f"{file.name}.before-migration"))


def pending_steps(settings: Settings) -> list[str]:
    """Migrations still to come.  Raises StorageError."""
    engine = migrate.open_any(settings.database)
    try:
        return list(migrate.pending(engine))
    finally:
        engine.dispose()
