"""Any HTML → harmless HTML: a handful of elements, no attributes but checked addresses, well nested.

Words stay; what could run, load or hide goes.  Images become links: whoever shows a post decides what it loads.
Cut into tokens as ``html_text`` cuts, so both see the same.
"""

from html import escape

from bot.rules.html_text import Tag, address_of, resolve, tokens
from bot.rules.plain_text import drop_unseen

_DEEPEST = 60
_KEPT = {
    *("p", "blockquote", "pre", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td", "em", "strong", "b", "i", "u", "s", "del", "code", "sub", "sup"),
}
_EMPTY = {"br", "hr"}


def clean_html(html: str, base: str = "") -> str:
    """``base``: what relative addresses are relative to."""
    writer = _Writer(base)
    for token in tokens(drop_unseen(html)):
        if isinstance(token, str):
            writer.pieces.append(escape(resolve(token), quote=False))
        elif token.closing:
            writer.close(token.name)
        else:
            writer.open(token)
    writer.close_down_to(0)
    return "".join(writer.pieces)


class _Writer:
    """What was written, and which of it is still open."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.pieces: list[str] = []
        self.opened: list[str] = []

    def open(self, tag: Tag) -> None:
        if tag.name in _EMPTY:
            self.pieces.append(f"<{tag.name}>")
        elif tag.name == "img":
            self.image(tag.read())
        elif tag.name == "a":
            self.close("a")  # a link in a link is none
            if address := address_of(tag.read().get("href", ""), self.base):
                self.write("a", f' href="{escape(address)}"')
        elif tag.name in _KEPT:
            self.write(tag.name)

    def write(self, name: str, attributes: str = "") -> None:
        if len(self.opened) < _DEEPEST:
            self.opened.append(name)
            self.pieces.append(f"<{name}{attributes}>")

    def image(self, attributes: dict[str, str]) -> None:
        address = address_of(attributes.get("src", ""), self.base)
        text = escape(" ".join(attributes.get("alt", "").split()) or address, quote=False)
        if address and "a" not in self.opened:
            text = f'<a href="{escape(address)}">{text}</a>'
        self.pieces.append(text)

    def close(self, name: str) -> None:
        """With what was opened inside and never closed; an end without a beginning is nothing."""
        if name in self.opened:
            self.close_down_to(len(self.opened) - 1 - self.opened[::-1].index(name))

    def close_down_to(self, depth: int) -> None:
        while len(self.opened) > depth:
            self.pieces.append(f"</{self.opened.pop()}>")
