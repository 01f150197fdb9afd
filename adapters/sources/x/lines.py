"""Cuts what comes over a stream into lines, wherever its pieces were cut (sources-x.md 7.3)."""

from typing import Final

LONGEST: Final = 1024 * 1024


class Lines:
    """Bytes in, whole lines out: a character may be split between two pieces, so nothing is decoded here."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False  # a line that is too long, until its end

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that end in ``piece``, without those that only say that the other side lives."""
        self._rest += piece
        *lines, rest = bytes(self._rest).split(b"\n")
        if lines and self._skipping:
            lines, self._skipping = lines[1:], False
        if len(rest) > LONGEST:
            rest, self._skipping = b"", True
        self._rest = bytearray(b"" if self._skipping else rest)
        return [line for line in lines if line.strip() and len(line) <= LONGEST]
