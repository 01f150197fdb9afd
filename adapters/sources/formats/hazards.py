"""Looks at a document's bytes, before any parser does, for what would make parsing slow."""

import re

IN_PROCESS = 256 * 1024  # bytes
LONGEST_TAG = 16 * 1024  # bytes; parsers have been quadratic in the attributes of one tag


def fits_in_process(body: bytes) -> bool:
    """Whether the strict reader may read ``body`` beside the event loop: small, and no tag of absurd length."""
    return len(body) <= IN_PROCESS and b"\0" not in body and b"\x1b" not in body and tags_are_short(body)


# A tag's end is the first ">" outside quotes.  "<" ends the search: XML allows it nowhere in a tag.
_REST_OF_TAG = re.compile(rb"(?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*+")


def tags_are_short(markup: bytes) -> bool:
    """Whether no start tag is longer than 16 KiB.

    Only stretches of that length without "<" are looked at, of which there are few.  The bytes must be of an
    encoding in which "<" is 3C and that byte stands for nothing else: not UTF-16, not ISO-2022.
    """
    at = markup.find(b"<")
    while 0 <= at < len(markup) - LONGEST_TAG:
        last = markup.rfind(b"<", at + 1, at + LONGEST_TAG + 1)
        if last >= 0:
            at = last
            continue
        rest = _REST_OF_TAG.match(markup, at + 1)
        if markup[at + 1 : at + 2] not in _NO_START and rest and len(rest[0]) >= LONGEST_TAG:
            return False
        at = markup.find(b"<", at + 1)
    return True


_NO_START = tuple(bytes((each,)) for each in b"!?/ \t\r\n")
