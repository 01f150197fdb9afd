"""UserSig 2.0: how callers of Tencent Cloud Chat's REST interface show who they are (sources-wechat.md A3).

The source ``tencent`` makes them, and who calls the official-account history API of ours brings one.  The key is the
64-character string of the console, taken as it stands and not as hexadecimal digits.
"""

import hmac
import re
import zlib
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field

LONGEST_TEXT: Final = 8_192  # characters of a signature
LONGEST_CLAIMS: Final = 16_384  # bytes of what is inside, unpacked
AHEAD_SECONDS: Final = 300  # that the caller's clock may be before ours

EXPIRED: Final = 70001  # what it is good for is past, and nothing else is wrong

_TO_URL = bytes.maketrans(b"+/=", b"*-_")  # not RFC 4648's base64url
_FROM_URL = bytes.maketrans(b"*-_", b"+/=")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,256}")

# Signed is what stands here word for word, so digits in a string are kept as they came
_Whole = Annotated[int, Meta(ge=0, lt=10**12)] | Annotated[str, Meta(pattern=r"\A[0-9]{1,12}\Z")]


class _Claims(Struct, frozen=True, kw_only=True):
    """What is inside.  No field may hold a line break: the lines that are signed must not be mistaken for others."""

    version: str = field(name="TLS.ver")
    identifier: Annotated[str, Meta(pattern=rf"\A{_NAME.pattern}\Z")] = field(name="TLS.identifier")
    sdkappid: _Whole = field(name="TLS.sdkappid")
    expire: _Whole = field(name="TLS.expire")
    time: _Whole = field(name="TLS.time")
    userbuf: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/=]*\Z")] | None = field(name="TLS.userbuf", default=None)
    signature: str = field(name="TLS.sig")


class BadUserSig(Exception):
    """Not good, or not now.  ``code``: as the platform's own servers have it; the text holds nothing of the key."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def make(sdkappid: int, key: str, identifier: str, now: datetime, lifetime: timedelta, *, userbuf: bytes = b"") -> str:
    """A UserSig for ``identifier``, good from ``now`` for ``lifetime`` (whole seconds); fit to stand in a query.

    Raises ValueError for a name that is empty, too long or holds control characters.
    """
    if not _NAME.fullmatch(identifier):
        raise ValueError("an identifier has 1 to 256 characters and no control characters")
    claims: dict[str, Any] = {
        "TLS.ver": "2.0",
        "TLS.identifier": identifier,
        "TLS.sdkappid": sdkappid,
        "TLS.expire": int(lifetime.total_seconds()),
        "TLS.time": int(now.timestamp()),
    }
    if userbuf:
        claims["TLS.userbuf"] = b64encode(userbuf).decode()
    claims["TLS.sig"] = _signature(key, _signed(msgspec.convert(claims | {"TLS.sig": ""}, _Claims))).decode()
    return b64encode(zlib.compress(msgspec.json.encode(claims))).translate(_TO_URL).decode()


def verify(signature: str, sdkappid: int, key: str, identifier: str, now: datetime) -> int:
    """Check what stood in a query beside these two, and say until when it is good, in Unix seconds.

    Raises BadUserSig: 70002 empty, 70003 not to be read, 70014 of another app, 70013 of another identifier, 70009 not
    signed with this key, 70001 expired; the first of these that holds.
    """
    claims = _read(signature)
    if int(claims.sdkappid) != sdkappid:
        raise BadUserSig(70014, "the SDKAppID in the UserSig is not the one in the URL")
    if claims.identifier != identifier:
        raise BadUserSig(70013, "the identifier in the UserSig is not the one in the URL")
    expected = _signature(key, _signed(claims))
    if not hmac.compare_digest(expected, claims.signature.encode()):
        raise BadUserSig(70009, "the UserSig is not signed with this app's key")
    began = int(claims.time)
    ends = began + int(claims.expire)
    if began > now.timestamp() + AHEAD_SECONDS:
        raise BadUserSig(70003, "the UserSig begins in the future")
    if now.timestamp() > ends:
        raise BadUserSig(EXPIRED, "the UserSig has expired")
    return ends


def _read(signature: str) -> _Claims:
    """Raises BadUserSig."""
    if not signature:
        raise BadUserSig(70002, "the UserSig is empty")
    try:
        if len(signature) > LONGEST_TEXT:
            raise ValueError("too long")
        packed = b64decode(signature.encode("ascii").translate(_FROM_URL), validate=True)
        claims = msgspec.json.decode(_unpacked(packed), type=_Claims)
        if claims.version != "2.0":
            raise ValueError("of another version")
    except (ValueError, zlib.error, RecursionError):  # of ValueError, msgspec's, binascii's and Unicode's are kinds
        raise BadUserSig(70003, "the UserSig cannot be read: cut off, or not as its maker wrote it") from None
    return claims


def _unpacked(packed: bytes) -> bytes:
    """Raises zlib.error, ValueError."""
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(packed, LONGEST_CLAIMS)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("it has no end, or more after it")
    return data


def _signed(claims: _Claims) -> bytes:
    lines = [
        f"TLS.identifier:{claims.identifier}",
        f"TLS.sdkappid:{claims.sdkappid}",
        f"TLS.time:{claims.time}",
        f"TLS.expire:{claims.expire}",
    ]
    if claims.userbuf is not None:
        lines.append(f"TLS.userbuf:{claims.userbuf}")
    return "".join(f"{line}\n" for line in lines).encode()


def _signature(key: str, signed: bytes) -> bytes:
    return b64encode(hmac.digest(key.encode(), signed, "sha256"))
