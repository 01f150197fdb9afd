"""Secrets at rest: AES-256-GCM under MASTER_KEY, each bound to the place where it is stored (reliability page, 13)."""

import base64
import binascii
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEY_ID = 4


class WrongKey(Exception):
    """The master key is not the one under which this was sealed."""


class Vault:
    """Seals and opens small secrets.  ``older`` keys still read."""

    def __init__(self, master: bytes, *older: bytes) -> None:
        self._masters = (master, *older)
        self._keys = {_key_id(key): AESGCM(key) for key in (*older, master)}
        self._id = _key_id(master)
        self.fingerprint = _fingerprint(master)
        self.older_fingerprints = [_fingerprint(key) for key in older]

    def seal(self, secret: bytes, place: str) -> bytes:
        """``place``: "table|row|column"; what is moved elsewhere does not open there."""
        nonce = secrets.token_bytes(_NONCE)
        return self._id + nonce + self._keys[self._id].encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises WrongKey."""
        key = self._keys.get(sealed[:_KEY_ID])
        nonce, body = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            if key is not None:
                return key.decrypt(nonce, body, place.encode())
        except (InvalidTag, ValueError):
            pass
        raise WrongKey(f"{place} was sealed under another MASTER_KEY")

    def peppers(self) -> tuple[bytes, ...]:
        """What verification codes are digested with: the present key's, then those of older ones, for open codes."""
        return self.derived("codes")

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Keys for one purpose, which give no other away: of the present master key, then of older ones."""
        info = purpose.encode()
        return tuple(HKDF(SHA256(), 32, salt=None, info=info).derive(master) for master in self._masters)


def new_key() -> str:
    """A fresh master key in the form of the setting."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def read_key(text: str) -> bytes:
    """The 32 bytes behind the setting's base64.  Raises ValueError."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError("expected 32 bytes in base64, as `openssl rand -base64 32` prints them")
    return key


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:_KEY_ID]
