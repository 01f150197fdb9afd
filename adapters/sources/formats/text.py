"""Makes text from outside fit to keep: harmless characters, one-line titles, bounded lengths, absolute links."""

import re
from html import unescape
from urllib.parse import urljoin

TITLE_LENGTH = 1_000  # characters
CONTENT_SIZE = 64 * 1024  # bytes of UTF-8
LINK_LENGTH = 2_048  # characters

_UNSAFE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def safe(text: str) -> str:
    """Without control characters, overrides of the writing direction and halves of characters."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub("", text)


def one_line(text: str, length: int = TITLE_LENGTH) -> str:
    """Plain text on one line, safe, at most ``length`` characters."""
    if text.isprintable() and len(text) <= length and "  " not in text:  # nearly all
        return text.strip()
    return " ".join(safe(text[: 4 * TITLE_LENGTH]).split())[:length].rstrip()


# HTML's own, so that "Vec<String>" in a title stays what its author wrote.
_TAG = re.compile(
    r"</?(?:a|abbr|acronym|address|article|aside|audio|b|bdi|bdo|big|blockquote|body|br|button|center|cite|code|"
    r"dd|del|details|dfn|div|dl|dt|em|embed|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|"
    r"iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|nobr|object|ol|option|p|picture|pre|q|rp|rt|ruby|"
    r"s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|"
    r"textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_STILL_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|#\d+);")


def html_title(text: str) -> str:
    """A title that is HTML, as plain text."""
    if "&" in text or "<" in text:
        text = unescape(_TAG.sub("", text[: 4 * TITLE_LENGTH]))
    return one_line(text)


def rss_title(text: str) -> str:
    """A title that should be plain text and is, as often, HTML or HTML escaped twice (feeds.md 1.2)."""
    title = html_title(text)
    return one_line(unescape(title)) if "&" in title and _STILL_ESCAPED.search(title) else title


_ANY_TAG = re.compile(r"<[^<>]*>")


def plain_text(html: str) -> str:
    """The words of some HTML, for comparing, not for showing."""
    return " ".join(unescape(_ANY_TAG.sub(" ", html)).split())


def cut(text: str, size: int = CONTENT_SIZE) -> str:
    """At most ``size`` bytes of UTF-8, not ending within a tag."""
    if 4 * len(text) <= size or len(encoded := text.encode("utf-8", "surrogatepass")) <= size:
        return text
    text = encoded[:size].decode("utf-8", "ignore")
    last = text.rfind("<")
    return text if text.rfind(">") > last or last < len(text) - LINK_LENGTH else text[:last]


_USUAL_LINK = re.compile(r"https?://[a-z0-9.-]+/[!-~]{0,2000}")
_ABSOLUTE = re.compile(r"https?://(?:[^\s/?#\[\]]+|\[[0-9a-f:.]+\](?::\d+)?)(?:[/?#]|$)", re.IGNORECASE)


def absolute(link: str, base: str) -> str:
    """The link made absolute; empty unless it leads over http(s) and is short enough."""
    if _USUAL_LINK.fullmatch(link):
        return link
    link = link.strip()
    if not link or len(link) > LINK_LENGTH:
        return ""
    if not link.isprintable() or " " in link:
        link = safe(link).replace("\n", "").replace("\t", "").replace(" ", "%20")
    if not _ABSOLUTE.match(link):
        try:
            link = urljoin(base, link)
        except ValueError:
            return ""
        if not _ABSOLUTE.match(link):
            return ""
    if not link.startswith(("http://", "https://")):
        scheme, _, rest = link.partition("://")
        link = f"{scheme.lower()}://{rest}"
    return link if len(link) <= LINK_LENGTH else ""
