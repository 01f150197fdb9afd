"""``postbell doctor``: what is missing or wrong in the set-up, and how to mend it."""

import asyncio

import typer
from rich.text import Text

from bot import doctor as examining
from bot import logs, parts
from bot.cli import output
from bot.doctor import machine
from bot.rules.findings import Finding
from bot.rules.plain_text import one_line
from bot.settings import BadSetting, load


def doctor(json: output.Json = False) -> None:
    """Look at the set-up and say what is missing or wrong, and how to mend it.  Exit code 1: something is wrong."""
    found = asyncio.run(_all())
    if json:
        output.as_json(found)
    else:
        for one in found:
            _show(one)
    raise typer.Exit(1 if any(one.grade == "wrong" for one in found) else 0)


def _show(one: Finding) -> None:
    word = output.graded(one.grade, one.grade)
    word.pad_right(len("warning  ") - len(word))
    output.say(Text.assemble(word, f"{one.what}: {one_line(one.text)}"))
    if one.mend:
        output.hint(f"         → {one.mend}")


async def _all() -> list[Finding]:
    try:
        settings = load()
        parts.make_outbound(settings)
        parts.make_official(settings)
    except BadSetting as error:
        wrong = Finding("settings", "wrong", str(error), "put it right in the environment or .env")
        return [*machine.without_settings(), wrong]
    logs.configure("error", settings.log_format)
    return [one async for one in examining.examine(settings)]
