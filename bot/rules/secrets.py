"""A destination's signing secrets: the newest signs first, older ones go on for a while (reliability page, 6.1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

OVERLAP = timedelta(hours=24)
OLD_ONES = 2


class Secret(msgspec.Struct, frozen=True, omit_defaults=True):
    """``whsec_…`` text, and until when an old one still signs."""

    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """The secrets of one destination, newest first."""

    secrets: tuple[Secret, ...] = ()

    def rotated(self, text: str, now: datetime) -> "Ring":
        """With a new secret in front; the former ones end after the overlap."""
        old = [Secret(one.text, one.until or now + OVERLAP) for one in self.active(now)]
        return Ring((Secret(text), *old[:OLD_ONES]))

    def active(self, now: datetime) -> tuple[Secret, ...]:
        return tuple(one for one in self.secrets if one.until is None or one.until > now)

    def pack(self) -> bytes:
        return msgspec.json.encode(self.secrets)

    @staticmethod
    def unpack(packed: bytes) -> "Ring":
        return Ring(msgspec.json.decode(packed, type=tuple[Secret, ...]))
