"""Encryption and signatures against the vectors of feishu.md 10, 11 and 20."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.channels.feishu.crypto import BadCipher, card_signature, decrypt, event_signature, hook_signature, same
from tests.fakes.feishu import wire

SEALED = "AAECAwQFBgcICQoLDA0OD6alpwIsMFbSsWTHppjb1mHnCvEfAkwXK+OZouMGpgMhCZOhuvMZby/GM4MdtIrJO5bmHhuw2O9DjEmyNjCq47o="
PLAIN = b'{"challenge":"abc","token":"v-token","type":"url_verification"}'


def test_the_vector_of_encryption() -> None:
    assert decrypt("test key", SEALED) == PLAIN
    assert wire.sealed("test key", PLAIN, iv=bytes(range(16))) == b'{"encrypt":"%s"}' % SEALED.encode()


def test_the_vectors_of_signatures() -> None:
    body = b'{"encrypt":"%s"}' % SEALED.encode()
    expected = "2eb84ba6086fde5e385458c7451900dabb7a12195712f18db7f86dfaa9ec9728"
    assert event_signature("1700000000", "nonce-1", "test key", body) == expected
    card = card_signature("1700000000", "nonce-1", "v-token", b'{"a":1}')
    assert card == "e5675f5af178b5eb7ee86d0d215a7a83d4bbdeda"
    assert hook_signature(1700000000, "secret") == "fiWS2+gh28DOydAv7hzONH/mDn9+b1Y4Y5ivXWXy8vA="


def badly_padded(last_block: bytes) -> str:
    key, iv = hashlib.sha256(b"test key").digest(), bytes(16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + encryptor.update(last_block) + encryptor.finalize()).decode()


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "no base64!",
        base64.b64encode(bytes(16)).decode(),  # an IV and nothing else
        base64.b64encode(bytes(40)).decode(),  # no whole blocks
        SEALED[:-4],
        badly_padded(bytes(16)),  # padding of 0
        badly_padded(b"x" * 15 + b"\x11"),  # of 17
        badly_padded(b"x" * 13 + b"\x02\x03\x03"),  # not all alike
    ],
)
def test_what_is_not_encrypted_with_the_key_is_refused_with_one_text(sealed: str) -> None:
    with pytest.raises(BadCipher) as raised:
        decrypt("test key", sealed)
    assert str(raised.value) == ""


def test_nothing_equals_an_unset_secret() -> None:
    assert same("abc", "abc")
    assert not same("abd", "abc")
    assert not same("", "")
    assert not same("ü\ud800", "abc")
