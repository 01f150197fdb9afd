"""The demos of the chats: the first scenes of each, with the gateway as a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.demo_chat import ChatDemo
from bot.cli.demo_gateway import ROOT
from tests.bot.cli.shell import Shell


async def test_a_conversation_on_feishu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ChatDemo(tmp_path, None, "feishu", scenes=4).run()
    said = capsys.readouterr().out
    story = (
        r"Ada  subscribe http://127",
        r"bell  You follow The Harbour Lantern now",
        r"\[Show the newest\]  \[Undo\]",
        r"publisher  🚲 Night buses",
        r"bell  🚲 Night buses",
        r"\[Open\]",
        r"Ada  presses \[Show the newest\]",
        r"bell  .*🚲 Night buses",
        r"bell in Harbour watch  Hello, everybody!",
        r"Bo  @Bell subscribe",
        r"bell in Harbour watch  You follow",
        r"publisher  灯台",
        r"bell in Harbour watch  灯台",
        r"3 commands and presses, 2 of 2 posts arrived, (\d+) of \1 callbacks taken at once",
        r"Everything came that had to\.",
    )
    assert re.search(".*".join(story), said, re.DOTALL), said
    assert "app-secret-1" not in said


async def test_a_conversation_on_whatsapp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ChatDemo(tmp_path, None, "whatsapp", scenes=4).run()
    said = capsys.readouterr().out
    story = (
        r"Ada  subscribe http://127",
        r"bell  You follow The Harbour Lantern now",
        r"bell  \*🚲 Night buses",
        r"Ada  presses \[Show the newest\]",
        r"25 hours go by",
        r"publisher  灯台",
        r"publisher  🌊 Bridge closed",
        r"the posts are held",
        r"Ada  list",
        r"bell  \*灯台",
        r"bell  \*🌊 Bridge closed",
        r"what was held has come, in its order",
        r"3 of 3 posts arrived",
        r"Everything came that had to\.",
    )
    assert re.search(".*".join(story), said, re.DOTALL), said


def test_the_command_plays_it_for_so_long(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=none\nSIGNUP=closed\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--channel", "feishu", "--seconds", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ada  subscribe" in done.stdout
    assert "\x1b" not in done.stdout, "no terminal, no colours"


def test_there_is_no_demo_of_other_chats(bare: Shell) -> None:
    assert "'telegram' is not one of" in bare("demo", "--channel", "telegram", code=2).complaint
