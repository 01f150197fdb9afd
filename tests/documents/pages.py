"""The documents as tests read them: their sections, examples, tables and commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from bot.cli import app as command_line

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def example(name: str) -> str:
    """The block of the README that begins with its file's name."""
    found = re.findall(rf"^```\w+\n((?:#|//) {re.escape(name)}.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, name
    return str(found[0])


def section(title: str, text: str = README) -> str:
    """From a heading to the next one of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, title
    after = text[match.end() :]
    prose = re.sub(r"^```.*?^```$", lambda block: " " * len(block[0]), after, flags=re.MULTILINE | re.DOTALL)
    following = re.search(rf"^#{{1,{len(match[1])}}} ", prose, re.MULTILINE)
    return after[: following.start()] if following else after


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


def ticked(text: str) -> list[str]:
    """What stands in `code`."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


# Commands


def commands(text: str) -> Iterator[list[str]]:
    """Every use of our command line in a page, as its arguments."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    spans = [span for span in ticked(text) if span.startswith("postbell ")]
    for line in [*lines, *spans]:
        for part in re.split(r"&&|\|", line):
            words = shlex.split(part, comments=True)
            at = max((n for n, word in enumerate(words) if Path(word).name == "postbell"), default=None)
            if at is not None and words[at + 1 :]:
                yield words[at + 1 :]


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    command: Any = typer.main.get_command(command_line)
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    return command, words
