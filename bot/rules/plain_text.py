"""Plain text from outside, made harmless, measured and cut the way people see it.

A character here is what a person sees as one: a grapheme cluster (Unicode Standard Annex 29).  A family emoji,
a flag, a letter with its accents each count once and are never cut in two.
"""

import re
from functools import cache

import regex

_ADDRESS = re.compile(r"https?://[^\s<>\"，。．｡、；：！？（）「」『』《》【】…]++", re.IGNORECASE)
"""Ends before whatever can end a sentence, so no sentence ends inside an address."""
_SENTENCE_END = regex.compile(
    r"[.!?…؟۔।]['\")\]”’»]*+(?=\s)"  # scripts that put a blank after a sentence
    r"|[。！？．｡][」』”’）】》]*+"  # and those that do not
    r"|(?=\n)"
)
_CLUSTER = regex.compile(r"\X")

_UNSEEN = re.compile(
    r"(\U0001F3F4[\U000E0020-\U000E007E]{1,6}\U000E007F)|["  # in flags such as Scotland's, tags have a meaning
    r"\x00-\x08\x0E-\x1F\x7F-\x9F\uD800-\uDFFF"  # controls, lone surrogates
    r"\u202A-\u202E\u2066-\u2069"  # direction overrides, embeddings, isolates; marks such as U+200F stay
    r"\u00AD\u034F\u180E\u200B\u2060-\u2065\u206A-\u206F\uFEFF\uFFF9-\uFFFB\uFFFE\uFFFF"  # without width
    r"\U000E0000-\U000E007F]"
)
_ASCII_CONTROLS = dict.fromkeys({*range(0x20), 0x7F} - set(b"\t\n\v\f\r"))
_JOINERS = regex.compile(r"([\u200C\u200D])[\u200C\u200D]++")  # one has meaning (emoji, Persian), more have none
_PILE = regex.compile(r"(\p{M}{8})\p{M}++")  # the longest real ones are about five marks high
_EMPTY_LINES = re.compile(r"\n{3,}+")


def clean(text: str) -> str:
    """``text`` without what is unseen or plays tricks; at most one empty line in a row, none at the ends.

    Cleaning twice changes nothing.
    """
    if not (text.isascii() and text.isprintable()):
        lines = "\n".join(map(str.rstrip, drop_unseen("\n".join(text.splitlines())).split("\n")))
        text = _EMPTY_LINES.sub("\n\n", _PILE.sub(r"\1", _JOINERS.sub(r"\1", lines)))
    return text.strip()


def drop_unseen(text: str) -> str:
    """``text`` without controls, direction overrides and characters without width; breaks and tabs stay."""
    if text.isascii():
        return text.translate(_ASCII_CONTROLS)
    return _UNSEEN.sub(r"\1", text)


def one_line(text: str) -> str:
    """``text`` cleaned, on one line, with single blanks."""
    return " ".join(clean(text).split())


def length(text: str) -> int:
    """How many characters people see."""
    return len(text) if text.isascii() and "\r" not in text else len(_CLUSTER.findall(text))


def cut(text: str, limit: int) -> str:
    """``text``, if longer than ``limit`` characters ended by "…" within it: after a sentence, else a word.

    An address is kept whole or left out.  A sentence or a word is where to cut only if at least half of the
    room is used; else the cut is between two characters.
    """
    if len(text) <= limit:  # there are never more characters than code points
        return text
    if _end_of(text, limit) == len(text):
        return text
    if limit <= 0:
        return ""
    room = _end_of(text, limit - 2)  # " …" has to fit
    ends = [end for m in _SENTENCE_END.finditer(text, room // 2, room + 1) if 0 < (end := m.end()) <= room]
    if ends:
        return text[: ends[-1]].rstrip() + " …"
    room = _end_of(text, limit - 1)
    word = max(text.rfind(" ", room // 2, room + 1), text.rfind("\n", room // 2, room + 1))
    return _without_half_address(text, word if word > 0 else room).rstrip() + "…"


def _without_half_address(text: str, end: int) -> str:
    """``text[:end]``; an address that goes on behind ``end`` is left out, and its opening bracket with it."""
    for address in _ADDRESS.finditer(text):
        if address.start() < end < address.end():
            return text[: address.start()].rstrip(" \n(（[<")
        if address.start() >= end:
            break
    return text[:end]


def _end_of(text: str, characters: int) -> int:
    """Where the first so many characters of ``text`` end."""
    if text[: characters + 1].isascii():
        return max(min(characters, len(text)), 0)
    first = _first(max(characters, 0)).match(text)
    return first.end() if first else 0


@cache
def _first(characters: int) -> regex.Pattern[str]:
    """Matches up to so many characters.  Kept, as the limits in use are few."""
    return regex.compile(rf"\X{{0,{characters}}}+")
