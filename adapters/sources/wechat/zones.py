"""Gives the dates of a feed document the zone that its publisher left out (sources-wechat.md, C2).

Read as UTC, as such dates are elsewhere, those of a bridge in China lie eight hours ahead.
"""

import re
from datetime import timedelta

_BARE = (
    rb"\s*+(?:[A-Za-z]{3},\s++)?(?:\d{4}-\d\d-\d\d|\d{1,2}\s++[A-Za-z]{3,9}\s++\d{4})"
    rb"[T\s]\s*+\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
)
_IN_XML = re.compile(rb"(<(?:pubDate|published|updated|dc:date|lastBuildDate)>" + _BARE + rb")(?=\s*+</)")
_IN_JSON = re.compile(rb"(\"date_(?:published|modified)\"\s*+:\s*+\"" + _BARE + rb")(?=\")")


def with_zone(document: bytes, ahead: timedelta) -> bytes:
    """``ahead`` of UTC.  Dates that name a zone stay as they are."""
    minutes = int(ahead.total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}".encode()
    pattern = _IN_JSON if document.lstrip()[:1] in (b"{", b"[") else _IN_XML
    return pattern.sub(rb"\g<1>" + (zone if pattern is _IN_JSON else b" " + zone.replace(b":", b"")), document)
