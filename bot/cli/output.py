"""How commands answer: tables and sentences for people, JSON for programs, progress on long work.

Answers go to stdout; progress and what went wrong go to stderr.  What came from outside is printed as plain text:
it can neither colour the terminal nor move its cursor.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from bot.rules.measures import counted as counted
from bot.rules.measures import size as size
from bot.rules.measures import span as span
from bot.rules.measures import when as when
from bot.rules.plain_text import drop_unseen, one_line

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at most.")]

PIPED_WIDTH = 140  # characters of a table that no terminal bounds

_GLYPHS = {"ok": "green", "warning": "yellow", "wrong": "red"}


def say(text: str | Text, *, style: str = "") -> None:
    """A sentence; the terminal wraps it, so that what is copied from it is whole."""
    _console().print(Text(drop_unseen(text)) if isinstance(text, str) else text, style=style, soft_wrap=True)


def hint(text: str) -> None:
    """What to do next."""
    say(text, style="dim")


def bare(text: str) -> None:
    """A line for machines as much as for people: a secret that scripts cut off the end."""
    sys.stdout.write(f"{text}\n")


def as_json(value: Any) -> None:
    """Times in UTC ("…Z"), ids as numbers, field names that stay."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def listing(values: Sequence[Any], table: Callable[[], Table], *, json: bool, none: str, limit: int = 0) -> None:
    """A list of records; ``none``: what to say, and to do, when it is empty."""
    if json:
        as_json(values)
    elif not values:
        say(none)
    else:
        _console().print(table())
        if len(values) == limit:
            hint(f"The first {limit}; --limit shows more.")


def show(made: Table) -> None:
    _console().print(made)


def table(*columns: str, wide: Sequence[str] = (), least: Mapping[str, int] = MappingProxyType({})) -> Table:
    """``wide`` columns share what room there is and wrap; the others stay whole.  ``least``: characters of one."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(
            name,
            no_wrap=name not in wide,
            overflow="fold",
            ratio=1 if name in wide else None,
            min_width=least.get(name),
            justify="right" if name == "ID" else "left",
        )
    return made


def add_row(made: Table, *cells: str | int | Text) -> None:
    made.add_row(*(cell if isinstance(cell, Text) else Text(one_line(str(cell))) for cell in cells))


def graded(word: str, grade: str) -> Text:
    """A word in the colour of "ok", "warning" or "wrong"."""
    return Text(one_line(word), _GLYPHS[grade])


def shortened(text: str, characters: int) -> str:
    """On one line and not longer; the middle goes, for both ends of an address tell something."""
    text = one_line(text)
    if len(text) <= characters:
        return text
    head = (characters - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - characters :]}"


def place(address: str, characters: int) -> str:
    """A web address without what all of them have, shortened."""
    return shortened(address.removeprefix("https://").removeprefix("http://"), characters)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Something turns while others take their time."""
    with _console(stderr=True).status(Text(text)):
        yield


@contextmanager
def progress(text: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar; the function that it gives is called with (done, of all); None: nobody knows how many."""
    console = _console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _console(*, stderr: bool = False) -> Console:
    """Colours and width as the terminal and NO_COLOR, COLUMNS have it."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)
