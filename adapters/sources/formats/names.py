"""Names XML elements by what they mean, since prefixes vary and namespaces are misspelt (feeds.md 1.1)."""

import re

RSS, ATOM = "rss", "atom"


class Names(dict[str, str]):
    """From a tag ("uri}local") to the name our readers know; worked out on first use.

    Names are in lower case.  Those of the document's own format have no prefix, those of known extensions the
    usual one ("dc:date"); the rest is the empty name.
    """

    def __init__(self, own: str, uri: str) -> None:
        super().__init__()
        self.own, self.uri = own, uri

    def __missing__(self, tag: str) -> str:
        uri, local = _halves(tag)
        prefix = _prefix(uri)
        if prefix in ("", self.own) or uri == self.uri:
            name = local
        else:
            name = f"{prefix}:{local}" if prefix != _UNKNOWN else _UNMISTAKABLE.get(local, "")
        if len(self) >= _MOST_NAMES:  # the tables are kept, and documents are hostile
            self.clear()
        if len(tag) <= _LONGEST_NAME:
            self[tag] = name
        return name


_MOST_NAMES = 1000
_LONGEST_NAME = 200
_UNKNOWN = "?"
_UNMISTAKABLE = {"encoded": "content:encoded", "creator": "dc:creator"}  # also in a misspelt namespace


def names(own: str, tag: str) -> Names:
    """The names of a document in format ``own`` (RSS or ATOM) whose first element of that format is ``tag``."""
    uri, _ = _halves(tag)
    return _SHARED[own] if _prefix(uri) in ("", own) else Names(own, uri)


_SHARED = {own: Names(own, "") for own in (RSS, ATOM)}


def local_name(tag: str) -> str:
    """In lower case, without its namespace."""
    return _halves(tag)[1]


def _halves(tag: str) -> tuple[str, str]:
    uri, _, local = tag.rpartition("}")
    return uri, local.rpartition(":")[2].lower()


def _prefix(uri: str) -> str:
    if not uri:
        return ""
    return _NAMESPACES.get(_SCHEME.sub("", uri.strip().lower().rstrip("/#")), _UNKNOWN)


_SCHEME = re.compile(r"^https?://(?:www\.)?")
_NAMESPACES = {  # without scheme, "www." and what ends them: these are what people get wrong
    "purl.org/rss/1.0": RSS,
    "my.netscape.com/rdf/simple/0.9": RSS,
    "channel.netscape.com/rdf/simple/0.9": RSS,
    "backend.userland.com/rss": RSS,
    "backend.userland.com/rss2": RSS,
    "blogs.law.harvard.edu/tech/rss": RSS,
    "cyber.law.harvard.edu/rss/rss.html": RSS,
    "w3.org/2005/atom": ATOM,
    "purl.org/atom/ns": ATOM,
    "purl.org/rss/1.0/modules/content": "content",
    "purl.org/dc/elements/1.0": "dc",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/dc/terms": "dcterms",
    "purl.org/rss/1.0/modules/syndication": "sy",
    "search.yahoo.com/mrss": "media",
    "itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "youtube.com/xml/schemas/2015": "yt",
    "w3.org/1999/02/22-rdf-syntax-ns": "rdf",
    "w3.org/1999/xhtml": "xhtml",
}
USUAL_PREFIXES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "yt": "http://www.youtube.com/xml/schemas/2015",
}
