"""``postbell demo``: posts flow from a feed to a signed webhook, with no account anywhere.

Three actors, each on a real socket: a publisher and a receiver (the tests' fakes, in this process), and between them
``postbell serve`` itself, a process of its own on a database that is thrown away.  Now and then the receiver fails
on purpose.  The end is a verdict, so the demo is a smoke test too.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from pydantic_settings import PydanticBaseSettingsSource
from rich.console import Console

from adapters.base import Found
from adapters.signatures import new_secret
from bot import app
from bot.clock import utc_now
from bot.errors import UserError
from bot.cli.demo_ledger import Ledger, Request
from bot.cli.demo_screen import Scene, make_view, summary
from bot.rules.vault import Vault
from bot.settings import Settings
from bot.usecases import accounts, deliveries, destinations, subscriptions
from storage.database import Database, StorageError, Work

if TYPE_CHECKING:
    from tests.fakes.publisher import Publisher
    from tests.fakes.receiver import Received, Receiver

ROOT: Final = Path(app.__file__).parents[1]

PUBLISH_EVERY: Final = 3.0  # seconds
FAIL_AT: Final = (2, 8)  # the receiver fails while the second post comes, and then while each eighth after it does
FAIL_SECONDS: Final = 2.5  # shorter than what five failures in a row take, which would open the breaker for 30 s
QUIET_SECONDS: Final = 2.0  # at the end of a run of known length
START_SECONDS: Final = 30.0
GRACE_SECONDS: Final = 20.0  # what is under way when publishing ends has so long to arrive
LOOK_SECONDS: Final = 0.1

SETTINGS: Final = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "METRICS_PORT": "0",
    "POLL_SECONDS": "1",
    "EGRESS_ALLOW": "127.0.0.1/32",
    "RETRY_WEBHOOK": "2s,3s,5s,8s",
    "LOG_FORMAT": "json",
}
"""All that the demo's gateway is told, besides its folder: nothing of the user's environment or ``.env``."""


def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="End after so long; otherwise Ctrl-C does it.")] = None,
) -> None:
    """See posts flow from a feed to a signed webhook, with no account anywhere."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # titles are in many scripts
    with TemporaryDirectory(prefix="postbell-demo-") as folder:
        flawless = asyncio.run(_play(Path(folder), seconds))
    raise typer.Exit(0 if flawless else 1)


async def _play(folder: Path, seconds: float | None) -> bool:
    """The whole demo; True: nothing was lost, repeated or wrongly signed."""
    _find_fakes()
    from tests.fakes.publisher import Publisher
    from tests.fakes.receiver import Receiver

    stop, console, ledger = asyncio.Event(), Console(), Ledger()
    secret = new_secret()
    heard: list[Received] = []
    with _signals(stop):
        async with Publisher() as publisher, Receiver(secret, seen=lambda one: stage.seen(one)) as receiver:
            ...
