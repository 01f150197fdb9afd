"""Undoing compression piece by piece and never past a limit: a small body can be made to explode (feeds.md 3.1)."""

import zlib

GZIP_MAGIC = b"\x1f\x8b"
MAX_MEMBERS = 100  # parts of one gzip stream: 20 bytes are enough for one, and each costs a new decoder
ENOUGH_TO_TELL = 256  # bytes; at worst they unpack to a quarter of a megabyte

_GZIP, _ZLIB, _RAW = 31, 15, -15  # window bits: how zlib is told the container


class TooLarge(Exception):
    """More came out than was allowed."""


class Inflater:
    """Turns the pieces of a body into its plain bytes, going by the bytes more than by their label.

    Servers send gzip without saying so, say gzip over plain bytes, and mean either of two things by "deflate".
    """

    def __init__(self, encoding: str, limit: int) -> None:
        """``encoding``: the Content-Encoding header; ``limit``: bytes that may come out in all."""
        self.broken = False  # the compressed stream has an error or no end: the rest of it is missing
        self._deflate = "deflate" in encoding.lower()
        self._left = limit
        self._held = b""  # too short to tell what it is
        self._told = False
        self._decoder: zlib._Decompress | None = None  # None: plain bytes
        self._members = 1
        self._over = False  # nothing that still comes belongs to the body

    def feed(self, piece: bytes) -> bytes:
        """The plain bytes of the next piece.  Raises TooLarge."""
        if self._over:
            return b""
        if not self._told:
            self._held += piece
            return self._open() if len(self._held) >= ENOUGH_TO_TELL else b""
        return self._plain(piece)

    def finish(self) -> bytes:
        """What was held back; after this ``broken`` is known.  Raises TooLarge."""
        rest = b"" if self._told else self._open(whole=True)
        if self._decoder is not None and not self._decoder.eof:
            self.broken = True
        return rest

    def _open(self, *, whole: bool = False) -> bytes:
        self._told = True
        if self._held.startswith(GZIP_MAGIC):
            self._decoder = zlib.decompressobj(_GZIP)
        elif self._deflate and (container := _deflated_as(self._held, whole)):
            self._decoder = zlib.decompressobj(container)
        piece, self._held = self._held, b""
        return self._plain(piece)

    def _plain(self, piece: bytes) -> bytes:
        plain = piece if self._decoder is None else self._inflate(self._decoder, piece)
        self._left -= len(plain)
        if self._left < 0:
            raise TooLarge
        return plain

    def _inflate(self, decoder: "zlib._Decompress", piece: bytes) -> bytes:
        """At most one byte more than is left: enough to know, and a bomb goes no further."""
        plain = b""
        while piece and len(plain) <= self._left:
            if decoder.eof:
                piece, self._held = self._held + piece, b""
                if len(piece) < len(GZIP_MAGIC):
                    self._held = piece
                    break
                if not piece.startswith(GZIP_MAGIC):  # padding
                    self._over = True
                    break
                decoder = self._decoder = self._next_member()
            try:
                plain += decoder.decompress(piece, self._left - len(plain) + 1)
            except zlib.error:
                self.broken = self._over = True
                break
            piece = decoder.unused_data
        return plain

    def _next_member(self) -> "zlib._Decompress":
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise TooLarge
        return zlib.decompressobj(_GZIP)


def _deflated_as(head: bytes, whole: bool) -> int | None:
    """The container in which the bytes make sense so far, and to the end if they are the whole body."""
    for container in (_ZLIB, _RAW):
        trial = zlib.decompressobj(container)
        try:
            trial.decompress(head[:ENOUGH_TO_TELL])
        except zlib.error:
            continue
        if trial.eof or not whole:
            return container
    return None
