"""One server, one restore or one migration in a data directory at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.lock import DirectoryLock, Locked


def test_a_second_one_is_told_who_has_it(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path), pytest.raises(Locked, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path).acquire()


def test_it_is_free_again_after_its_release(tmp_path: Path) -> None:
    for _ in range(2):
        with DirectoryLock(tmp_path):
            pass
    lock = DirectoryLock(tmp_path).acquire()
    lock.release()
    lock.release()
    DirectoryLock(tmp_path).acquire().release()


def test_it_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from storage.lock import DirectoryLock\n"
        "lock = DirectoryLock(Path(sys.argv[1])).acquire()\n"
        "print('locked', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"locked\n"
        with pytest.raises(Locked, match=f"process {child.pid}"):
            DirectoryLock(tmp_path).acquire()
        child.kill()
        child.wait(30)
    with DirectoryLock(tmp_path):
        pass


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path).acquire()
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE):
        lock.release()
        DirectoryLock(tmp_path).acquire().release()


def test_a_holder_that_left_no_name_is_another_process(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        (tmp_path / "postbell.lock").write_text("?")
        with pytest.raises(Locked, match="another process"):
            DirectoryLock(tmp_path).acquire()


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        DirectoryLock(tmp_path / "nowhere").acquire()
