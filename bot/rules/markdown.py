"""Markdown documents: the fields at their head, and their text as harmless HTML."""

import re
from collections.abc import Mapping

import cmarkgfm
from cmarkgfm.cmark import Options

from bot.rules.clean_html import clean_html
from bot.rules.html_text import LONGEST_INPUT, html_text
from bot.rules.plain_text import one_line

FIELDS = ("title", "url", "author", "publishedAt", "feed")
_MOST_HTML = 4 * LONGEST_INPUT  # characters; nested quotes grow, and more than a quarter of this is never kept
_EXTENSIONS = ["table", "strikethrough", "autolink"]
_HEADING = re.compile(r"\A\s*<h1>(.*?)</h1>", re.DOTALL)
_HEAD = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*?))?[ \t]*")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"\\]|\\["\\/nt])*)\"""")
_ESCAPES = {"n": "\n", "t": "\t"}


def to_html(markdown: str, base: str = "") -> str:
    """CommonMark with tables, ~~strikethrough~~ and bare addresses; of a long text the first 64 Ki characters.

    What the text has of HTML is cleaned like the rest.  ``base``: what relative addresses are relative to.
    """
    html = cmarkgfm.markdown_to_html_with_extensions(
        markdown[:LONGEST_INPUT], options=Options.CMARK_OPT_UNSAFE, extensions=_EXTENSIONS
    )
    return clean_html(html[:_MOST_HTML], base)


def title_of(html: str) -> str:
    """The heading that a document begins with, on one line; empty when it begins with something else."""
    heading = _HEADING.match(html)
    return one_line(html_text(heading[1], links=False)) if heading else ""


def split(document: str) -> tuple[Mapping[str, str], str]:
    """The fields between two lines ``---`` at the top, and the text below them.  Raises ValueError.

    A strict part of YAML: ``name: value`` on a line each, the value plain or in quotes.  Names that are not in FIELDS
    are passed over, whatever follows them.
    """
    document = document.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not (head := _HEAD.match(document)):
        return {}, document
    found: dict[str, str] = {}
    for line in head[1].split("\n"):
        field = _FIELD.fullmatch(line)
        if not field or field[1] not in FIELDS:
            continue
        if field[1] in found:
            raise ValueError(f"{field[1]} stands twice in the front matter")
        found[field[1]] = _value(field[1], field[2] or "")
    return found, document[head.end() :]


def _value(name: str, written: str) -> str:
    if written[:1] in ("'", '"'):
        quoted = _QUOTED.match(written)
        if not quoted or _COMMENT.sub("", written[quoted.end() :]).strip():
            raise ValueError(f"{name} in the front matter: the quotes do not fit")
        if quoted[1] is not None:
            return quoted[1].replace("''", "'")
        return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted[2])
    if written[:1] in ("[", "{", "|", ">", "&", "*", "!", "%", "@", "`"):
        raise ValueError(f"{name} in the front matter is a plain text: put it in quotes")
    return _COMMENT.sub("", written).strip()
