"""Articles of WeChat official accounts, by the addresses they have (sources-wechat.md, C4).

An article has a short address and a long one, and neither tells the other.  Short names are case-sensitive.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlencode

_ADDRESS = re.compile(r"https?://mp\.weixin\.qq\.com(?::(?:80|443))?(/[^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_SHORT = re.compile(r"/s/([A-Za-z0-9_-]+)/?")
_LONGEST = 2048  # characters


@dataclass(frozen=True, slots=True)
class Article:
    """One article: its short name, or account, message and place in it."""

    short: str = ""
    biz: str = ""  # the account, as ``__biz`` has it
    mid: str = ""
    idx: str = ""
    sn: str = ""  # without it the long address does not open

    @property
    def number(self) -> str:
        return f"s:{self.short}" if self.short else f"a:{self.biz}:{self.mid}:{self.idx}"

    @property
    def url(self) -> str:
        """The shortest address that opens it, without what tells where it was found."""
        if self.short:
            return f"https://mp.weixin.qq.com/s/{self.short}"
        named = {"__biz": self.biz, "mid": self.mid, "idx": self.idx} | ({"sn": self.sn} if self.sn else {})
        return f"https://mp.weixin.qq.com/s?{urlencode(named, safe='=')}"

    @classmethod
    def at(cls, address: str) -> Self | None:
        """None: no article, or a temporary address, which says nothing of what it leads to."""
        found = _ADDRESS.match(address[:_LONGEST])
        if not found:
            return None
        if short := _SHORT.fullmatch(found[1].partition("&")[0]):
            return cls(short=short[1])
        if found[1].rstrip("/") != "/s":
            return None
        fields = _fields(found[2] or "")
        biz, mid = fields.get("__biz", ""), fields.get("mid") or fields.get("appmsgid", "")
        idx, sn = fields.get("idx") or fields.get("itemidx", ""), fields.get("sn") or fields.get("sign", "")
        return cls(biz=biz, mid=mid, idx=idx, sn=sn) if biz and mid and idx else None


def is_wechat(address: str) -> bool:
    """Whether it is any page of official accounts."""
    return _ADDRESS.match(address[:_LONGEST]) is not None


def biz_in(address: str) -> str:
    """The account that an address names, as ``__biz`` has it; empty when it names none."""
    found = _ADDRESS.match(address[:_LONGEST])
    return _fields(found[2] or "").get("__biz", "") if found else ""


def _fields(query: str) -> dict[str, str]:
    """A "+" is one of base64; "&amp;" is what feeds leave of "&"."""
    try:
        read = parse_qs(query.replace("&amp;", "&").replace("+", "%2B"), max_num_fields=50)
    except ValueError:
        return {}
    return {name: values[0] for name, values in read.items()}
