"""Migrations, backups, restores and new master keys from the command line."""

import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.clock import utc_now
from bot.rules.vault import Vault, WrongKey
from bot.usecases import accounts, deliveries, destinations
from storage.database import Database
from storage.lock import DirectoryLock
from tests.bot.cli.conftest import MASTER_KEY
from tests.bot.cli.shell import Shell

HOOK = "https://example.org/hook"
OTHER_KEY = b64encode(b"o" * 32).decode()


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{folder / 'postbell.db'}", utc_now)) as database:
        yield database


# migrate


def test_a_new_database_is_made_and_then_current(bare: Shell, tmp_path: Path) -> None:
    assert "no database yet" in bare("migrate", "--check", code=1).out
    assert not (tmp_path / "data").exists()
    assert "done: 0001" in bare("migrate").out
    assert "current" in bare("migrate").out
    assert "current" in bare("migrate", "--check").out


def test_on_PostgreSQL_too(on_postgresql: Shell) -> None:
    assert "current" in on_postgresql("migrate").out
    assert "current" in on_postgresql("migrate", "--check").out


def test_commands_refuse_a_database_that_is_not_current(on_sqlite: Shell, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "postbell.db")) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.commit()
    for command in (("account", "add", "ann@example.org"), ("feeds",), ("outbox", "release")):
        assert "run `postbell migrate`" in on_sqlite(*command, code=1).complaint
    on_sqlite("backup", tmp_path / "copy")  # what one wants before a migration


def test_a_newer_database_is_left_alone(on_sqlite: Shell, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "postbell.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for command in ("migrate", "feeds", "serve"):
        assert "update Postbell" in on_sqlite(command, code=1).complaint


def test_commands_refuse_when_there_is_no_database(bare: Shell, tmp_path: Path) -> None:
    for command in (("account", "list"), ("feeds",), ("backup", "copy"), ("outbox", "release")):
        assert "run `postbell migrate`" in bare(*command, code=1).complaint
    assert not (tmp_path / "data").exists()


# backup and restore


def test_a_backup_is_restored_and_sending_held(on_sqlite: Shell, tmp_path: Path) -> None:
    on_sqlite("account", "add", "ann@example.org")
    assert "checked" in on_sqlite("backup", tmp_path / "copy").out
    on_sqlite("account", "add", "bob@example.org")
    said = on_sqlite("restore", tmp_path / "copy").out
    for words in ("postbell.db.before-restore", "serve --hold", "outbox expire", "outbox release"):
        assert words in said
    assert "master key" not in said
    assert [one["email"] for one in on_sqlite("account", "list", "--json").json()] == ["ann@example.org"]
    with opened(tmp_path) as database:
        assert database.run(deliveries.is_held)
    with opened_copy(tmp_path / "copy", tmp_path / "elsewhere") as database:
        assert not database.run(deliveries.is_held)


@contextmanager
def opened_copy(copy: Path, folder: Path) -> Iterator[Database]:
    folder.mkdir()
    shutil.copy(copy, folder / "postbell.db")
    with opened(folder) as database:
        yield database


def test_a_restore_makes_a_new_home(bare: Shell, sqlite_url: str, tmp_path: Path) -> None:
    copy = sqlite_url.removeprefix("sqlite:///")
    assert "the master key is missing" in bare("restore", copy).out
    assert not (tmp_path / "data" / "master.key").exists()
    assert bare("account", "list", "--json").json() == []


def test_a_restore_says_when_the_master_key_is_another(
    on_sqlite: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite("account", "add", "ann@example.org")
    on_sqlite("destination", "add", 1, "webhook", HOOK)
    on_sqlite("backup", tmp_path / "copy")
    monkeypatch.setenv("MASTER_KEY", OTHER_KEY)
    assert "the master key is not this copy's" in on_sqlite("restore", tmp_path / "copy").out


def test_nothing_is_restored_under_a_running_server(on_sqlite: Shell, tmp_path: Path) -> None:
    on_sqlite("backup", tmp_path / "copy")
    with DirectoryLock(tmp_path):
        for command in (("restore", tmp_path / "copy"), ("migrate",)):
            assert "in use by process" in on_sqlite(*command, code=1).complaint


def test_a_backup_of_a_newer_program_is_refused(on_sqlite: Shell, tmp_path: Path) -> None:
    on_sqlite("backup", tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "update Postbell" in on_sqlite("restore", tmp_path / "copy", code=1).complaint
    on_sqlite("account", "list")


def test_files_that_cannot_be_meant_are_refused(on_sqlite: Shell, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear Ann")
    assert "already" in on_sqlite("backup", tmp_path / "letter", code=2).complaint
    assert "itself" in on_sqlite("backup", tmp_path / "postbell.db", code=2).complaint
    assert "itself" in on_sqlite("restore", tmp_path / "postbell.db", code=2).complaint
    assert "no sound" in on_sqlite("restore", tmp_path / "letter", code=1).complaint
    assert "not exist" in on_sqlite("restore", tmp_path / "nothing", code=2).complaint
    assert "No such file" in on_sqlite("backup", tmp_path / "nowhere" / "copy", code=1).complaint
    assert (tmp_path / "letter").read_text() == "Dear Ann"
    on_sqlite("backup", tmp_path / "copy")
    on_sqlite("backup", tmp_path / "copy")


def test_PostgreSQL_has_tools_of_its_own(on_postgresql: Shell, tmp_path: Path) -> None:
    (tmp_path / "copy").touch()
    assert "pg_dump" in on_postgresql("backup", tmp_path / "copy", code=2).complaint
    assert "pg_restore" in on_postgresql("restore", tmp_path / "copy", code=2).complaint


# rekey


def test_secrets_are_sealed_under_the_new_key(shell: Shell, stored: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("account", "add", "ann@example.org")
    secrets = [shell("destination", "add", 1, "webhook", f"{HOOK}/{n}").out.splitlines()[-1] for n in range(3)]
    monkeypatch.setenv("MASTER_KEY", OTHER_KEY)
    assert "MASTER_KEY" in shell("destination", "rotate", 1, code=2).complaint
    monkeypatch.setenv("MASTER_KEY_OLD", MASTER_KEY)
    assert "3 destinations" in shell("rekey").out
    new, old = Vault(b"o" * 32), Vault(b"k" * 32)
    for row, secret in zip(stored.run(destinations.of_account, 1, 9), secrets, strict=True):
        ring = destinations.open_ring(new, row.uid.hex, row.secrets or b"")
        assert [one.text for one in ring.secrets] == [secret]
        with pytest.raises(WrongKey):
            destinations.open_ring(old, row.uid.hex, row.secrets or b"")
    assert stored.run(accounts.master_key_fits, new.fingerprint, ())
    monkeypatch.delenv("MASTER_KEY_OLD")
    shell("destination", "rotate", 1)


def test_a_new_key_needs_the_old_one(on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite("account", "add", "ann@example.org")
    on_sqlite("destination", "add", 1, "webhook", HOOK)
    assert "MASTER_KEY_OLD" in on_sqlite("rekey", code=2).complaint
    monkeypatch.setenv("MASTER_KEY", b64encode(b"1" * 32).decode())
    monkeypatch.setenv("MASTER_KEY_OLD", b64encode(b"2" * 32).decode())
    assert "MASTER_KEY" in on_sqlite("rekey", code=2).complaint
