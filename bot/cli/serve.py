"""``postbell serve``: run the gateway until it is told to stop."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Collection
from typing import Annotated

import typer
import uvloop

from bot import app, logs
from bot.rules import tokens
from bot.settings import BadSetting, Settings, load
from bot.usecases.console import invitations
from storage.database import StorageError

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter when another wants it.  At Python's 5 ms a transaction, which lets go
of it with each statement, would wait those 5 ms again and again while the event loop is busy."""


def serve(
    roles: Annotated[str, typer.Option(help="Which parts of the work this process does.")] = ",".join(app.ROLES),
    hold: Annotated[bool, typer.Option("--hold", help="Send nothing until `postbell outbox release`.")] = False,
    port: Annotated[int | None, typer.Option(help="Listen here instead of PORT.")] = None,
) -> None:
    """Run the gateway; Ctrl-C or SIGTERM stops it gracefully, a second one at once."""
    settings = load(**({} if port is None else {"port": port}))
    logs.configure(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(_until_stopped(settings, _chosen(roles, settings), hold))


def _chosen(text: str, settings: Settings) -> Collection[str]:
    roles = {role.strip() for role in text.split(",")}
    if unknown := roles - set(app.ROLES):
        raise BadSetting(f"--roles: expected some of {','.join(app.ROLES)}, not {', '.join(sorted(unknown))}")
    if settings.on_sqlite and roles != set(app.ROLES):
        raise BadSetting("--roles: several processes need PostgreSQL (DATABASE_URL); on SQLite one does all the work")
    return roles


async def _until_stopped(settings: Settings, roles: Collection[str], hold: bool) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, told, settings.stop_seconds)
    async with app.run(settings, roles, hold=hold) as gateway:
        if "web" in roles and settings.console == "on":
            await _say_first_run(gateway)
        await told.wait()


async def _say_first_run(gateway: app.Gateway) -> None:
    """While no operator can sign in to the console: the link that makes one, on the terminal and never in the log."""
    token = tokens.new()
    try:
        if not await gateway.database.write(invitations.first, token):
            return
    except StorageError:  # the next start prints one
        return
    base = gateway.settings.worker_public_base_url or f"http://{gateway.settings.host}:{gateway.port}"
    print(
        f"\nThe console has no operator yet.  This link makes one, works once, and holds for a day:\n\n"
        f"    {base}/console/invitations/{token}\n",
        flush=True,
    )


def _stop(told: asyncio.Event, seconds: float) -> None:
    if told.is_set():  # the second signal: leaving at once loses nothing
        os._exit(1)
    told.set()
    last_resort = threading.Timer(seconds, os._exit, [1])  # whatever hangs then, even the event loop
    last_resort.daemon = True
    last_resort.start()
