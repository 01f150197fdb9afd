"""The transcripts beside this file are true: each command, alone and in groups, done and refused, words and buttons."""

from pathlib import Path

import pytest

from bot.rules.command_words import WORDS, Verb
from bot.rules.commands import parse
from tests.bot.usecases.chat.desk import Desk
from tests.bot.usecases.chat.transcript import held

FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(path.name for path in FOLDER.glob("*.txt"))


@pytest.mark.parametrize("name", FILES)
def test_a_transcript_is_true(desk: Desk, name: str) -> None:
    path = FOLDER / name
    assert held(path, desk) == path.read_text()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_command_is_in_a_transcript(language: str) -> None:
    lines = [line for path in FOLDER.glob(f"*.{language}.txt") for line in path.read_text().splitlines()]
    written = [line.partition(" ")[2] for line in lines if line.startswith((">", ">>"))]
    found = [parse(text.removeprefix("@Postbell "), "", True) for text in written if not text.startswith("[")]
    assert set(WORDS) - {command.verb for command in found if command} == set()
    assert Verb.UNKNOWN in {command.verb for command in found if command}
