"""What comes of a request, whichever client made it: an answer, or one of two errors that say whether it had left."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from adapters.http.egress import DENIED

MAX_ANSWER: Final = 64 * 1024  # bytes of an answer that are read (reliability 3.1)

REASONS: Final[Mapping[str, str]] = {
    "bad_answer": "what came back is not HTTP",
    "connect_timeout": "no connection in time",
    "connection_lost": "the connection was lost before an answer came",
    "dns": "the name of the host was not found",
    "egress": DENIED,
    "timeout": "no answer in time",
    "tls": "no secure connection came about",
}
"""For people, where there is nothing more to say than the code does."""


class Answer(Struct, frozen=True, gc=False):
    """What came back.  Names in ``headers`` match in any case; ``body`` ends after 64 KiB or where it broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """Nothing of the request left.  ``code``: "dns", "connect", "connect_timeout", "tls" or "egress"."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(reason or REASONS[code])
        self.code = code


class NoAnswer(Exception):
    """The request may have arrived.  ``code``: "timeout", "connection_lost" or "bad_answer"."""

    kept = False  # the connection had served others before, and may have been closed while this was on its way

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(reason or REASONS[code])
        self.code = code


class Headers(Mapping[str, str]):
    """Header fields as they came, decoded when somebody looks: of most answers only the status is.

    Names match in any case; of several fields with one name the first counts.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        wanted = name.lower().encode()
        for field, value in self._fields:
            if field.lower() == wanted:
                return _text(value)
        raise KeyError(name)

    def getall(self, name: str, otherwise: Sequence[str] = ()) -> Sequence[str]:
        """All fields of that name, for those that may be given several times."""
        wanted = name.lower().encode()
        return [_text(value) for field, value in self._fields if field.lower() == wanted] or otherwise

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower().decode("latin-1") for name, _ in self._fields))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _text(value: bytes) -> str:
    """So that it would be sent back as it came."""
    return value.decode("utf-8", "surrogateescape").rstrip(" \t")
