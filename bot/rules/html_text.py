"""HTML as publishers write it → plain text as people read it.

A tokenizer and a writer, no tree: what is wanted is the words in their order, and whatever the markup does,
the outcome is text.  Tokens are cut as the HTML Standard cuts them (13.2.5); every pattern below can always
go on or stop and never has to go back (possessive, or ended by ``\\Z``), so the time is linear in the input.

Addresses: a link's text is followed by its address in parentheses when that says something the text does not.
Left out are the address a text already spells, the post's own address, an address given before, and those of
``#tags`` and ``@names``.  Only http, https and mailto links have an address at all.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from bot.rules.plain_text import clean, drop_unseen

LONGEST_INPUT = 65_536
"""Characters that are read; the rest is cut off before anything looks at it."""

_LONGEST_ADDRESS = 2_000
_DEEPEST = 4  # quotes and lists are indented no further: what matters is that they are quotes and lists

_VALUE = r"""(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>"'][^\s>]*+))"""
_ATTRIBUTE = rf"([^\s/>][^\s/>=]*+)(?:\s*+=\s*+{_VALUE}?+)?+"
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?/][^>]*+(?:>|\Z)"
_TAG = rf"<(?P<closing>/?)(?P<name>[a-z][^\s/>]*+)(?P<attributes>(?:[\s/]++|{_ATTRIBUTE})*+)(?:>|\Z)"
_ATTRIBUTES = re.compile(_ATTRIBUTE, re.ASCII)
_TOKEN = re.compile(f"{_TAG}|{_COMMENT}", re.DOTALL | re.IGNORECASE | re.ASCII)
# Not "visibility: hidden": WeChat sends whole articles inside it and shows them by script.
_INVISIBLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_MAY_HIDE = re.compile(r"hidden|display", re.IGNORECASE)
_OVERLONG_NUMBER = re.compile(r"&#x?[0-9a-f]{9,}+;?", re.IGNORECASE)  # int() refuses thousands of digits
_REFERENCE = re.compile(r"&#?[0-9a-z]{1,32};", re.IGNORECASE)
_PLAIN_ADDRESS = re.compile(r"https?://[a-z0-9][a-z0-9.-]*+(?:[/?#][\x21-\x7e]*+)?+", re.ASCII)
_LINE_BREAKS = re.compile(r"[\t\n\r]")  # the URL Standard drops them, wherever they are
_SAYS_NOTHING = re.compile(r"\A(?:https?://(?:www\.)?|mailto:|www\.)", re.IGNORECASE)

