"""The command line as tests use it: in this process, or as a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from bot.cli import main

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What stderr says, without the box and the line breaks around it."""
        return " ".join(self.err.replace("│", " ").split())

    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """``shell("feeds", "--json")``.  Exit code 0 is expected unless ``code`` says otherwise; never a traceback."""

    def __call__(self, *arguments: object, code: int = 0) -> Ran:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(one) for one in arguments])
                ended = 0
            except SystemExit as left:
                ended = left.code if isinstance(left.code, int) else 1
        return _checked(Ran(ended, out.getvalue(), err.getvalue()), code)

    async def beside(self, *arguments: object, code: int = 0) -> Ran:
        """As a call, while fakes of this test go on in its event loop."""
        return await asyncio.to_thread(self, *arguments, code=code)

    async def apart(self, settings: Mapping[str, str], *arguments: object, code: int = 0) -> Ran:
        """As a process of its own, in which only these settings count."""
        return await asyncio.to_thread(_apart, settings, arguments, code)


def _apart(settings: Mapping[str, str], arguments: tuple[object, ...], code: int) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-m", "bot", *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "100", **settings},
        cwd=settings["DATA_DIR"],
        capture_output=True,
        text=True,
        timeout=150,
    )
    return _checked(Ran(ran.returncode, ran.stdout, ran.stderr), code)


def _checked(ran: Ran, code: int) -> Ran:
    assert ran.code == code, ran
    assert "Traceback" not in ran.out + ran.err, ran
    return ran
