"""Copies of a database that is in use, and putting one back."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from storage import backup, migrate
from storage.work import StorageError


@pytest.fixture
def database(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def remember(database: Path, *values: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.executemany("INSERT INTO meta (name, value) VALUES (?, '')", [(value,) for value in values])


def recall(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM meta ORDER BY name")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_holds_what_the_log_still_held(database: Path, tmp_path: Path) -> None:
    with closing(migrate.open_any(f"sqlite:///{database}").connect()):  # a server: its log is not yet in the file
        remember(database, "a", "b")
        assert (tmp_path / "postbell.db-wal").stat().st_size
        backup.back_up(database, tmp_path / "copy")
    assert recall(tmp_path / "copy") == ["a", "b"]


def test_a_copy_is_one_private_file(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies #1 ?%"
    folder.mkdir()
    backup.back_up(database, folder / "copy")
    backup.check(folder / "copy")
    assert names(folder) == ["copy"]
    assert (folder / "copy").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == [folder.name, "postbell.db"]


def test_a_copy_ends_while_others_write(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE big (what BLOB)")
        connection.executemany("INSERT INTO big VALUES (zeroblob(3000))", ((),) * 8_000)
        connection.commit()
    copied, stop = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            remember(database, f"{number:06}")
            number += 1

    writer = threading.Thread(target=write)
    left: list[int] = []

    def watch(pages_left: int, _pages: int) -> None:
        if not left:
            writer.start()
        left.append(pages_left)
        copied.wait(0.005)  # room for the writer between two steps

    backup.back_up(database, tmp_path / "copy", watch)
    stop.set()
    writer.join()
    assert len(recall(database)) > 3
    assert left == sorted(left, reverse=True)  # it never began anew
    assert recall(tmp_path / "copy") == []


def test_what_fails_leaves_the_older_copy_and_nothing_else(database: Path, tmp_path: Path) -> None:
    backup.back_up(database, tmp_path / "copy")
    before = (tmp_path / "copy").read_bytes()
    database.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="could not be copied"):
        backup.back_up(database, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == before
    assert names(tmp_path) == ["copy", "postbell.db"]


def test_a_copy_needs_a_folder_to_go_to(database: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        backup.back_up(database, tmp_path / "nowhere" / "copy")


def test_a_restored_copy_is_the_database(database: Path, tmp_path: Path) -> None:
    remember(database, "then")
    backup.back_up(database, tmp_path / "copy")
    remember(database, "later")
    former = backup.restore(tmp_path / "copy", database)
    assert recall(database) == ["then"]
    assert former == tmp_path / "postbell.db.before-restore"
    assert names(tmp_path) == ["copy", "postbell.db", "postbell.db.before-restore"]
    assert database.stat().st_mode & 0o777 == 0o600
    assert recall(former) == ["later", "then"]


def test_where_there_is_no_database_yet_a_copy_becomes_it(database: Path, tmp_path: Path) -> None:
    remember(database, "then")
    (tmp_path / "new").mkdir()
    assert backup.restore(database, tmp_path / "new" / "postbell.db") is None
    assert recall(tmp_path / "new" / "postbell.db") == ["then"]
    assert names(tmp_path / "new") == ["postbell.db"]


def test_the_log_of_a_dead_server_is_kept_and_not_played_into_the_copy(database: Path, tmp_path: Path) -> None:
    backup.back_up(database, tmp_path / "copy")
    pid = os.fork()
    if pid == 0:  # dies without closing: its log stays
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("INSERT INTO meta (name, value) VALUES ('late', '')")
        os._exit(0)
    os.waitpid(pid, 0)
    assert (tmp_path / "postbell.db-wal").stat().st_size
    former = backup.restore(tmp_path / "copy", database)
    assert recall(database) == []
    assert former is not None
    assert recall(former) == ["late"]


def test_a_damaged_database_does_not_stop_a_restore(database: Path, tmp_path: Path) -> None:
    remember(database, "then")
    backup.back_up(database, tmp_path / "copy")
    database.write_bytes(b"x" * 5000)
    backup.restore(tmp_path / "copy", database)
    assert recall(database) == ["then"]


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + b"x" * 4096])
def test_what_is_no_copy_is_refused_before_anything_changes(database: Path, tmp_path: Path, content: bytes) -> None:
    remember(database, "now")
    (tmp_path / "copy").write_bytes(content)
    with pytest.raises(StorageError):
        backup.restore(tmp_path / "copy", database)
    assert recall(database) == ["now"]
    assert "postbell.db.restoring" not in names(tmp_path)


def test_somebody_elses_database_is_refused(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        connection.execute("CREATE TABLE other (what TEXT)")
    with pytest.raises(StorageError, match="no database of Postbell's"):
        backup.restore(tmp_path / "copy", database)


def test_a_damaged_copy_is_refused(database: Path, tmp_path: Path) -> None:
    remember(database, *(f"{number:05} {'x' * 100}" for number in range(2000)))
    backup.back_up(database, tmp_path / "copy")
    damaged = bytearray((tmp_path / "copy").read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 8192] = b"\xff" * 8192
    (tmp_path / "copy").write_bytes(damaged)
    with pytest.raises(StorageError):
        backup.restore(tmp_path / "copy", database)
    assert len(recall(database)) == 2000


def test_whoever_prepares_the_copy_may_refuse_it(database: Path, tmp_path: Path) -> None:
    remember(database, "now")
    backup.back_up(database, tmp_path / "copy")

    def refuse(fresh: Path) -> None:
        remember(fresh, "prepared")
        raise StorageError("too new")

    with pytest.raises(StorageError, match="too new"):
        backup.restore(tmp_path / "copy", database, prepare=refuse)
    assert recall(database) == ["now"]
    backup.restore(tmp_path / "copy", database, prepare=lambda fresh: remember(fresh, "prepared"))
    assert recall(database) == ["now", "prepared"]
    assert recall(tmp_path / "copy") == ["now"]