_RAW = {"script", "style", "iframe", "noembed", "noframes", "title", "textarea", "xmp", "plaintext"}
"""No tags inside these: they end at their own end tag only.  Nothing of them is shown."""
_UNSHOWN = {
    *("form", "noscript", "svg", "object", "template", "select", "button", "datalist"),
    *("canvas", "audio", "video"),
}
_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_ENDED_BY_THE_NEXT = {"p", "li", "dt", "dd", "tr", "td", "th", "option"}  # their end tags may be left out
_PARAGRAPHS = {
    *("p", "blockquote", "pre", "table", "hr", "figure", "dl", "details"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
}
_LINES = {
    *("address", "article", "aside", "body", "center", "div", "fieldset", "footer", "header", "html", "main"),
    *("nav", "section", "summary", "figcaption", "caption", "tbody", "tfoot", "thead", "tr", "li", "dt", "dd"),
}
_NEWLINES = dict.fromkeys(_LINES, 1) | dict.fromkeys(_PARAGRAPHS, 2)


def html_text(html: str, *, base: str = "", own: str = "", links: bool = True) -> str:
    """The readable text of ``html``: paragraphs apart by an empty line, "• " lists, "> " quotes.

    ``base``: what relative addresses are relative to; ``own``: the post's own address, which is not repeated;
    ``links``: False leaves out all addresses.  The text is clean (``plain_text.clean``).
    """
    # Unseen characters go first, too: else "<", U+0000, "script>" would be no tag here and look like one after.
    html = drop_unseen(html[:LONGEST_INPUT]).replace("\r\n", "\n").replace("\r", "\n")
    writer = _Writer(base, own, links)
    hidden, depth = "", 0
    for token in tokens(html):
        if isinstance(token, str):
            if not hidden:
                writer.text(resolve(token))
            continue
        if hidden:
            if token.name != hidden:
                continue
            if token.closing or hidden not in _ENDED_BY_THE_NEXT:
                depth += -1 if token.closing else 1
                hidden = hidden if depth else ""
                continue
            hidden = ""
        if token.closing:
            writer.end(token.name)
        elif not _is_unshown(token):
            writer.start(token)
        elif token.name not in _EMPTY and not token.attributes.endswith("/"):
            hidden, depth = token.name, 1
    return clean(writer.result())


class Tag(NamedTuple):
    """A tag as it is written."""

    name: str  # lower case
    closing: bool
    attributes: str  # as written

    def read(self) -> dict[str, str]:
        """The attributes by lower-case name; the first of two equal names counts."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTES.finditer(self.attributes):
            key, value = match[1].lower(), match[2] or match[3] or match[4] or ""
            # An address may hold "&copy=1": a reference inside an attribute needs its semicolon.
            found.setdefault(key, _REFERENCE.sub(lambda m: resolve(m[0]), value))
        return found


def tokens(html: str) -> Iterator[str | Tag]:
    """Texts, references unresolved, and tags; without comments, declarations and raw elements."""
    position = 0
    while match := _TOKEN.search(html, position):
        if match.start() > position:
            yield html[position : match.start()]
        position = match.end()
        name = match["name"]
        if name is None:
            continue
        tag = Tag(name.lower(), bool(match["closing"]), match["attributes"])
        if tag.name not in _RAW:
            yield tag
        elif not tag.closing and not tag.attributes.endswith("/"):
            end = re.compile(rf"</{tag.name}(?=[\s/>])", re.IGNORECASE).search(html, position)
            position = end.start() if end else len(html)
    if position < len(html):
        yield html[position:]


def resolve(text: str) -> str:
    return unescape(_OVERLONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _is_unshown(tag: Tag) -> bool:
    if tag.name in _UNSHOWN:
        return True
    if not _MAY_HIDE.search(tag.attributes):  # nearly all tags end here, unread
        return False
    attributes = tag.read()
    return "hidden" in attributes or bool(_INVISIBLE.search(attributes.get("style", "")))


class _Writer:
    """Puts words on lines.  Breaks, blanks and marks are owed, and paid when a word follows."""

    def __init__(self, base: str, own: str, links: bool) -> None:
        self.base, self.links = base, links
        self.given = {_bare(own)}  # addresses that need no repeating
        self.pieces: list[str] = []
        self.newlines = 0
        self.blank = False
        self.mark = ""  # a list item's bullet, or the bar between two cells
        self.at_start = False  # of an item or a cell, where a paragraph begins on the same line
        self.quotes = 0
        self.preformatted = 0
        self.lists: list[int] = []  # innermost last: 0 for bullets, else the next number
        self.row = 0  # how many pieces there were when the table row began
        self.link: tuple[str, int] | None = None  # address, and how many pieces there were before its text

    def text(self, text: str) -> None:
        if self.preformatted:
            first, *rest = text.split("\n")
            self.write(first)
            for line in rest:
                self.newlines += 1
                self.write(line)
        elif words := text.split():
            self.blank = self.blank or text[0].isspace()
            self.write(" ".join(words))
            self.blank = text[-1].isspace()
        else:
            self.blank = True

    def write(self, words: str) -> None:
        if not words:
            return
        if self.newlines or not self.pieces:
            lists = min(len(self.lists), _DEEPEST) - bool(self.mark)
            prefix = "> " * min(self.quotes, _DEEPEST) + "  " * max(lists, 0)
            self.pieces.append("\n" * min(self.newlines, 2) * bool(self.pieces) + prefix)
        elif self.blank and not self.mark:
            self.pieces.append(" ")
        self.pieces.append(self.mark + words)
        self.newlines, self.blank, self.mark, self.at_start = 0, False, "", False

    def start(self, tag: Tag) -> None:
        self.break_line(_NEWLINES.get(tag.name, 0))
        match tag.name:
            case "a" if self.links:
                self.end_link()
                self.link = (address_of(tag.read().get("href", ""), self.base), len(self.pieces))
            case "img":
                if alt := " ".join(tag.read().get("alt", "").split()):
                    self.text(f"[{alt}]" if any(map(str.isalnum, alt)) else alt)  # an emoji is itself
            case "br":
                self.newlines += 1
            case "pre":
                self.preformatted += 1
            case "blockquote":
                self.quotes += 1
            case "ul" | "ol":
                self.break_line(1 if self.lists else 2)
                self.lists.append(int(tag.name == "ol"))
            case "li":
                self.start_item()
            case "tr":
                self.row = len(self.pieces)
            case "td" | "th":
                self.start_cell()

    def end(self, name: str) -> None:
        match name:
            case "a":
                self.end_link()
            case "pre":
                self.preformatted = max(self.preformatted - 1, 0)
            case "blockquote":
                self.quotes = max(self.quotes - 1, 0)
            case "ul" | "ol" if self.lists:
                self.lists.pop()
                self.break_line(1 if self.lists else 2)
            case "li" | "td" | "th":
                self.mark, self.at_start = "", False
        self.break_line(_NEWLINES.get(name, 0))

    def break_line(self, newlines: int) -> None:
        if not self.at_start:
            self.newlines = max(self.newlines, newlines)

    def start_item(self) -> None:
        number = self.lists[-1] if self.lists else 0
        if number:
            self.lists[-1] += 1
        self.newlines = max(self.newlines, 1)
        self.mark, self.at_start = f"{number}. " if number else "• ", True

    def start_cell(self) -> None:
        if len(self.pieces) > self.row:
            self.newlines, self.mark, self.at_start = 0, " | ", True

    def end_link(self) -> None:
        if self.link is None:
            return
        (address, before), self.link = self.link, None
        text = "".join(self.pieces[before:]).strip()
        if not address or not text or text[0] in "#@":
            return
        bare = _bare(address)
        if bare not in self.given and bare != _bare(text):
            self.given.add(bare)
            self.pieces.append(f" ({address.removeprefix('mailto:')})")

    def result(self) -> str:
        self.end_link()
        return "".join(self.pieces)


def address_of(href: str, base: str) -> str:
    """``href`` as an absolute http, https or mailto address; empty if it is none, or only a place in this page."""
    if len(href) <= _LONGEST_ADDRESS and _PLAIN_ADDRESS.fullmatch(href):  # nearly all of them
        return href
    href = _LINE_BREAKS.sub("", href).strip().replace(" ", "%20")
    if not href or href.startswith("#") or len(href) > _LONGEST_ADDRESS:
        return ""
    try:
        address = urljoin(base, href)
        parts = urlsplit(address)
        usable = bool(parts.hostname) if parts.scheme in ("http", "https") else parts.scheme == "mailto"
    except ValueError:  # "http://[", a bad port
        return ""
    # Printable: no control, no direction override, no character without width.
    return address if usable and address.isprintable() and len(address) <= _LONGEST_ADDRESS else ""


def _bare(address: str) -> str:
    """What is left to compare when scheme, "www." and the last slash say nothing."""
    return _SAYS_NOTHING.sub("", address, count=1).rstrip("/")
