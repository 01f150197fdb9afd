"""Lists of subscriptions as feed readers exchange them: OPML in, OPML out (opml.org/spec2.opml)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from bot.rules.plain_text import one_line

MOST_BYTES = 5 * 1024 * 1024
MOST_FEEDS = 5000
_DEEPEST = 64
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no document may hold, however it is written: one such character, and no reader takes the list."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in such a list."""

    url: str  # as written
    title: str = ""
    home: str = ""


class NotOpml(ValueError):
    """It is no such list; ``line`` 0: it has none of what makes one."""

    def __init__(self, line: int = 0) -> None:
        super().__init__(f"not OPML (line {line})")
        self.line = line


def read(document: bytes) -> list[Outline]:
    """The feeds of a list, each address once, in their order; folders do not count.

    A document type is refused with everything that it could define.  Raises NotOpml.
    """
    found: dict[str, Outline] = {}
    names: list[str] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        names.append(name.casefold())
        if len(names) > _DEEPEST:
            raise NotOpml(parser.CurrentLineNumber)
        if names[0] == "opml" and names[-1] == "outline" and len(found) < MOST_FEEDS:
            given = {key.casefold(): one_line(value) for key, value in attributes.items()}
            if url := given.get("xmlurl", ""):
                title = given.get("title") or given.get("text", "")
                found.setdefault(url, Outline(url, "" if title == url else title, given.get("htmlurl", "")))

    def refuse(*_: object) -> None:
        raise NotOpml(parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: names.pop()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document.strip()[:MOST_BYTES], True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # unknown encodings are a LookupError
        raise error if isinstance(error, NotOpml) else NotOpml(getattr(error, "lineno", 1)) from None
    if not found:
        raise NotOpml
    return list(found.values())


def write(outlines: Iterable[Outline], title: str) -> str:
    """A list that every feed reader takes."""
    lines = [_line(one) for one in outlines]
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n<head><title>{_text(title)}</title></head>'
    return "\n".join([head, "<body>", *lines, "</body>", "</opml>", ""])


def _line(one: Outline) -> str:
    address, homepage = _NO_XML.sub("", one.url), _NO_XML.sub("", one.home)
    title, url = quoteattr(one_line(one.title) or address), quoteattr(address)
    home = f" htmlUrl={quoteattr(homepage)}" if homepage.startswith(("https://", "http://")) else ""
    return f'<outline type="rss" text={title} title={title} xmlUrl={url}{home}/>'


def _text(text: str) -> str:
    return quoteattr(one_line(text))[1:-1].replace("<", "&lt;")
