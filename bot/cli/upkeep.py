"""``postbell migrate``, ``backup``, ``restore`` and ``rekey``: what is done to the database as a whole."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot import ground, logs
from bot.cli import output
from bot.cli.beside import Desk, check_there, opened
from bot.clock import utc_now
from bot.errors import UserError
from bot.rules.vault import Vault, WrongKey
from bot.settings import BadSetting, Settings, load
from bot.usecases import accounts, audit, deliveries, destinations, hubs
from storage import backup as copies
from storage.database import Database, StorageError

T = TypeVar("T")

SLICE = 500  # secrets sealed anew in one transaction


class Failed(UserError):
    """It was not done; the text says why."""


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Only say what is pending, with exit code 1.")] = False,
) -> None:
    """Bring the database to this program's schema; makes it when there is none."""
    settings = _settings()
    if check:
        there = not settings.on_sqlite or ground.sqlite_file(settings).exists()
        steps = ground.pending_steps(settings) if there else ["there is no database yet"]
        _list("pending", steps)
        raise typer.Exit(1 if steps else 0)
    ground.make_folder(settings)
    lock = ground.lock(settings) if settings.on_sqlite else None
    try:
        with output.waiting("migrating …"):
            steps = ground.migrate_now(settings)
    finally:
        if lock:
            lock.release()
    _list("done", steps)


def _list(what: str, steps: list[str]) -> None:
    for step in steps:
        output.say(f"{what}: {step}")
    if not steps:
        output.say("the database is current")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="Where the copy goes.")],
) -> None:
    """Write a checked copy of the SQLite database, while the server goes on; an older copy there is replaced.

    The master key is not in it: keep MASTER_KEY, or master.key from DATA_DIR, in another place.
    """
    settings = _settings()
    _only_sqlite(settings, f'pg_dump -Fc -f {file} "$DATABASE_URL"')
    check_there(settings)
    database = ground.sqlite_file(settings)
    _may_be_replaced(file, database)
    _copy("copying", lambda bar: copies.back_up(database, file, bar))
    output.say(f"{file}: {output.size(file.stat().st_size)}, checked")
    output.hint("To use it, MASTER_KEY (or master.key from DATA_DIR) is needed, too.")


def _may_be_replaced(file: Path, database: Path) -> None:
    if file.exists():
        if file.samefile(database):
            raise typer.BadParameter("that is the database itself", param_hint="FILE")
        try:
            copies.check(file)
        except StorageError:
            raise typer.BadParameter(f"{file} is there already and is no backup", param_hint="FILE") from None


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A copy made by backup.")],
) -> None:
    """Put a copy in the database's place; the server must be stopped.  The former database is kept beside it.

    Sending is held afterwards, for what was delivered after the copy was made is still queued in it.
    """
    settings = _settings()
    _only_sqlite(settings, 'pg_restore --clean --if-exists -d "$DATABASE_URL" FILE')
    ground.make_folder(settings)
    database = ground.sqlite_file(settings)
    if database.exists() and file.samefile(database):
        raise typer.BadParameter("that is the database itself", param_hint="FILE")
    vault = ground.open_vault(settings) if ground.has_master_key(settings) else None
    lock = ground.lock(settings)
    try:
        former = _copy(
            "restoring", lambda bar: copies.restore(file, database, bar, partial(_hold, settings, file.name))
        )
        trouble = _key_trouble(settings, vault)
    finally:
        lock.release()
    output.say(f"{database} is now the copy in {file}" + (f"; the former one is {former.name}" if former else ""))
    _tell_how_to_go_on(trouble)


def _hold(settings: Settings, copy: str, fresh: Path) -> None:
    """Before the copy becomes the database, so that no crash can leave it sending.  Refuses a newer schema."""
    url = f"sqlite:///{fresh}"
    old = ground.pending_steps(settings.model_copy(update={"database_url": url}))
    with closing(Database(url, utc_now)) as database:
        if old:  # its audit log may be of a step to come
            database.run(deliveries.hold)
        else:
            noted = audit.Change("database", after={"copy": copy, "held": True})
            database.run(audit.noted, audit.COMMAND_LINE, "restore", lambda _: noted, deliveries.hold)


def _key_trouble(settings: Settings, vault: Vault | None) -> str:
    if vault is None:
        return "is missing"
    with closing(Database(settings.database, utc_now)) as database:
        fits = database.run(accounts.master_key_fits, vault.fingerprint, vault.older_fingerprints)
    return "" if fits else "is not this copy's"


def _tell_how_to_go_on(key_trouble: str) -> None:
    output.say("Sending is held, so that nothing is sent a second time by surprise.  Now:")
    if key_trouble:
        text = f"  ! the master key {key_trouble}: set MASTER_KEY, or put master.key into DATA_DIR, as they were then"
        output.say(text, style="yellow")
    for line in (
        "  1. postbell serve --hold                 feeds are read again, nothing is sent",
        "  2. postbell outbox expire --before TIME  gives up what was queued before then",
        "  3. postbell outbox release               sends the rest, and goes on as usual",
    ):
        output.say(line)


def _copy(what: str, run: Callable[[copies.Progress], T]) -> T:
    """Raises Failed, OSError."""
    with output.progress(what) as bar:
        try:
            return run(lambda left, pages: bar(pages - left, pages))
        except StorageError as error:
            raise Failed(str(error)) from None


def _only_sqlite(settings: Settings, instead: str) -> None:
    if not settings.on_sqlite:
        raise BadSetting(f"DATABASE_URL: this command is for SQLite; with PostgreSQL use `{instead}`")


def _settings() -> Settings:
    settings = load()
    logs.configure("error", settings.log_format)
    return settings


def rekey() -> None:
    """Seal all stored secrets under MASTER_KEY; MASTER_KEY_OLD opens them.

    First set both and restart the server, so that it can read old and new; then this; then drop MASTER_KEY_OLD.
    """
    settings = _settings()
    if not settings.master_key_old or not settings.master_key:
        raise BadSetting("MASTER_KEY_OLD: expected the former key, and the new one in MASTER_KEY")
    with opened() as desk:
        done = _reseal(desk, desk.vault())
    output.say(f"{output.counted(done, 'destination')} sealed under the new key")
    output.hint("MASTER_KEY_OLD is no longer needed, but for older backups.")


def _reseal(desk: Desk, vault: Vault) -> int:
    done = last = 0
    with output.progress("sealing") as bar:
        try:
            while (resealed := desk.write(destinations.reseal, vault, last, SLICE))[0]:
                done, last = done + resealed[0], resealed[1]
                bar(done, None)
            last = 0
            while (resealed := desk.write(hubs.reseal, vault, last, SLICE))[0]:
                last = resealed[1]
        except WrongKey as error:
            raise Failed(f"{error}; neither MASTER_KEY nor MASTER_KEY_OLD opens it") from None
    noted = audit.Change("secrets", after={"sealed": done})
    desk.change("change master key", lambda _: noted, accounts.set_master_key, vault.fingerprint)
    return done
