"""The platform's rate limits, kept on our side so that they are hardly ever met on theirs (feishu.md 4)."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from adapters.base import ChannelThrottled, Throttled

LONGEST_WAIT: Final = 2.0  # seconds that a message may wait here; then its place is better given to another
MAX_TARGETS: Final = 10_000

Sleep = Callable[[float], Awaitable[None]]


class Window:
    """At most ``limit`` in any ``seconds``: exact, unlike a bucket, which lets through twice its size at first."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=limit)

    def free_at(self, now: float) -> float:
        """When the next one may go."""
        return max(now, self._times[0] + self._seconds) if len(self._times) == self._times.maxlen else now

    def take(self, at: float) -> None:
        """One goes at ``at``, which is not before any that was taken."""
        self._times.append(at)


class Limits:
    """Windows of the whole app, and of each chat or custom bot.  The seconds are a little longer than the platform's,
    which counts when messages arrive, not when they leave."""

    def __init__(
        self,
        app: Sequence[tuple[int, float]],
        target: Sequence[tuple[int, float]],
        *,
        monotonic: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Each limit is (how many, in how many seconds)."""
        self._app = [Window(*limit) for limit in app]
        self._limits = target
        self._targets: OrderedDict[str, list[Window]] = OrderedDict()
        self._monotonic, self._sleep = monotonic, sleep

    async def turn(self, target: str) -> None:
        """Wait until a message may go there.  Raises Throttled, ChannelThrottled when that takes too long."""
        await self._wait(self._of(target), Throttled, "as many messages as this chat may get are on their way")
        await self._wait(self._app, ChannelThrottled, "as many messages as the app may send are on their way")

    async def _wait(self, windows: Sequence[Window], throttled: type[Throttled], reason: str) -> None:
        now = self._monotonic()
        at = max([now, *(window.free_at(now) for window in windows)])
        if at - now > LONGEST_WAIT:
            raise throttled(reason, code="own_limit", after=timedelta(seconds=at - now))
        for window in windows:
            window.take(at)
        if at > now:
            await self._sleep(at - now)

    def _of(self, target: str) -> list[Window]:
        windows = self._targets.get(target)
        if windows is None:
            windows = self._targets[target] = [Window(*limit) for limit in self._limits]
            if len(self._targets) > MAX_TARGETS:
                self._targets.popitem(last=False)
        self._targets.move_to_end(target)
        return windows
