"""WebSub: what a hub signs with the secret that we gave it (feeds.md 11.4)."""

import hmac
from typing import Final

_HUB_METHODS: Final = frozenset({"sha1", "sha256", "sha384", "sha512"})  # most hubs still use the first


def verify_hub(secret: bytes, header: str, body: bytes) -> bool:
    """Whether ``header``, the request's X-Hub-Signature ("sha256=…"), is of who knows the secret."""
    method, _, given = header.strip().partition("=")
    if method not in _HUB_METHODS:
        return False
    expected = hmac.digest(secret, body, method).hex().encode()
    return hmac.compare_digest(expected, given.lower().encode(errors="replace"))
