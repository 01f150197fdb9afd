"""Brings the database to this program's schema, a step at a time, each all or nothing (design, section 4)."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from storage.work import StorageError, translated

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x706F737462656C6C  # "postbell": the one advisory lock around all steps on PostgreSQL


class NewerSchema(StorageError):
    """The database was written by a newer Postbell."""


def open_any(url: str) -> Engine:
    """The engine that the program itself uses for this address."""
    if url.startswith("sqlite"):
        from storage import sqlite

        return sqlite.open_engine(Path(url.removeprefix("sqlite:///")))
    from storage import postgresql

    return postgresql.open_engine(url)


def pending(engine: Engine) -> Sequence[str]:
    """Steps still to take, first to last, as "revision: what it does".  Raises NewerSchema."""
    with translated(), engine.connect() as connection:
        return [str(step) for step in _steps(_current(connection))]


def upgrade(engine: Engine, before_first: Callable[[], None] = lambda: None) -> Sequence[str]:
    """Take all pending steps; ``before_first`` is called when there are any.  Returns those taken.

    Raises NewerSchema, or what a failed step raised; the steps before it stay, of itself nothing does.
    """
    taken: list[str] = []
    with translated(), engine.connect() as connection:
        on_sqlite = engine.dialect.name == "sqlite"
        if not on_sqlite:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            connection.commit()
        try:
            for step in _steps(_current(connection)):
                if not taken:
                    before_first()
                (_step_on_sqlite if on_sqlite else _step)(connection, step.revision)
                taken.append(str(step))
        finally:
            if not on_sqlite:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
                connection.commit()
    return taken


@dataclass(frozen=True, slots=True)
class _Step:
    revision: str
    file: Path

    def __str__(self) -> str:
        told = ast.get_docstring(ast.parse(self.file.read_text(encoding="utf-8"))) or ""
        return f"{self.revision}: {told.partition(chr(10))[0]}"


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        connection.rollback()
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    connection.rollback()
    return revision


def _steps(current: str | None) -> list[_Step]:
    """Read off the files' names, for Alembic costs every start an eighth of a second and 7 MiB: it is imported only
    to take a step."""
    known = [_Step(file.name[:4], file) for file in sorted((FOLDER / "versions").glob("[0-9]*.py"))]
    revisions = [step.revision for step in known]
    if current is None:
        return known
    if current not in revisions:
        raise NewerSchema(f"the database has schema {current}, which is newer than this program: update Postbell")
    return known[revisions.index(current) + 1 :]


def _step(connection: Connection, revision: str) -> None:
    with connection.begin():
        _run(connection, revision)


def _step_on_sqlite(connection: Connection, revision: str) -> None:
    """Tried: without the explicit BEGIN a failed step leaves its tables; without foreign_keys=OFF a recreated
    parent table deletes its children."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute("BEGIN IMMEDIATE")
    try:
        _run(connection, revision)
        if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
            raise StorageError(f"migration {revision} would break {len(broken)} references")
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _run(connection: Connection, revision: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    with EnvironmentContext(
        config, scripts, fn=lambda current, _: scripts._upgrade_revs(revision, current), destination_rev=revision
    ) as environment:
        environment.configure(connection=connection, transactional_ddl=False, transaction_per_migration=False)
        environment.run_migrations()
