"""Secrets that people carry in a link or a cookie: made at random, stored as a digest."""

import hashlib
import secrets


def new() -> str:
    """256 bits, for a URL or a cookie."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
