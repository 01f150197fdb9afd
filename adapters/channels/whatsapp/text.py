"""Words as WhatsApp takes them: counted in UTF-16 units, harmless, and in templates on one line."""

import re
from typing import Final

import regex

JOINER: Final = "\u200d"  # has no width; in front of a marker it takes its meaning (whatsapp.md 8.2)

# A marker between two letters or digits means nothing, and none may be broken up inside an address.  Marks of lists
# stay: they are drawn as the lists that they are.
_MARKER = re.compile(r"https?://\S+|(?<![A-Za-z0-9])[*_~`]|[*_~`](?![A-Za-z0-9])|^>", re.MULTILINE)
_END_OF_SENTENCE = re.compile(r"[.!?…]['\")\]”’»]{0,3}(?=\s)|[。！？]|(?=\n)")
_ADDRESS = re.compile(r"https?://\S+")


def units(text: str) -> int:
    """How the platform's limits are counted, to be safe."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def defused(text: str) -> str:
    """``text`` with whatever would be taken for formatting made literal."""
    return _MARKER.sub(lambda found: found[0] if len(found[0]) > 1 else JOINER + found[0], text)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` units of it: ended after a sentence, else a word, by "…"; never inside an address."""
    if units(text) <= limit:
        return text
    if limit < 2:
        return ""
    head = _beginning(text, limit - 2)
    half = len(head) // 2
    for address in _ADDRESS.finditer(text):
        if address.start() < len(head) < address.end():
            head = head[: address.start()]
            break
        if address.start() >= len(head):
            break
    if ends := [found.end() for found in _END_OF_SENTENCE.finditer(head, half)]:
        return head[: ends[-1]].rstrip() + " …"
    word = max(head.rfind(" ", half), head.rfind("\n", half))
    return (head[:word] if word > 0 else head).rstrip() + "…"


def one_line(text: str, limit: int) -> str:
    """For labels and parameters, which take no line breaks, tabs or rows of blanks (whatsapp.md 8.5)."""
    return cut(" ".join(text.split()), limit)


def _beginning(text: str, limit: int) -> str:
    """As many whole characters, as people see them, as fit."""
    end = size = 0
    for cluster in regex.finditer(r"\X", text[: limit + 1]):
        size += units(cluster[0])
        if size > limit:
            break
        end = cluster.end()
    return text[:end]
