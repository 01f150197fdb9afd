"""Secrets at rest: what is sealed opens in its place and under its key, and nowhere else."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.vault import Vault, WrongKey, new_key, read_key

KEY, OTHER = bytes(range(32)), bytes(32)


@given(st.binary(max_size=300), st.text(max_size=50))
def test_what_is_sealed_opens_in_its_place(secret: bytes, place: str) -> None:
    sealed = Vault(KEY).seal(secret, place)
    assert Vault(KEY).open(sealed, place) == secret
    assert len(secret) < 8 or secret not in sealed


def test_what_is_moved_to_another_place_does_not_open() -> None:
    sealed = Vault(KEY).seal(b"secret", "destinations|1|secrets")
    with pytest.raises(WrongKey, match=r"destinations\|2\|secrets"):
        Vault(KEY).open(sealed, "destinations|2|secrets")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(WrongKey):
        Vault(OTHER).open(Vault(KEY).seal(b"secret", "here"), "here")


def test_an_older_key_still_reads_and_the_present_one_seals() -> None:
    both = Vault(OTHER, KEY)
    assert both.open(Vault(KEY).seal(b"secret", "here"), "here") == b"secret"
    assert Vault(OTHER).open(both.seal(b"secret", "here"), "here") == b"secret"


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, flip: int) -> None:
    sealed = bytearray(Vault(KEY).seal(b"a secret of some length, so that there is room", "here"))
    sealed[position] ^= flip
    with pytest.raises(WrongKey):
        Vault(KEY).open(bytes(sealed), "here")


@pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 17, 31])
def test_a_cut_off_value_is_a_wrong_key_and_no_crash(length: int) -> None:
    sealed = Vault(KEY).seal(b"", "here")
    with pytest.raises(WrongKey):
        Vault(KEY).open(sealed[:length], "here")


def test_the_same_secret_is_never_sealed_alike() -> None:
    assert len({Vault(KEY).seal(b"secret", "here") for _ in range(100)}) == 100


def test_the_fingerprint_tells_keys_apart_and_nothing_of_the_key() -> None:
    assert Vault(KEY).fingerprint == Vault(KEY, OTHER).fingerprint != Vault(OTHER).fingerprint
    assert KEY.hex()[:8] not in Vault(KEY).fingerprint


def test_a_new_key_is_one() -> None:
    assert len(read_key(new_key())) == 32
    assert new_key() != new_key()


@pytest.mark.parametrize(
    "text", ["", "short", "not base64!", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(33)).decode()]
)
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes in base64") as refused:
        read_key(text)
    assert not text or text not in str(refused.value)


def test_blanks_around_a_key_do_not_matter() -> None:
    assert read_key(f" {base64.b64encode(KEY).decode()}\n") == KEY


def test_peppers_follow_from_the_keys_the_present_one_first_and_are_neither_of_them() -> None:
    (pepper,) = Vault(KEY).peppers()
    assert Vault(OTHER, KEY).peppers() == (*Vault(OTHER).peppers(), pepper)
    assert len(pepper) == 32
    assert pepper not in (KEY, OTHER)
    # HKDF-SHA256 of RFC 5869 without salt, one block, by hand.
    extracted = hmac.digest(bytes(32), KEY, "sha256")
    assert pepper == hmac.digest(extracted, b"codes\x01", "sha256")
