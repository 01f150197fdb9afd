"""Bodies packed in every way seen in the wild, whole, in pieces, broken and explosive (feeds.md 3.1)."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.inflate import Inflater, TooLarge

PLAIN = b'<?xml version="1.0"?>' + b"<item>news</item>" * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def unpack(encoding: str, wire: bytes, *, step: int = 1 << 16, limit: int = 1 << 20) -> tuple[bytes, bool]:
    inflater = Inflater(encoding, limit)
    plain = b"".join(inflater.feed(wire[i : i + step]) for i in range(0, len(wire), step))
    return plain + inflater.finish(), inflater.broken


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 16])
@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        ("", PLAIN),
        ("identity", PLAIN),
        ("gzip", gzip.compress(PLAIN, mtime=0)),
        ("x-gzip", gzip.compress(PLAIN, mtime=0)),
        ("", gzip.compress(PLAIN, mtime=0)),
        ("gzip", PLAIN),
        ("deflate", PLAIN),
        ("deflate", gzip.compress(PLAIN, mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
        ("Deflate", raw_deflate(PLAIN)),
        ("gzip", gzip.compress(PLAIN[:100], mtime=0) + gzip.compress(PLAIN[100:], mtime=0)),
        (
            "gzip",
            gzip.compress(PLAIN[:100], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(PLAIN[100:], mtime=0),
        ),
        ("gzip", gzip.compress(PLAIN, mtime=0) + b"\0" * 100),
        ("gzip", gzip.compress(PLAIN, mtime=0) + b"\x1f"),
        ("utf-8", PLAIN),
    ],
)
def test_what_is_packed_in_any_known_way_is_unpacked(encoding: str, wire: bytes, step: int) -> None:
    assert unpack(encoding, wire, step=step) == (PLAIN, False)


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
@pytest.mark.parametrize("body", [b"", b"{", b"<a/>", b"\x1f"])
def test_bodies_too_short_to_tell_are_taken_as_they_are(encoding: str, body: bytes) -> None:
    assert unpack(encoding, body) == (body, False)


NOISE = b"".join(zlib.crc32(bytes([i, j])).to_bytes(4, "big") for i in range(50) for j in range(50))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
def test_a_packed_body_that_breaks_off_gives_what_came_and_says_so(pack: Callable[[bytes], bytes]) -> None:
    plain, broken = unpack("deflate", pack(NOISE)[:-3000])
    assert broken
    assert len(plain) > 1000
    assert NOISE.startswith(plain)


def test_a_packed_body_that_is_damaged_gives_what_came_before_and_says_so() -> None:
    wire = bytearray(gzip.compress(NOISE, mtime=0))
    wire[-5] ^= 255
    plain, broken = unpack("gzip", bytes(wire), step=100)
    assert broken
    assert len(plain) > 1000
    assert NOISE.startswith(plain)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate, bytes])
def test_the_limit_is_exact(pack: Callable[[bytes], bytes]) -> None:
    assert unpack("deflate", pack(PLAIN), limit=len(PLAIN)) == (PLAIN, False)
    with pytest.raises(TooLarge):
        unpack("deflate", pack(PLAIN), limit=len(PLAIN) - 1)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
def test_a_bomb_is_stopped_at_its_first_piece(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(200_000_000))
    inflater = Inflater("deflate", 10 << 20)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        inflater.feed(bomb[:65536])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_a_stream_of_a_thousand_parts_is_refused() -> None:
    with pytest.raises(TooLarge):
        unpack("gzip", gzip.compress(b"x", mtime=0) * 1000)


@given(body=st.binary(max_size=300), encoding=st.sampled_from(["", "gzip", "deflate"]), step=st.integers(1, 100))
def test_no_bytes_make_it_fail(body: bytes, encoding: str, step: int) -> None:
    plain, _ = unpack(encoding, body, step=step)
    assert len(plain) <= 1 << 20


@given(body=st.binary(max_size=3000), parts=st.integers(1, 4), step=st.integers(1, 500))
def test_gzip_of_anything_comes_back(body: bytes, parts: int, step: int) -> None:
    assert unpack("gzip", gzip.compress(body, mtime=0) * parts, step=step) == (body * parts, False)
