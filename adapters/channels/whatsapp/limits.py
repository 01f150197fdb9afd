"""How fast we send, so that the platform need not refuse: by number and by person (whatsapp.md 12).

Kept in memory: what a restart forgets, the platform tells again.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

NUMBER_RATE: Final = 20.0  # messages per second: what numbers shared with the phone app get; others get 80
NUMBER_BURST: Final = 20.0
PAIR_RATE: Final = 1 / 6  # to one person
PAIR_BURST: Final = 10.0  # 45 are taken and have to be paid back
MAX_PAIRS: Final = 10_000

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V], Generic[K, V]):
    """The most recently used entries, up to a number."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)


@dataclass(slots=True)
class Bucket:
    """Fills with ``rate`` tokens per second up to ``burst``; may owe tokens, which those who took them wait for."""

    rate: float
    burst: float
    tokens: float
    at: float  # on the monotonic clock

    def wait(self, now: float) -> float:
        """Seconds until a token is there."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (1 - self.tokens) / self.rate)

    def take(self) -> None:
        self.tokens -= 1

    def empty(self) -> None:
        """The platform counted differently."""
        self.tokens = min(self.tokens, 0.0)


@dataclass(slots=True)
class Pair:
    """What is remembered of one person."""

    bucket: Bucket
    spelling: str = ""  # of the number, the one that worked
    row: dict[int, int] = field(default_factory=dict)  # how often each code came, since something went well


class Limits:
    """The buckets of one number."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._number = Bucket(NUMBER_RATE, NUMBER_BURST, NUMBER_BURST, clock())
        self._pairs: Recent[str, Pair] = Recent(MAX_PAIRS)
        self.row: dict[int, int] = {}  # as Pair.row, of the whole number

    def pair(self, address: str) -> Pair:
        if (pair := self._pairs.get(address)) is None:
            pair = Pair(Bucket(PAIR_RATE, PAIR_BURST, PAIR_BURST, self._clock()))
        self._pairs[address] = pair
        return pair

    def waits(self, pair: Pair) -> tuple[float, float]:
        """Seconds until the number and until the pair may send."""
        now = self._clock()
        return self._number.wait(now), pair.bucket.wait(now)

    def take(self, pair: Pair) -> None:
        self._number.take()
        pair.bucket.take()

    def refused(self, pair: Pair, code: int, *, everybody: bool) -> int:
        """The platform wants us slower.  How often it said so in a row before."""
        (self._number if everybody else pair.bucket).empty()
        row = self.row if everybody else pair.row
        row[code] = row.get(code, 0) + 1
        return row[code] - 1

    def went_well(self, pair: Pair) -> None:
        pair.row.clear()
        self.row.clear()
