"""How the platform encrypts and signs (feishu.md 10, 11 and 20): all of it on bytes as they came."""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

_BLOCK: Final = 16


class BadCipher(ValueError):
    """Not encrypted with our key.  Says no more: the one text keeps the padding from becoming an oracle."""


def decrypt(encrypt_key: str, sealed: str) -> bytes:
    """The bytes inside ``{"encrypt": sealed}``: AES-256-CBC under SHA-256 of the key, its IV in front, PKCS7.

    Raises BadCipher.
    """
    try:
        raw = b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        raise BadCipher from None
    if len(raw) < 2 * _BLOCK or len(raw) % _BLOCK:
        raise BadCipher
    key = hashlib.sha256(encrypt_key.encode()).digest()
    decryptor = Cipher(AES256(key), CBC(raw[:_BLOCK])).decryptor()
    padded = decryptor.update(raw[_BLOCK:]) + decryptor.finalize()
    padding = padded[-1]
    if not 1 <= padding <= _BLOCK or padded[-padding:] != bytes([padding]) * padding:
        raise BadCipher
    return padded[:-padding]


def event_signature(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """A plain hash over what is joined, not an HMAC; ``timestamp`` and ``nonce`` as received, whatever their form."""
    return hashlib.sha256(f"{timestamp}{nonce}{encrypt_key}".encode(errors="replace") + body).hexdigest()


def card_signature(timestamp: str, nonce: str, verification_token: str, body: bytes) -> str:
    """Of the old callbacks of cards, which have no envelope."""
    signed = f"{timestamp}{nonce}{verification_token}".encode(errors="replace") + body
    return hashlib.sha1(signed, usedforsecurity=False).hexdigest()  # the platform's choice


def hook_signature(timestamp: int, secret: str) -> str:
    """``sign`` of a message to a custom bot: the text to sign is the key, and the message is empty."""
    return b64encode(hmac.digest(f"{timestamp}\n{secret}".encode(), b"", "sha256")).decode()


def same(given: str, expected: str) -> bool:
    """Compares in constant time; nothing equals an empty secret."""
    return bool(expected) and hmac.compare_digest(given.encode(errors="replace"), expected.encode())
