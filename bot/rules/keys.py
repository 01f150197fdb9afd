"""API keys: making, recognising and digesting them (reliability page, section 10)."""

import hashlib
import re
import secrets
from datetime import timedelta

BEGINNING = "bws_prod_"
LENGTH = 36  # of the whole key; the rest is base62: 160 bits
PREFIX = 12  # characters by which people tell their keys apart; unique within an account
VALID = timedelta(days=365)
SOON = timedelta(days=30)  # before a key expires: then its owner is told
LONGEST_NAME = 100
USED_EVERY = timedelta(seconds=60)  # how exactly it is known when a key was last used

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"bws_[A-Za-z0-9_]{8,60}")


def new_key() -> str:
    return BEGINNING + "".join(secrets.choice(_BASE62) for _ in range(LENGTH - len(BEGINNING)))


def prefix(key: str) -> str:
    return key[:PREFIX]


def looks_like_key(text: str) -> bool:
    """Whether it is worth while to ask the database."""
    return _KEY.fullmatch(text) is not None


def digest(key: str) -> bytes:
    """What is stored.  160 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).digest()
