"""Parses XML strictly into a small tree, after repairs if it must be.

expat, not lxml: libxml2 keeps every name that it has ever seen for as long as its thread lives, so that hostile
documents fill the memory; and reading a feed through it took up to a fifth longer.  The parser never sees a document
type, so there is nothing for it to fetch and nothing to expand.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from xml.parsers import expat

from msgspec import Struct

from adapters.base import FeedFailed, FeedFault

from .items import NotStrict
from .names import USUAL_PREFIXES
from .repairs import declare_prefixes, entities_of, repair
from .text import absolute


class Element(Struct, gc=False):
    """An element.  Names of a namespace are "uri}local", here and among the attributes."""

    tag: str
    attributes: dict[str, str]
    base: str  # what relative addresses in it are relative to: xml:base, else the document's address
    text: str = ""  # before the first child
    tail: str = ""  # between its end and the next tag
    children: "list[Element]" = []

    def link(self, written: str) -> str:
        """A link that stands in it, made absolute; empty if it is none."""
        return absolute(written, self.base)


@dataclass(frozen=True, slots=True)
class Tree:
    """A well-formed document."""

    root: Element
    pristine: bool  # no character in it has to be removed before it is kept
    starts: Sequence[int] = ()  # of what needed no repair: where tags of the upper three levels begin, in bytes


def parse(data: bytes, url: str) -> Tree:
    """Read a document in UTF-8, as it is or after repairs.

    Raises NotStrict if that is not enough, FeedFailed if it is no XML, a web page or hostile.
    """
    prolog = read_prolog(data)
    markup = data[prolog.end :]
    if prolog.root in _HTML or _HTML_DOCTYPE.match(prolog.doctype):
        raise FeedFailed(FeedFault.NOT_A_FEED, "the address leads to a web page, not to a feed")
    if not prolog.root:
        raise FeedFailed(FeedFault.NOT_A_FEED, "there is no markup in the document")
    root, fault, _ = (None, 0, ()) if b"<!ENTITY" in prolog.doctype else _strict(markup, url)
    if root is None:
        text = repaired(markup, prolog.doctype)
        markup = text.encode()
        root, fault, _ = _strict(markup, url)
        if fault == _UNBOUND_PREFIX:
            markup = declare_prefixes(text, USUAL_PREFIXES).encode()
            root, _, _ = _strict(markup, url)
    if root is None:
        raise NotStrict("the document is not well-formed XML")
    return Tree(root, _is_pristine(markup))


def parse_as_received(body: bytes, url: str) -> Tree | None:
    """A document that needs neither decoding nor repair, as nearly all do not; None if it might be anything else.

    Whether it is UTF-8 is for the parser to find out, which looks at every character anyway.
    """
    prolog = read_prolog(body)
    if not prolog.root or prolog.root in _HTML or prolog.doctype:
        return None
    markup = body[prolog.end :]
    root, _, starts = _strict(markup, url)
    return None if root is None else Tree(root, _is_pristine(markup), [prolog.end + at for at in starts])


_HTML = frozenset((b"html", b"head", b"body"))
_HTML_DOCTYPE = re.compile(rb"<!DOCTYPE\s+html\b", re.IGNORECASE)


def repaired(markup: bytes, doctype: bytes) -> str:
    """What follows the prolog, mended.  Raises FeedFailed for hostile entities."""
    text = markup.decode("utf-8", "replace")
    entities = entities_of(doctype.decode("utf-8", "replace"), text) if b"<!ENTITY" in doctype else {}
    return repair(text, entities)


_DEEPEST = 256  # elements within each other: what reads them may use recursion
_UPPER_LEVELS = 3  # RSS has its items in the third, Atom and RDF in the second
_LONGEST_NAMESPACE = 512  # characters; they are written out for each name
_MOST_BASES = 2_000  # each takes some 10 µs
_XML_BASE = "http://www.w3.org/XML/1998/namespace}base"
_UNBOUND_PREFIX = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]


def _strict(markup: bytes, url: str) -> tuple[Element | None, int, Sequence[int]]:
    """The root, or why there is none; and as Tree's ``starts``."""
    document = element = Element("", {}, url)
    closed: Element | None = None  # what ended last inside ``element``
    around: list[Element] = []
    starts: list[int] = []
    bases = 0
    push, pop = around.append, around.pop

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal element, closed
        push(element)
        depth = len(around)
        if depth <= _UPPER_LEVELS:
            starts.append(parser.CurrentByteIndex)
        elif depth > _DEEPEST:
            raise FeedFailed(FeedFault.HOSTILE, "the document is nested too deeply")
        siblings, element, closed = element.children, Element(tag, attributes, element.base), None
        siblings.append(element)
        if attributes and _XML_BASE in attributes:
            rebase(element)

    def rebase(element: Element) -> None:
        nonlocal bases
        bases += 1
        if bases > _MOST_BASES:
            raise NotStrict("the document has too many bases")
        element.base = element.link(element.attributes[_XML_BASE]) or element.base

    def text(found: str) -> None:
        if closed is None:
            element.text = found
        else:
            closed.tail = found

    def end(_tag: str) -> None:
        nonlocal element, closed
        closed, element = element, pop()

    def namespace(_prefix: str | None, uri: str | None) -> None:
        if uri and len(uri) > _LONGEST_NAMESPACE:
            raise FeedFailed(FeedFault.HOSTILE, "the document has a namespace of absurd length")

    parser = expat.ParserCreate("utf-8", "}")  # whatever the declaration says
    parser.buffer_text, parser.buffer_size = True, len(markup) + 1  # between two tags there is one text
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartNamespaceDeclHandler = namespace
    try:
        parser.Parse(markup, True)
    except expat.ExpatError as e:
        return None, e.code, ()
    finally:
        parser.StartElementHandler = None  # it knows the parser: a circle, and the tree in it
    return document.children[0], 0, starts


