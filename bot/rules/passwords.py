"""Passwords: which are taken, and how they are kept (reliability page, section 12)."""

import re
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from bot.errors import Invalid

SHORTEST, LONGEST = 8, 128
FEWEST_GUESSES = 10**7  # that somebody needs who knows the usual ones and the account's own words
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's choice: 19 MiB, two passes


def check(password: str, *known: str) -> None:
    """``known``: words that the account would choose first, as its e-mail address.  Raises Invalid."""
    if len(password) < SHORTEST:
        raise Invalid(f"a password has at least {SHORTEST} characters", code="password_short", field="password")
    if len(password) > LONGEST:
        raise Invalid(f"a password has at most {LONGEST} characters", code="password_long", field="password")
    from zxcvbn import zxcvbn  # its word lists take a while to load, and passwords are seldom chosen

    words = [part for text in known for part in [text, *re.split(r"[^\w]+", text)] if part]
    if zxcvbn(password[:72], user_inputs=words, max_length=72)["guesses"] < FEWEST_GUESSES:
        raise Invalid("this password is among the first that would be tried", code="password_common", field="password")


def hashed(password: str) -> str:
    """Takes some 50 ms: run it on a thread."""
    return _HASHER.hash(password)


def fits(hash_: str, password: str) -> bool:
    """Takes as long whatever comes of it; an empty hash is nobody's.  Run it on a thread."""
    try:
        return _HASHER.verify(hash_ or _nobodys(), password) and bool(hash_)
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe())
