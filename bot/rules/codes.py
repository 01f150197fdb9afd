"""Verification codes: making, digesting and reading them, and the caps on both (reliability page, section 11)."""

import hashlib
import hmac
import ipaddress
import re
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

VALID = timedelta(minutes=15)  # the product's contract; such a code proves an address and logs nobody in
DELIVERY_MARGIN = timedelta(seconds=60)  # what arrives later than that before the end is of no use
AHEAD = timedelta(seconds=60)  # a code from further in the future is none: the clock has jumped back
BETWEEN = timedelta(seconds=60)  # before the same account has another sent to the same number
TRIES = 5  # wrong ones, for each code

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# Making


def new_digits() -> str:
    return f"{secrets.randbelow(10**6):06d}"


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O, which look like digits, and U
_LOOKALIKES = str.maketrans("OIL", "011")
_MIXED = re.compile(r"(?=.*[2-9])(?=.*[A-Z])")  # so that neither a word, "ILLINOIS" included, nor a number is a code


def new_link() -> str:
    """Nearly 40 bits as people read them: "K7Q2-9XMB"."""
    while True:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        if _MIXED.match(code):
            return f"{code[:4]}-{code[4:]}"


# Digesting


def digest(pepper: bytes, uid: UUID, address: str, digits: str) -> bytes:
    """What is stored instead of the digits.  Raises ValueError without a pepper: a million values are soon tried."""
    return _hmac(pepper, uid.bytes + address.encode() + digits.encode())


def link_digests(peppers: Sequence[bytes], code: str) -> list[bytes]:
    """``code`` as ``read_link`` gives it.  Bound to nothing else, for whoever types it says nothing but the code."""
    return [_hmac(pepper, b"link" + code.encode()) for pepper in peppers]


def matches(stored: bytes, peppers: Sequence[bytes], uid: UUID, address: str, digits: str) -> bool:
    """Whether these are the digits, under any of the peppers; takes the same time either way."""
    return True in [hmac.compare_digest(stored, digest(pepper, uid, address, digits)) for pepper in peppers]


def _hmac(pepper: bytes, message: bytes) -> bytes:
    if not pepper:
        raise ValueError("codes need a pepper")
    return hmac.digest(pepper, message, hashlib.sha256)


# Reading


_GAP = r"[\s\-\u2010-\u2015\u2212]{0,3}"
_SIX = re.compile(rf"\d(?:{_GAP}\d){{5}}")
_EIGHT = re.compile(rf"[0-9A-Z]{{4}}{_GAP}[0-9A-Z]{{4}}")


def read_digits(text: str) -> str | None:
    """The six digits of a message that is nothing else, in ASCII; None: it is none.

    Digits of any script, with blanks or dashes between them: "１２３ 456", "١٢٣-٤٥٦".  What only looks like a digit
    ("²", "①") is not guessed at.
    """
    text = _visible(text)
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal()) if _SIX.fullmatch(text) else None


def read_link(text: str) -> str | None:
    """The eight characters of a message that is nothing but a link code, as digests want them; None: it is none."""
    text = unicodedata.normalize("NFKC", _visible(text)).upper()
    code = "".join(c for c in text if c.isalnum()).translate(_LOOKALIKES)
    return code if _EIGHT.fullmatch(text) and _MIXED.match(code) and set(code) <= set(_ALPHABET) else None


def _visible(text: str) -> str:
    """Without the marks that keyboards and copying leave: direction, zero width."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf").strip()


# Caps


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``count`` within any time as long as ``window``."""

    count: int
    window: timedelta

    def wait(self, times: Iterable[datetime], now: datetime) -> timedelta | None:
        """How long until there is room for one more after those ``times``; None: there is.

        Times ahead of ``now`` count as if they were as far behind: a clock that jumps back opens no door, and
        one that jumps back by more than the window locks none.
        """
        if self.count <= 0:
            return self.window
        near = sorted((at for at in times if abs(at - now) < self.window), reverse=True)
        return near[self.count - 1] + self.window - now if len(near) >= self.count else None


PER_NUMBER = (Cap(5, HOUR), Cap(10, DAY))  # over all accounts: a stranger can delay a number by a day at most
PER_ACCOUNT = Cap(20, DAY)
PER_CALLER = Cap(30, HOUR)
WRONG_LINKS = Cap(5, HOUR)  # typed in one chat


class Tried(Protocol):
    """What is stored of a code's wrong tries; all count as if made with the last."""

    @property
    def attempts(self) -> int: ...
    @property
    def tried_at(self) -> datetime | None: ...


WRONG_TRIES = 20  # a day and number, over all codes; then it is locked
LOCK = DAY


def tries_left(codes: Iterable[Tried], now: datetime) -> int:
    """How many more wrong tries a number has, all its codes of two days together."""
    tries = _tries(codes)
    if locked_until(codes, now):
        return 0
    return max(0, WRONG_TRIES - sum(n for at, n in tries if abs(now - at) < DAY))


def locked_until(codes: Iterable[Tried], now: datetime) -> datetime | None:
    """Since a day's tries were used up, a day; None: the number is not locked."""
    tries = _tries(codes)
    ends = [at + LOCK for at, _ in tries if abs(now - at) < LOCK and _within_a_day(tries, at) >= WRONG_TRIES]
    return max(ends, default=None)


def _tries(codes: Iterable[Tried]) -> list[tuple[datetime, int]]:
    return [(code.tried_at, code.attempts) for code in codes if code.tried_at]


def _within_a_day(tries: Iterable[tuple[datetime, int]], until: datetime) -> int:
    return sum(n for at, n in tries if until - DAY < at <= until)


def network(address: str) -> str:
    """The part of a caller's network address that is one customer's: IPv6 by its /64; empty for what is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, 64), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


# Showing


def chat_link(number: str, digits: str) -> str:
    """Opens WhatsApp with the digits filled in, ready to be sent to ``number``; empty without one."""
    return f"https://wa.me/{number.removeprefix('+')}?text={digits}" if number else ""
