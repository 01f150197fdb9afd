"""Migrations: from nothing to the models, each step all or nothing, one process at a time."""

import runpy
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

import storage.models  # noqa: F401 (fills the metadata)
from storage import migrate
from storage.work import StorageError

BROKEN = '''
"""A step that fails half-way."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{before}"


def upgrade() -> None:
    op.create_table("half_made", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO meta (name, value) VALUES ('half', 'made')")
    op.execute("{end}")
'''


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated database."""
    engine = migrate.open_any(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def empty(engine: Engine) -> Engine:
    """The same, with nothing in it any more."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            connection.commit()
            return engine
    path = Path(str(engine.url.database))
    engine.dispose()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    return engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations to which steps can be added."""
    copy = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "FOLDER", copy)
    return copy


def newest() -> str:
    return max(file.name[:4] for file in (migrate.FOLDER / "versions").glob("[0-9]*.py"))


def add_step(folder: Path, end: str) -> None:
    (folder / "versions" / "9999_broken.py").write_text(BROKEN.format(before=newest(), end=end))


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_the_steps_follow_each_other_as_their_files_are_named() -> None:
    files = sorted((migrate.FOLDER / "versions").glob("*.py"))
    steps = [runpy.run_path(str(file)) for file in files]
    assert [step["revision"] for step in steps] == [file.name[:4] for file in files]
    assert [step["down_revision"] for step in steps] == [None, *(step["revision"] for step in steps[:-1])]


def test_from_nothing_to_the_present_schema(empty: Engine) -> None:
    assert tables(empty) == set()
    pending = migrate.pending(empty)
    assert pending
    assert list(migrate.upgrade(empty)) == list(pending)
    assert tables(empty) >= set(SQLModel.metadata.tables)
    assert (migrate.pending(empty), migrate.upgrade(empty)) == ([], [])


def test_the_models_are_what_the_migrations_make(engine: Engine) -> None:
    with engine.connect() as connection:
        defaults = engine.dialect.name == "postgresql"  # Alembic takes SQLite's '' for none
        context = MigrationContext.configure(connection, opts={"compare_server_default": defaults})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_partial_indexes_are_partial(engine: Engine) -> None:
    """Which autogenerate does not compare."""
    with engine.connect() as connection:
        source = "sqlite_master" if engine.dialect.name == "sqlite" else "pg_indexes"
        column = "sql" if engine.dialect.name == "sqlite" else "indexdef"
        made = " ".join(str(row[0]) for row in connection.execute(text(f"SELECT {column} FROM {source}")))
    expected = [index for table in SQLModel.metadata.tables.values() for index in table.indexes]
    wheres = [str(index.dialect_options["sqlite"]["where"]) for index in expected]
    assert made.upper().count(" WHERE ") >= sum(where != "None" for where in wheres) > 3


@pytest.mark.parametrize("end", ["SELECT * FROM no_such_table", "INSERT INTO meta (name) VALUES (NULL)"])
def test_a_failing_step_leaves_nothing_behind(engine: Engine, folder: Path, end: str) -> None:
    before, revision = tables(engine), newest()
    add_step(folder, end)
    assert migrate.pending(engine) == ["9999: A step that fails half-way."]
    with pytest.raises(Exception, match=r"(?i)no_such_table|null"):
        migrate.upgrade(engine)
    assert tables(engine) == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [revision]
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar() == 0
    add_step(folder, "SELECT 1")  # mended
    (folder / "versions" / "9999_broken.py").write_text(BROKEN.format(before=revision, end="SELECT 1"))
    shutil.rmtree(folder / "versions" / "__pycache__", ignore_errors=True)
    assert len(migrate.upgrade(engine)) == 1
    assert "half_made" in tables(engine)


def test_a_failing_first_step_leaves_an_empty_database(empty: Engine, folder: Path) -> None:
    first = next((folder / "versions").glob("0001_*.py"))
    first.write_text(first.read_text() + "\n    op.execute('SELECT * FROM no_such_table')\n")
    if "downgrade" in first.read_text():
        pytest.fail("steps go forward only")
    with pytest.raises(Exception, match="no_such_table"):
        migrate.upgrade(empty)
    assert tables(empty) == set()


def test_a_step_that_breaks_references_is_refused(sqlite_url: str, folder: Path) -> None:
    engine = migrate.open_any(sqlite_url)
    add_step(folder, "INSERT INTO attempts (delivery_id, n, started_at, ended_at) VALUES (99, 1, 0, 0)")
    with pytest.raises(StorageError, match="references"):
        migrate.upgrade(engine)
    assert "half_made" not in tables(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_recreating_a_parent_table_keeps_its_children(sqlite_url: str, folder: Path) -> None:
    engine = migrate.open_any(sqlite_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO accounts (id, created_at) VALUES (1, 0)")
        connection.exec_driver_sql("INSERT INTO destinations (id, uid, account_id, created_at) VALUES (1, 'x', 1, 0)")
    add_step(folder, "DELETE FROM half_made")
    step = folder / "versions" / "9999_broken.py"
    recreate = "    with op.batch_alter_table('accounts', recreate='always'):\n        pass\n"
    step.write_text(step.read_text() + recreate)
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM destinations").scalar() == 1
    engine.dispose()


def test_a_newer_schema_is_refused(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '7777'"))
        connection.commit()
    for refused in (migrate.pending, migrate.upgrade):
        with pytest.raises(migrate.NewerSchema, match=r"7777.*update Postbell"):
            refused(engine)


def test_before_the_first_step_there_is_a_moment_for_a_backup_and_only_then(empty: Engine) -> None:
    seen: list[set[str]] = []
    migrate.upgrade(empty, lambda: seen.append(tables(empty)))
    migrate.upgrade(empty, lambda: seen.append(tables(empty)))
    assert [names & {"accounts"} for names in seen] == [set()]


def test_when_the_backup_fails_nothing_is_migrated(empty: Engine) -> None:
    def fail() -> None:
        raise OSError("no room for a backup")

    with pytest.raises(OSError, match="no room"):
        migrate.upgrade(empty, fail)
    assert "accounts" not in tables(empty)


def test_of_two_processes_at_once_one_migrates_and_the_other_finds_it_done(postgresql_url: str) -> None:
    engines = [migrate.open_any(postgresql_url) for _ in range(3)]
    with engines[0].connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        connection.commit()
    with ThreadPoolExecutor(3) as threads:
        taken = list(threads.map(migrate.upgrade, engines))
    assert sorted(len(steps) for steps in taken)[:2] == [0, 0]
    assert sum(len(steps) for steps in taken) > 0
    assert tables(engines[0]) >= set(SQLModel.metadata.tables)
    for engine in engines:
        engine.dispose()
