"""The two messages of the long connection in protobuf's wire form, written by hand (feishu.md 18).

Twenty lines each way do for one message in another; a library would bring its own compiler and runtime.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CONTROL: Final = 0
DATA: Final = 1

_MAX_HEADERS: Final = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message.  ``headers`` in their order."""

    seq_id: int = 0
    log_id: int = 0
    service: int = 0
    method: int = CONTROL
    headers: tuple[tuple[str, str], ...] = ()
    payload_encoding: str = ""
    payload_type: str = ""
    payload: bytes = b""
    log_id_new: str = ""

    def header(self, key: str) -> str:
        """Its first value; empty when there is none."""
        return next((value for name, value in self.headers if name == key), "")


def encode(frame: Frame) -> bytes:
    """Empty fields are left out, but for the four that are required."""
    numbers = (frame.seq_id, frame.log_id, frame.service, frame.method)
    out = b"".join(_varint(number << 3 | _VARINT) + _varint(value) for number, value in enumerate(numbers, 1))
    for key, value in frame.headers:
        out += _field(5, _field(1, key.encode()) + _field(2, value.encode()))
    texts = ((6, frame.payload_encoding.encode()), (7, frame.payload_type.encode()), (8, frame.payload))
    for number, content in (*texts, (9, frame.log_id_new.encode())):
        if content:
            out += _field(number, content)
    return out


def decode(raw: bytes) -> Frame:
    """Unknown fields are passed over.  Raises ValueError."""
    numbers, texts = dict.fromkeys((1, 2, 3, 4), 0), dict.fromkeys((6, 7, 8, 9), b"")
    headers: list[tuple[str, str]] = []
    for number, value in _fields(raw):
        if number in numbers and isinstance(value, int):
            numbers[number] = value
        elif number == 5 and isinstance(value, bytes) and len(headers) < _MAX_HEADERS:
            headers.append(_header(value))
        elif number in texts and isinstance(value, bytes):
            texts[number] = value
    return Frame(
        seq_id=numbers[1],
        log_id=numbers[2],
        service=_int32(numbers[3]),
        method=_int32(numbers[4]),
        headers=tuple(headers),
        payload_encoding=texts[6].decode(),
        payload_type=texts[7].decode(),
        payload=texts[8],
        log_id_new=texts[9].decode(),
    )


def _header(raw: bytes) -> tuple[str, str]:
    found = {1: b"", 2: b""}
    for number, value in _fields(raw):
        if number in found and isinstance(value, bytes):
            found[number] = value
    return found[1].decode(), found[2].decode()


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value.  Raises ValueError."""
    at = 0
    while at < len(raw):
        tag, at = _read_varint(raw, at)
        kind, number = tag & 7, tag >> 3
        if kind == _VARINT:
            value, at = _read_varint(raw, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(raw, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("a field of an unknown kind")
        if at + size > len(raw):
            raise ValueError("a field goes beyond the end")
        yield number, raw[at : at + size]
        at += size


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Negative numbers as if they had 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            raise ValueError("a number goes beyond the end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError("a number of more than 64 bits")


def _int32(value: int) -> int:
    value &= (1 << 32) - 1
    return value - (1 << 32) if value >> 31 else value
