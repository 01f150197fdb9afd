"""Under what names WhatsApp knows a person: phone numbers with their oddities, and ids of its own (whatsapp.md 9, 10).

An address is "+" and digits, or an id that holds for one business, "US.1000…".  Neither is ever changed before it
is sent: ids of Mexican, Argentinian and Brazilian numbers differ from what is dialled, and only the platform knows
which one it wants.
"""

import re

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PUNCTUATION = str.maketrans("", "", " \u00a0\u202f\t-.()/")
_HIDDEN_PLUS = ("00", "\uff0b")  # how "+" is dialled, and how a Chinese keyboard writes it


def normal(address: str) -> str:
    """ "+34 600-12 34 56" → "+34600123456"; ids stay as they are.  Raises ValueError with what is expected."""
    address = address.strip()
    if is_user_id(address):
        return address
    number = address.translate(_PUNCTUATION)
    for plus in _HIDDEN_PLUS:
        if number.startswith(plus):
            number = "+" + number.removeprefix(plus)
    if not _NUMBER.fullmatch(number):
        raise ValueError("a WhatsApp address is a phone number with its country code, like +34600123456")
    return number


def is_user_id(address: str) -> bool:
    """Whether it is an id instead of a number: it is sent in another field, and gets no codes."""
    return bool(_USER_ID.fullmatch(address))


def from_platform(wa_id: str) -> str:
    """The platform's digits without "+" as an address; empty when they are none."""
    number = "+" + wa_id.removeprefix("+")
    return number if _NUMBER.fullmatch(number) else ""


def other_spelling(address: str) -> str:
    """The same line written the other way (whatsapp.md 10); empty where there is only one way."""
    for pattern, other in _SPELLINGS:
        if found := pattern.fullmatch(address):
            return found.expand(other)
    return ""


_SPELLINGS = tuple(
    (re.compile(pattern), other)
    for pattern, other in (
        (r"\+521([0-9]{10})", r"+52\1"),  # Mexico: a 1 in the ids, dialled without
        (r"\+52([2-9][0-9]{9})", r"+521\1"),
        (r"\+549([0-9]{10})", r"+54\1"),  # Argentina: the 9 of mobiles
        (r"\+54([1-8][0-9]{9})", r"+549\1"),
        (r"\+55([1-9]{2})9([6-9][0-9]{7})", r"+55\1\2"),  # Brazil: a ninth digit that older accounts lack
        (r"\+55([1-9]{2})([6-9][0-9]{7})", r"+55\g<1>9\2"),
    )
)
