"""Ids that APIs show for rows that are only numbered inside, and the ids that X gives to posts."""

import re

_POST = re.compile(r"https?://(?:\w+\.)?(?:x|twitter)\.com/(?:\w+|i/web)/status(?:es)?/([0-9]{1,25})(?:[/?#].*)?")


def numbered(millis: int, number: int) -> str:
    """The id of row ``number``, made so many milliseconds after 1970: it sorts by that time, and is the same whenever
    it is asked for (RFC 9562, 5.7)."""
    clock, low = millis & (1 << 48) - 1, number & (1 << 48) - 1
    return f"{clock >> 16:08x}-{clock & 0xFFFF:04x}-7000-{0x8000 | number >> 48 & 0x3FFF:04x}-{low:012x}"


def post_on_x(url: str) -> str:
    """X's id of a post, read off its address (sources-x.md 14); empty when it is none."""
    match = _POST.fullmatch(url)
    return match[1] if match else ""
