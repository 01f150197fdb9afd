"""Ids that APIs show for rows that are only numbered inside, and the ids that X gives to posts."""

import re

_POST = re.compile(r"https?://(?:\w+\.)?(?:x|twitter)\.com/(?:\w+|i/web)/status(?:es)?/([0-9]{1,25})(?:[/?#].*)?")


def numbered(millis: int, number: int) -> str:
    """The id of row ``number``, made so many milliseconds after 1970: it sorts by that time, and is the same whenever
    it is asked for (RFC 9562, 5.7)."""
    value = f"{(millis & (1 << 48) - 1) << 80 | 0x7 << 76 | 0b10 << 62 | number & (1 << 62) - 1:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def post_on_x(url: str) -> str:
    """X's id of a post, read off its address (sources-x.md 14); empty when it is none."""
    match = _POST.fullmatch(url)
    return match[1] if match else ""
