"""Keeps channels listening that hold a connection to their platform open instead of being called."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from adapters.base import Channel
from adapters.inbound import Listening, Receive
from bot.clock import monotonic

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before a channel that fell over listens again
STEADY = 60.0  # seconds after which one counts as standing

log = structlog.get_logger("listeners")


class Listeners:
    """A task for each listening channel, from ``start`` to ``stop``."""

    def __init__(self, channels: Mapping[str, Channel], receive: Callable[[str], Receive]) -> None:
        """``receive``: by a channel's name, what stores its events."""
        self._channels = {name: one for name, one in channels.items() if isinstance(one, Listening)}
        self._receive = receive
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(name, one)) for name, one in self._channels.items()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    async def _keep(self, name: str, channel: Listening) -> None:
        """Connecting again is the channel's own; this is for what it did not foresee.  One that returns is set up
        to be called instead."""
        wait = FIRST_WAIT
        while True:
            began = monotonic()
            try:
                await channel.listen(self._receive(name))
            except Exception:
                wait = FIRST_WAIT if monotonic() - began > STEADY else min(2 * wait, LONGEST_WAIT)
                log.exception("a channel listens no more; it is tried again", channel=name, seconds=wait)
                await asyncio.sleep(wait)
            else:
                return
