"""What the official-account history API speaks of, decided without I/O (sources-wechat.md A1 to A5)."""

from dataclasses import dataclass, field

SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True)
class App:
    """The app as which we are called, and who may call."""

    sdkappid: int
    key: str = field(repr=False)  # what callers sign with, as it stands
    admins: frozenset[str]
