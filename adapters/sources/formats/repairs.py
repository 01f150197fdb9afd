"""Mends what publishers' programs break in XML, in the order of feeds.md 4, before a strict parser sees it again.

Every step takes time in proportion to the document: hostile ones come here too.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from html.entities import html5

from adapters.base import FeedFailed, FeedFault


def repair(text: str, entities: Mapping[str, str]) -> str:
    """Well-formed XML, if these repairs can make it so: only legal characters and references, nothing after the root.

    Args:
        text: a document from its root element on.
        entities: what the document's own entity names stand for.
    """
    text = _ILLEGAL.sub("", text)
    pieces = [piece if is_cdata else _mend_references(piece, entities) for piece, is_cdata in _split(text)]
    return _without_rest("".join(pieces))


_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _split(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a CDATA section, in which "&" means itself."""
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        yield text[at:start], False
        yield text[start : end + 3], True
        at = end + 3
    yield text[at:], False


_REFERENCE = re.compile(r"&(?:#0*([0-9]{1,7});|#[xX]0*([0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9._-]{0,63});)?")
_XML_ENTITIES = frozenset(("amp", "lt", "gt", "quot", "apos"))


def _mend_references(text: str, entities: Mapping[str, str]) -> str:
    def mend(match: re.Match[str]) -> str:
        decimal, hexadecimal, name = match.groups()
        if decimal or hexadecimal:
            number = int(decimal) if decimal else int(hexadecimal, 16)
            return "" if number > 0x10FFFF or _ILLEGAL.match(chr(number)) else f"&#{number};"
        if name in _XML_ENTITIES:
            return match[0]
        meaning = entities.get(name) or html5.get(f"{name};") if name else None
        return escape(meaning, quote=False) if meaning else "&amp;" + match[0][1:]

    return _REFERENCE.sub(mend, text)


_START = re.compile(r"<([^\s<>/!?]+)")


def _without_rest(text: str) -> str:
    """Without what follows the root's end tag; a document that lacks the tag as it is."""
    name = root_name(text)
    end = text.rfind(f"</{name}") if name else -1
    close = text.find(">", end) if end >= 0 else -1
    return text[: close + 1] if close >= 0 else text


def root_name(text: str) -> str:
    """The name of the first start tag, with its prefix; empty if there is none."""
    start = _START.search(text)
    return start[1] if start else ""


# --- The document type ----------------------------------------------------------------------------------

MOST_ENTITIES = 64
LONGEST_ENTITY = 1024  # characters
MOST_GROWTH = 1024 * 1024  # characters that entities may add to a document

_DECLARATION = re.compile(r"<!ENTITY\s+([^\s%\"'<>]+)\s+(?:\"([^\"]*)\"|'([^']*)')\s*>")
_CHARACTER = re.compile(r"&#(?:0*([0-9]{1,7})|[xX]0*([0-9a-fA-F]{1,6}));")


def entities_of(doctype: str, text: str) -> dict[str, str]:
    """What the entities mean that ``doctype`` declares for ``text``.

    A few names for characters are normal; whatever could fetch something or multiply is refused
    (reliability-and-security.md 8.2): raises FeedFailed.
    """
    found = {match[1]: match[2] or match[3] or "" for match in _DECLARATION.finditer(doctype)}
    if doctype.count("<!ENTITY") != len(found) or len(found) > MOST_ENTITIES:
        raise FeedFailed(FeedFault.HOSTILE, "the document declares external, parameter or too many entities")
    meanings = {name: _CHARACTER.sub(_character, value) for name, value in found.items()}
    if any(len(value) > LONGEST_ENTITY or ("&" in _CHARACTER.sub("", value)) for value in found.values()):
        raise FeedFailed(FeedFault.HOSTILE, "the document declares entities that multiply")
    growth = sum(text.count(f"&{name};") * len(meaning) for name, meaning in meanings.items())
    if growth > MOST_GROWTH:
        raise FeedFailed(FeedFault.HOSTILE, "the document's entities multiply its size")
    return meanings


def _character(match: re.Match[str]) -> str:
    number = int(match[1]) if match[1] else int(match[2], 16)
    return "" if number > 0x10FFFF or _ILLEGAL.match(chr(number)) else chr(number)


# --- Namespaces -------------------------------------------------------------------------------------------

_PREFIX = re.compile(r"</?([A-Za-z_][\w.-]{0,30}):[A-Za-z_]")
_MOST_PREFIXES = 50


def declare_prefixes(text: str, known: Mapping[str, str]) -> str:
    """Declares the prefixes that the document uses without saying what they mean.

    ``known``: what the usual prefixes stand for.
    """
    start = _START.search(text)
    if not start:
        return text
    used = sorted({match[1] for match in _PREFIX.finditer(text)})[:_MOST_PREFIXES]
    missing = [prefix for prefix in used if f"xmlns:{prefix}" not in text and prefix not in ("xml", "xmlns")]
    declarations = "".join(f' xmlns:{prefix}="{known.get(prefix, "urn:undeclared")}"' for prefix in missing)
    return text[: start.end()] + declarations + text[start.end() :]


# --- Truncated documents ----------------------------------------------------------------------------------

_ITEM_END = re.compile(r"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
_CHANNEL = re.compile(r"<([\w.-]+:)?channel\b", re.IGNORECASE)


def is_truncated(text: str) -> bool:
    """Whether the root element is never closed."""
    name = root_name(text)
    return bool(name) and f"</{name}" not in text


def salvage(text: str) -> str:
    """The complete items of a truncated document as a whole one; empty when there is none."""
    end = max((match.end() for match in _ITEM_END.finditer(text)), default=0)
    if not end:
        return ""
    name = root_name(text)
    channel = _CHANNEL.search(text, 0, end) if name.lower() == "rss" else None
    closing = f"</{channel[0][1:]}></{name}>" if channel else f"</{name}>"
    return text[:end] + closing