# --- Before the root ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prolog:
    """What stands before a document's root element."""

    root: bytes  # its name in lower case, without a prefix; empty when there is none
    end: int  # where it begins
    doctype: bytes


def read_prolog(data: bytes) -> Prolog:
    """Find the root element, past declarations, comments and whatever was printed before them."""
    at, doctype = 0, b""
    while mark := _MARK.search(data, at):
        at = mark.start()
        if data.startswith(b"<?", at):
            end = data.find(b"?>", at)
        elif data.startswith(b"<!--", at):
            end = data.find(b"-->", at)
        elif data[at : at + 9].upper() == b"<!DOCTYPE":
            match = None if doctype else _DOCTYPE.match(data, at)  # once: a search may go through it all
            doctype, end = (match[0], match.end()) if match else (doctype, -1)
        elif match := _NAME.match(data, at):
            name = match[1].rpartition(b":")[2].lower()
            end = data.find(b"<?xml ", at, at + _MOST_PRINTED) if name in _PRINTED else -1
            if end < 0:
                return Prolog(name, at, doctype)
            # else a program printed something, and its document begins only there
        else:
            end = at + 1
        if end < 0:
            break
        at = end
    return Prolog(b"", len(data), doctype)


_PRINTED = frozenset((b"b", b"br", b"div", b"font", b"p", b"pre", b"script", b"span", b"strong", b"table"))
_MOST_PRINTED = 4096  # bytes
_DOCTYPE = re.compile(rb"<!DOCTYPE\s(?:[^\[>]*\[.*?\]\s*>|[^\[>]*>)", re.IGNORECASE | re.DOTALL)
_MARK = re.compile(rb"<(?=[A-Za-z_!?\x80-\xff])")
_NAME = re.compile(rb"<([A-Za-z_\x80-\xff][^\s<>/]*)")

_UNSAFE_OVERRIDE = re.compile(rb"\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")
_UNSAFE_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
_UNSAFE_REFERENCE = re.compile(
    rb"&[#](?:0*(?:\d|[12]\d|3[01]|12[789]|1[345]\d|823[4-8]|829[4-7])|[xX]0*(?:[01]?[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F]|"
    rb"202[a-eA-E]|206[6-9]));"
)


def _is_pristine(markup: bytes) -> bool:
    """Whether ``safe`` would find nothing in the document.  The rare bytes are looked for first: it is fast."""
    return not (
        b"\x7f" in markup
        or (b"\xc2" in markup and _UNSAFE_CONTROL.search(markup))
        or (b"\xe2" in markup and _UNSAFE_OVERRIDE.search(markup))
        or (b"#" in markup and _UNSAFE_REFERENCE.search(markup))
    )


# --- Content ------------------------------------------------------------------------------------------------------


def inner_html(element: Element) -> str:
    """The markup inside an element as HTML, without namespaces; also for publishers who forget to escape it."""
    pieces: list[str] = [escape(element.text, quote=False)]
    for child in element.children:
        _write_html(child, pieces)
    return "".join(pieces)


_VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905
)


def _write_html(element: Element, pieces: list[str]) -> None:
    name = element.tag.rpartition("}")[2]
    pieces.append(f"<{name}")
    for attribute, value in element.attributes.items():
        if "}" not in attribute:
            pieces.append(f' {attribute}="{escape(value)}"')
    pieces.append(">")
    if name not in _VOID:
        pieces.append(escape(element.text, quote=False))
        for child in element.children:
            _write_html(child, pieces)
        pieces.append(f"</{name}>")
    pieces.append(escape(element.tail, quote=False))
