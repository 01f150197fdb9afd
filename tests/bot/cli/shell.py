"""The command line as tests use it: in this process, or as a process of its own."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

from bot.cli import main
from tests.crash import nursery


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
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(nursery.ROOT), "COLUMNS": "100", **settings}
        child = await nursery.born("bot", [*map(str, arguments)], environment, settings["DATA_DIR"])
        try:
            async with asyncio.timeout(150):
                out, err = await asyncio.gather(child.stdout.read(), child.stderr.read())
                return _checked(Ran(await child.wait(), out.decode(), err.decode()), code)
        finally:
            if child.returncode is None:
                child.send_signal(signal.SIGKILL)
                await child.wait()


def _checked(ran: Ran, code: int) -> Ran:
    assert ran.code == code, ran
    assert "Traceback" not in ran.out + ran.err, ran
    return ran
