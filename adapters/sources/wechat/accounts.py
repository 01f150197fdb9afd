"""Names of one official account: the number that its articles' addresses hide, other ids, and what people call it.

Each provider knows an account by another of them; the number is the one that all can be told from.
"""

import re
import unicodedata
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_BIZ = re.compile(r"[A-Za-z0-9+/]{8,24}={0,2}")
_BRIDGE_ID = re.compile(r"MP_WXS_(\d{5,15})")
_NUMBER = re.compile(r"\d{5,15}")


@dataclass(frozen=True, slots=True)
class Account:
    """Two that share one of their names are the same, unless their numbers differ."""

    number: str = ""  # "3070376195"
    ids: frozenset[str] = frozenset()  # "gh_…", or a provider's own; case-sensitive
    names: frozenset[str] = frozenset()  # in the form of ``plain``
    title: str = ""  # as people read it
    image: str = ""

    @property
    def biz(self) -> str:
        """The number as WeChat's addresses have it: "MzA3MDM3NjE5NQ=="; empty when it is not known."""
        return b64encode(self.number.encode()).decode() if self.number else ""

    @property
    def key(self) -> str:
        """The best name known: what makes two feeds the same."""
        return self.biz or min(self.ids, default="") or self.title or min(self.names, default="")

    @property
    def home(self) -> str:
        return f"https://mp.weixin.qq.com/mp/profile_ext?action=home&__biz={self.biz}" if self.number else ""

    @property
    def words(self) -> frozenset[str]:
        """All by which it may be looked up."""
        number = {f"#{self.number}"} if self.number else set()
        return frozenset(number | {f"={one}" for one in self.ids} | {f"~{one}" for one in self.names})

    def is_same(self, other: "Account") -> bool:
        if self.number and other.number:
            return self.number == other.number
        return bool(self.words & other.words)

    def with_(self, other: "Account") -> "Account":
        """All that is known by two descriptions of the same account; what is read is the first one's."""
        return Account(
            self.number or other.number,
            self.ids | other.ids,
            self.names | other.names,
            self.title or other.title,
            self.image or other.image,
        )

    @classmethod
    def called(cls, text: str) -> Self:
        """The account that somebody calls ``text``: its number in any form, an id or a name."""
        text = text.strip()
        if number := number_in(text):
            return cls(number)
        return cls("", frozenset({text}), frozenset({plain(text)}), text) if text else cls()

    @classmethod
    def described(cls, ids: Iterable[str], name: str, image: str = "") -> Self:
        """By what a provider says of it; ``name``: one line."""
        given = [one for one in ids if one]
        number = next(filter(None, map(number_in, given)), "")
        others = frozenset(one for one in given if not number_in(one))
        return cls(number, others, frozenset({plain(name)} if name else ()), name, image)


def number_in(text: str) -> str:
    """The account's number, from "MzA3MDM3NjE5NQ==", "MP_WXS_3070376195" or itself; empty when it is none of these."""
    if found := _BRIDGE_ID.fullmatch(text):
        return found[1]
    if _NUMBER.fullmatch(text):
        return text
    if not _BIZ.fullmatch(text):
        return ""
    try:
        inside = b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)).decode("ascii")
    except (Error, ValueError):
        return ""
    return inside if _NUMBER.fullmatch(inside) else ""


def plain(name: str) -> str:
    """The form in which names are compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
