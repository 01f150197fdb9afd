"""Where a list goes on: opaque to callers, and of use to nobody but the account that was given it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

_BYTES = 8
_MAC = 12


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its time in microseconds since 1970, and its id."""

    at: int
    id: int


def make(keys: Sequence[bytes], account_id: int, cursor: Cursor, of: str = "") -> str:
    """base64url without padding; the first of ``keys`` signs.  ``of``: the list, where there are several."""
    place = cursor.at.to_bytes(_BYTES, "big") + cursor.id.to_bytes(_BYTES, "big")
    return base64.urlsafe_b64encode(place + _mac(keys[0], account_id, of, place)).decode().rstrip("=")


def read(keys: Sequence[bytes], account_id: int, text: str, of: str = "") -> Cursor | None:
    """None: it was not made by us, or not for this account and list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    place, mac = raw[: 2 * _BYTES], raw[2 * _BYTES :]
    if True not in [hmac.compare_digest(_mac(key, account_id, of, place), mac) for key in keys]:
        return None
    return Cursor(int.from_bytes(place[:_BYTES], "big"), int.from_bytes(place[_BYTES:], "big"))


def _mac(key: bytes, account_id: int, of: str, place: bytes) -> bytes:
    """Not by ``hmac.digest``: it lets go of the interpreter's lock, and winning that back costs more than the rest."""
    return hmac.new(key, account_id.to_bytes(_BYTES, "big") + of.encode() + place, hashlib.sha256).digest()[:_MAC]
