"""What X calls us for: a challenge, which only the app can answer, and events of accounts (sources-x.md 8.1).

Nothing is taken from an event but whose it is: calls get lost, so what is new is read in any case.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import msgspec

from adapters.base import FeedFailed
from adapters.inbound import Call, Callback, HttpAnswer, Refused
from adapters.sources.x import subscriptions
from adapters.sources.x.events import opened
from adapters.sources.x.snowflakes import number

SIGNATURE: Final = "x-twitter-webhooks-signature"
# Whoever asks gets a token signed, in the way bodies are: no body that says anything may pass for a token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_.~-]{1,512}", re.ASCII)


def read(callback: Callback, secret: str) -> Call:
    """``secret``: of the app's API key.  Raises Refused."""
    if not secret:
        raise Refused("X_API_SECRET is not set", 403)
    if callback.method == "GET":
        return Call((), _answer(callback.query.get("crc_token", ""), secret))
    signature = callback.headers.get(SIGNATURE, "").encode(errors="replace")
    if not hmac.compare_digest(signed(callback.body, secret).encode(), signature):
        raise Refused("a call that is not signed with X_API_SECRET")
    return Call(tuple(_accounts(callback.body)), HttpAnswer())


def signed(content: bytes, secret: str) -> str:
    """In base64, not in hexadecimal digits as elsewhere."""
    return f"sha256={b64encode(hmac.digest(secret.encode(), content, 'sha256')).decode()}"


def _answer(token: str, secret: str) -> HttpAnswer:
    if not _TOKEN.fullmatch(token):
        raise Refused("a challenge without a proper crc_token", 400)
    return HttpAnswer(body=msgspec.json.encode({"response_token": signed(token.encode(), secret)}))


def _accounts(body: bytes) -> Sequence[str]:
    """Those that made a post or deleted one, each once."""
    try:
        events, _ = opened(body)
    except FeedFailed:
        raise Refused("a call that cannot be read", 400) from None
    told = (one.account for one in events if one.type in (subscriptions.NEW, subscriptions.GONE))
    return list(dict.fromkeys(one for one in told if number(one) is not None))
