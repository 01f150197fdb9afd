"""The long connection's frames against the vectors of feishu.md 18, and against anything at all."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.feishu.frames import CONTROL, DATA, Frame, decode, encode
from adapters.channels.feishu.parts import KEEP_SECONDS, MAX_BYTES, MAX_UNFINISHED, Parts

PING = "08001000184d20002a0c0a0474797065120470696e67"
EVENT = (
    "08011002184d20012a0d0a047479706512056576656e742a100a0a6d6573736167655f696412026d312a080a0373756d1201312a080a0373"
    "657112013042027b7d"
)
EVENT_HEADERS = (("type", "event"), ("message_id", "m1"), ("sum", "1"), ("seq", "0"))


@pytest.mark.parametrize(
    ("frame", "vector"),
    [
        (Frame(service=77, method=CONTROL, headers=(("type", "ping"),)), PING),
        (Frame(seq_id=1, log_id=2, service=77, method=DATA, headers=EVENT_HEADERS, payload=b"{}"), EVENT),
    ],
)
def test_the_vectors(frame: Frame, vector: str) -> None:
    assert encode(frame).hex() == vector
    assert decode(bytes.fromhex(vector)) == frame


numbers = st.integers(0, 2**64 - 1)
smaller = st.integers(-(2**31), 2**31 - 1)


@given(
    st.builds(
        Frame,
        seq_id=numbers,
        log_id=numbers,
        service=smaller,
        method=smaller,
        headers=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=9).map(tuple),
        payload_encoding=st.text(max_size=9),
        payload_type=st.text(max_size=9),
        payload=st.binary(max_size=300),
        log_id_new=st.text(max_size=9),
    )
)
def test_what_was_encoded_is_decoded_again(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(raw: bytes) -> None:
    with suppress(ValueError):
        decode(raw)


@pytest.mark.parametrize("raw", ["08", "42ff01", "ff" * 11, "4205", "0b", "2a020a05"])
def test_broken_frames_are_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(bytes.fromhex(raw))


def test_unknown_fields_are_passed_over() -> None:
    extra = bytes.fromhex("50 01" + "59 0102030405060708" + "65 01020304" + "6a 02 6869")
    assert decode(bytes.fromhex(PING) + extra) == decode(bytes.fromhex(PING))


def test_headers_beyond_a_bound_are_left_out() -> None:
    frame = Frame(headers=tuple((str(number), "") for number in range(100)))
    assert len(decode(encode(frame)).headers) == 64


def part(number: int, total: int, payload: bytes, key: str = "m1") -> Frame:
    return Frame(method=DATA, headers=(("message_id", key), ("sum", str(total)), ("seq", str(number))), payload=payload)


def test_parts_are_put_together_in_their_order_however_they_come() -> None:
    parts = Parts()
    assert parts.whole(part(2, 3, b"c"), 0) is None
    assert parts.whole(part(0, 2, b"x", "other"), 0) is None
    assert parts.whole(part(0, 3, b"a"), 0) is None
    assert parts.whole(part(0, 3, b"a"), 0) is None  # again
    assert parts.whole(part(1, 3, b"b"), 0) == b"abc"
    assert parts.whole(part(0, 1, b"alone"), 0) == b"alone"


def test_parts_that_stay_alone_are_forgotten() -> None:
    parts = Parts()
    parts.whole(part(0, 2, b"a"), 0)
    assert parts.whole(part(1, 2, b"b"), KEEP_SECONDS) is None


def test_parts_are_bounded_in_number_and_size() -> None:
    parts = Parts()
    assert parts.whole(part(0, 1_000_000, b"a"), 0) is None
    assert parts.whole(part(5, 2, b"a"), 0) is None
    for number in range(MAX_UNFINISHED + 1):
        parts.whole(part(0, 2, b"a", f"k{number}"), 0)
    assert parts.whole(part(1, 2, b"b", "k0"), 0) is None  # made room
    assert parts.whole(part(1, 2, b"b", f"k{MAX_UNFINISHED}"), 0) == b"ab"
    parts.whole(part(0, 2, bytes(MAX_BYTES), "big"), 0)
    assert parts.whole(part(1, 2, b"b", "big"), 0) is None
