"""Whether a callback is Meta's: the hash in its header, made with the app's secret (whatsapp.md 2 and 3)."""

import hmac
import re
from hashlib import sha256

from adapters.inbound import Callback, HttpAnswer, Refused

_HEADER = re.compile(r"sha256=([0-9a-f]{64})")  # checked first: comparing anything but ASCII raises
_CHALLENGE = re.compile(r"[!-~]{1,256}")


def check(secret: str, callback: Callback, setting: str) -> None:
    """Over the bytes as they came: decoded and encoded again they would have another hash.  Raises Refused.

    ``setting``: the name of the variable that holds the secret.
    """
    if not secret:
        raise Refused(f"{setting} is not set, so no callback can be checked")
    given = _HEADER.fullmatch(callback.headers.get("X-Hub-Signature-256", ""))
    if given is None:
        raise Refused("the signature is missing or malformed")
    expected = hmac.new(secret.encode(), callback.body, sha256).hexdigest()
    if not hmac.compare_digest(expected, given[1]):
        raise Refused("the signature does not match")


def challenge(verify_token: str, callback: Callback, setting: str) -> HttpAnswer:
    """The answer to the platform's question whether this address is meant.  Raises Refused (403)."""
    if not verify_token:
        raise Refused(f"{setting} is not set, so the address cannot be confirmed", 403)
    query = callback.query
    given = query.get("hub.verify_token", "").encode(errors="replace")
    right = hmac.compare_digest(verify_token.encode(), given)
    value = query.get("hub.challenge", "")
    if not right or query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(value):
        raise Refused("the question about this address is not the platform's", 403)
    return HttpAnswer(200, value.encode(), "text/plain")
