"""The demo as people start it: the real command, in a folder and an environment full of somebody's real settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import demo
from bot.cli.demo_gateway import ROOT
from bot.errors import UserError

SOMEBODYS = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "MASTER_KEY": "not a key",
    "POLL_SECONDS": "86400",
    "RETRY_WEBHOOK": "24h",
}


def test_posts_flow_and_nothing_of_the_users_settings_leaks_in(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=none\nEGRESS_ALLOW=nowhere\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--seconds", "6"],
        cwd=tmp_path,
        env={**os.environ, **SOMEBODYS, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    assert summed(said, "posts published") == summed(said, "delivered") >= 2
    attempts = summed(said, "attempts")
    assert attempts > summed(said, "delivered"), "the receiver has failed on purpose"
    assert f"{attempts} of {attempts}" in said, "signatures"
    assert (summed(said, "repeats"), summed(said, "lost")) == (0, 0)
    failed, tried_again = (
        re.search(r"failed +#2 .* (msg_\w+)", said),
        re.search(r"delivered +#2 .* (msg_\w+), the", said),
    )
    assert failed
    assert tried_again
    assert failed[1] == tried_again[1]
    assert "\x1b" not in said, "no terminal, no colours"


def summed(said: str, name: str) -> int:
    """A number of the summary."""
    found = re.search(rf"{name} +(\d+)", said)
    assert found, f"no {name!r} in:\n{said}"
    return int(found[1])


def test_an_installed_package_says_where_the_demo_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    with pytest.raises(UserError, match=r"\./dev demo"):
        demo.demo(seconds=1)
