"""Standard Webhooks 1.0: our webhooks are signed and systems that post to us verified (reliability 6.1 and 6.2).

Verifying must work on any bytes a stranger sends, and one HMAC then serves both ways: the ``standardwebhooks``
library signs text only, and its verifier raises anything at all on malformed headers.  In the tests it is the
independent witness.
"""

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Final

PREFIX: Final = b"whsec_"
TOLERANCE_SECONDS: Final = 300
SLICE: Final = 2047

_ID = re.compile(r"[!-\-/-~]{1,256}", re.ASCII)  # visible, without a full stop: it parts what is signed
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(Exception):
    """Not signed by who holds the secret, or not now.  The text is for our log, not for the sender."""


def new_secret() -> str:
    """ "whsec_" and 32 random bytes in base64: the form in which a secret is shown, stored and signed with."""
    return (PREFIX + b64encode(token_bytes(32))).decode()


def secret_key(secret: bytes) -> bytes:
    """The key inside a secret.  Raises ValueError with what is expected."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a signing secret is whsec_ and the base64 form of 24 to 64 bytes")
    return key


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature per secret ("whsec_…"), in their order.

    ``timestamp`` is in Unix seconds and goes into ``webhook-timestamp``.  Raises ValueError for a bad secret.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join([_signature(secret, signed).decode() for secret in secrets])


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Check a request and return its ``webhook-id``.  Raises BadSignature, whatever the headers hold.

    ``headers``: names in lower case, or a mapping that matches them in any case.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("a header is missing or malformed")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("the time is more than five minutes off")
    given = [entry.encode(errors="replace") for entry in headers.get("webhook-signature", "").split(" ")]
    signed = f"{message_id}.{timestamp}.".encode() + body
    for secret in secrets:
        expected = _signature(secret, signed)
        if any(hmac.compare_digest(expected, entry) for entry in given):
            return message_id
    raise BadSignature("no signature matches")


def _signature(secret: bytes, signed: bytes) -> bytes:
    """In slices, for with 2,048 bytes and more at once (and always in ``hmac.digest``) the interpreter's lock is let
    go: beside busy threads winning it back costs ten times what the signature does (measured)."""
    mac = hmac.new(secret_key(secret), digestmod="sha256")
    for start in range(0, len(signed), SLICE):
        mac.update(signed[start : start + SLICE])
    return b"v1," + b64encode(mac.digest())
