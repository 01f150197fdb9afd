"""A command line of its own for each test: its settings, its folder, and an empty database on either engine."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.clock import utc_now
from bot.settings import Settings
from storage.database import Database
from tests.bot.cli.shell import Shell

MASTER_KEY = b64encode(b"k" * 32).decode()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """On a fresh machine: no database, no key, and none of the settings under which the tests themselves run."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATA_DIR": str(tmp_path / "data"),
        "METRICS_PORT": "0",
        "PORT": "0",
        "EGRESS_ALLOW": "127.0.0.1/32",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    return Shell()


@pytest.fixture
def shell(bare: Shell, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """With an empty, current database; on both engines."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MASTER_KEY", MASTER_KEY)
    return bare


@pytest.fixture
def stored(shell: Shell, database_url: str) -> Iterator[Database]:
    """The database of ``shell``, by another door, as a server would have it open beside the commands."""
    database = Database(database_url, utc_now)
    yield database
    database.close()


@pytest.fixture
def on_sqlite(bare: Shell, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """For what only SQLite has."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MASTER_KEY", MASTER_KEY)
    return bare


@pytest.fixture
def on_postgresql(bare: Shell, postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MASTER_KEY", MASTER_KEY)
    return bare
