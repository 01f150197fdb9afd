"""What the platform answers to a pull, as values: tolerant of spellings and of nonsense (sources-wechat.md A4.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NORMAL: Final = 0
HOLLOW: Final = 1  # expired, failed to store or deleted
RECALLED: Final = 2

MOST_MESSAGES: Final = 1_000  # of one reply that are looked at
MAX_SEQ: Final = 2**53
LATEST: Final = 253_402_300_799  # Unix seconds: the last that a date can be

_KEY = re.compile(r"([0-9]{1,16})_[0-9]{1,10}_([0-9]{1,12})", re.ASCII)
_PLAIN = re.compile(r"[!#-\[\]-~]{1,64}", re.ASCII)  # documented are 50 characters; it is kept in cursors
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an official account."""

    seq: int  # order within the account; starts anew when the account is made anew
    key: str  # "71_1_1698741698"
    time: int  # Unix seconds by the server's clock
    place: int = NORMAL
    body: Any = None  # MsgBody as it came


@dataclass(frozen=True, slots=True)
class Reply:
    """What was pulled, in the order in which it came."""

    messages: tuple[Message, ...]
    finished: int  # IsFinished: 1 all that was asked for, 0 it did not fit, 2 what lies before has expired
    at: int  # Unix seconds by the server's clock, when it answered


def read(document: Mapping[str, Any], at: int) -> Reply:
    """A reply without an error; what cannot be a message is left out."""
    listed = document.get("RspMsgList")
    rows = listed[:MOST_MESSAGES] if isinstance(listed, list) else []
    messages = (_message(row) for row in rows if isinstance(row, dict))
    return Reply(tuple(one for one in messages if one), number(document.get("IsFinished"), 1), at)


def _message(row: Mapping[str, Any]) -> Message | None:
    written = row.get("MsgKey")
    key = written if isinstance(written, str) and _PLAIN.fullmatch(written) else ""
    match = _KEY.fullmatch(key)
    seq = number(row.get("MsgSeq"), int(match[1]) if match else 0)
    time = int(match[2]) if match else number(row.get("MsgTimeStamp"))
    if not 0 < seq <= MAX_SEQ or not 0 <= time <= LATEST:
        return None
    return Message(seq, key or f"{seq}_1_{time}", time, number(row.get("IsPlaceMsg")), row.get("MsgBody"))


def number(value: Any, otherwise: int = 0) -> int:
    """Numbers sometimes arrive as strings."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return int(value) if abs(value) <= MAX_SEQ else otherwise
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else otherwise
