"""Events that come in several frames, put together within bounds."""

from typing import Final

from adapters.channels.feishu.frames import Frame

KEEP_SECONDS: Final = 5.0  # as the vendor's clients do (feishu.md 18)
MAX_BYTES: Final = 4 * 1024 * 1024
MAX_PARTS: Final = 1024
MAX_UNFINISHED: Final = 64


class Parts:
    """What has come of events that are not complete."""

    def __init__(self) -> None:
        self._unfinished: dict[str, tuple[float, dict[int, bytes]]] = {}  # message id → (until, number → part)

    def whole(self, frame: Frame, now: float) -> bytes | None:
        """The event that this frame completes; None while parts are missing.  ``now``: monotonic."""
        total, number = _number(frame.header("sum"), 1), _number(frame.header("seq"), 0)
        if total <= 1:
            return frame.payload
        if total > MAX_PARTS or number >= total:
            return None
        self._forget(now)
        key = frame.header("message_id")
        _, parts = self._unfinished.get(key, (0.0, {}))
        parts[number] = frame.payload
        if sum(map(len, parts.values())) > MAX_BYTES:
            self._unfinished.pop(key, None)
            return None
        if len(parts) < total:
            self._unfinished[key] = (now + KEEP_SECONDS, parts)
            return None
        self._unfinished.pop(key, None)
        return b"".join(parts[index] for index in range(total))

    def _forget(self, now: float) -> None:
        for key in [key for key, (until, _) in self._unfinished.items() if until <= now]:
            del self._unfinished[key]
        while len(self._unfinished) >= MAX_UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
