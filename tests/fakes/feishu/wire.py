"""How the platform writes what it sends: envelopes, encryption, signatures.  Written apart from what reads them."""

import hashlib
import json
import os
from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def envelope(event_type: str, event: Any, **header: str) -> dict[str, Any]:
    return {"schema": "2.0", "header": {"event_type": event_type, **header}, "event": event}


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def sealed(encrypt_key: str, plain: bytes, iv: bytes | None = None) -> bytes:
    """The body ``{"encrypt":"…"}``."""
    iv = iv or os.urandom(16)
    padder = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(iv)).encryptor()
    text = iv + cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    return json.dumps({"encrypt": b64encode(text).decode()}, separators=(",", ":")).encode()


def event_headers(encrypt_key: str, body: bytes, timestamp: str, nonce: str = "nonce-1") -> dict[str, str]:
    signature = hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()
    return _headers(timestamp, nonce, signature)


def card_headers(verification_token: str, body: bytes, timestamp: str, nonce: str = "nonce-1") -> dict[str, str]:
    signature = hashlib.sha1((timestamp + nonce + verification_token).encode() + body).hexdigest()
    return _headers(timestamp, nonce, signature)


def _headers(timestamp: str, nonce: str, signature: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Lark-Request-Timestamp": timestamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": signature,
    }
