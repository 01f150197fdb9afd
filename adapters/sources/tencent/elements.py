"""The body of a message as text that people read, and the picture, link and files in it (sources-wechat.md A5).

Apps put anything into it, and the platform itself spells its fields in several ways, so nothing is taken for granted
and nothing fails: what is not understood is named in brackets.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from adapters.base import Enclosure
from adapters.sources.formats.text import CONTENT_SIZE, absolute, cut, one_line, safe
from adapters.sources.tencent.replies import number

MOST_ELEMENTS: Final = 50
MOST_ABSTRACTS: Final = 20
LONGEST_TITLE: Final = 120  # characters of a first line that is still a title
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """What one element says."""

    text: str = ""
    inline: bool = False  # it stands in the line of the one before
    title: str = ""
    url: str = ""
    author: str = ""
    image: str = ""
    files: Sequence[Enclosure] = ()


@dataclass(slots=True)
class Content:
    """What a message says."""

    title: str = ""  # one line, or empty
    text: str = ""
    url: str = ""
    author: str = ""
    image: str = ""
    files: list[Enclosure] = field(default_factory=list)


Fields = Mapping[str, Any]
"""By name in lower case without underscores: ``Url``, ``URL`` and ``Download_Flag`` are what comes."""


def read(body: Any) -> Content:
    """The content of ``MsgBody``, whatever that is."""
    found, after_inline = Content(), True
    for part in _parts(body):
        words = part.text
        if not part.inline:  # what an app says twice, in words and as a card for its own programs, is read once
            said = set(found.text.split("\n"))
            words = "\n".join([line for line in words.split("\n") if not line.strip() or line not in said])
        separator = "" if not found.text or (part.inline and after_inline) else "\n"
        found.text += separator + words if words.strip() else ""
        after_inline = part.inline
        found.title, found.url = found.title or part.title, found.url or part.url
        found.author, found.image = found.author or part.author, found.image or part.image
        found.files += part.files
    found.text = cut(found.text.strip(), CONTENT_SIZE) or "[message]"
    found.title = found.title or _first_line(found.text)
    return found


def _first_line(text: str) -> str:
    first = one_line(text.partition("\n")[0])
    return first if len(first) <= LONGEST_TITLE else ""


def _parts(body: Any) -> Iterator[Part]:
    elements = body if isinstance(body, list) else [body]
    for element in elements[:MOST_ELEMENTS]:
        if not isinstance(element, dict):
            continue
        kind, content = element.get("MsgType"), element.get("MsgContent")
        name = kind if isinstance(kind, str) else "message"
        reader = _READERS.get(name.lower())
        if reader is None:
            yield Part(f"[{one_line(name, 40)}]")
        else:
            yield reader(_fields(content if isinstance(content, dict) else {}))


def _fields(content: Mapping[Any, Any]) -> Fields:
    return {str(name).lower().replace("_", ""): value for name, value in content.items()}


def _word(fields: Fields, *names: str) -> str:
    """The first that is there and a text, harmless."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and (harmless := safe(value[:CONTENT_SIZE]).strip()):
            return harmless
    return ""


def _link(fields: Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and (address := absolute(value, "")):
            return address
    return ""


def _said(what: str, *details: str) -> str:
    """[voice 12 s]"""
    return f"[{' '.join(filter(None, (what, *details)))}]"


def _seconds(fields: Fields, *names: str) -> str:
    seconds = next((found for name in names if (found := number(fields.get(name))) > 0), 0)
    return f"{seconds} s" if seconds else ""


def _size(size_bytes: int) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size_bytes < 1_000:
            return f"{size_bytes:.0f} {unit}" if size_bytes else ""
        size_bytes //= 1_000
    return f"{size_bytes} GB"


# --- The elements ---


def _text(fields: Fields) -> Part:
    return Part(_word(fields, "text"), inline=True)


def _face(fields: Fields) -> Part:
    name = one_line(_word(fields, "data"), 40) or str(number(fields.get("index")))
    return Part(_said("emoji", name), inline=True)


def _image(fields: Fields) -> Part:
    listed = fields.get("imageinfoarray")
    infos = [_fields(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    by_type = {number(one.get("type")): one for one in reversed(infos) if _link(one, "url")}
    # The large form: thumbnails are stamps, and originals may be more than a chat takes.
    shown = next((by_type[kind] for kind in (2, 3, 1, *sorted(by_type)) if kind in by_type), None)
    if shown is None:
        return Part("[image]")
    original = by_type.get(1, shown)
    media_type = _PICTURES.get(number(fields.get("imageformat")), "")
    file = _file_of(_link(original, "url"), media_type, number(original.get("size")))
    return Part(image=_link(shown, "url"), files=[file])


_PICTURES: Final = {1: "image/jpeg", 2: "image/gif", 3: "image/png", 4: "image/bmp"}


def _sound(fields: Fields) -> Part:
    return _download(fields, _said("voice", _seconds(fields, "second")), "url", number(fields.get("size")))


def _file(fields: Fields) -> Part:
    size = number(fields.get("filesize"))
    said = _said("file", one_line(_word(fields, "filename"), LONGEST_NAME), _size(max(size, 0)))
    return _download(fields, said, "url", size)


def _video(fields: Fields) -> Part:
    said = _said("video", _seconds(fields, "videosecond"))
    form = _word(fields, "videoformat").lower()
    media_type = f"video/{form}" if re.fullmatch(r"[a-z0-9-]{1,16}", form) else ""
    return _download(fields, said, "videourl", number(fields.get("videosize")), media_type, _link(fields, "thumburl"))


def _download(fields: Fields, said: str, name: str, size: int, media_type: str = "", image: str = "") -> Part:
    url = _link(fields, name, "url")
    files = [_file_of(url, media_type, size)] if url else []
    return Part(f"{said} {url}".strip(), image=image, files=files)


def _file_of(url: str, media_type: str, size: int) -> Enclosure:
    return Enclosure(url, media_type, size if size > 0 else None)


def _location(fields: Fields) -> Part:
    at = [fields.get(name) for name in ("latitude", "longitude")]
    place = ",".join(f"{one:.6g}" for one in at if isinstance(one, int | float) and abs(one) <= 180)
    return Part(f"{_said('location', one_line(_word(fields, 'desc'), LONGEST_NAME))} {place}".strip())


def _relay(fields: Fields) -> Part:
    """Messages passed on together: their title and what was said, shortened by the platform."""
    listed = fields.get("abstractlist") or fields.get("abstracts")
    abstracts = listed[:MOST_ABSTRACTS] if isinstance(listed, list) else []
    lines = [one_line(one, LONGEST_NAME) for one in abstracts if isinstance(one, str)]
    title = one_line(_word(fields, "title"), LONGEST_NAME)
    return Part("\n".join(filter(None, [title, *lines])) or "[messages]", title=title)


def _custom(fields: Fields) -> Part:
    """Of the app's own making: as JSON mostly a card with a title and a link."""
    card = _card(fields.get("data"))
    title = one_line(_word(card, *_TITLES), LONGEST_NAME)
    url = _link(card, *_URLS)
    text = "\n".join(filter(None, (title, _word(card, *_TEXTS), url)))
    if not text:
        return Part(_word(fields, "desc") or "[custom]")
    author = one_line(_word(card, "author"), LONGEST_NAME)
    return Part(text, title=title, url=url, author=author, image=_link(card, *_IMAGES))


_TITLES: Final = ("title", "subject", "headline")
_TEXTS: Final = ("text", "summary", "digest", "description", "desc", "content")
_URLS: Final = ("url", "link", "href", "jumpurl", "weburl", "articleurl")
_IMAGES: Final = ("image", "imageurl", "cover", "coverurl", "picurl", "pic", "thumb", "thumburl", "thumbnail")


def _card(data: Any) -> Fields:
    """The members of a JSON object, or of the one that it holds as ``data``; empty for anything else."""
    if not isinstance(data, str) or not data.lstrip().startswith("{"):
        return {}
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    card = _fields(document)
    inner = card.get("data")
    return {**card, **_fields(inner)} if isinstance(inner, dict) else card


_READERS: Final[Mapping[str, Callable[[Fields], Part]]] = {
    "timtextelem": _text,
    "timfaceelem": _face,
    "timcustomelem": _custom,
    "timimageelem": _image,
    "timsoundelem": _sound,
    "timfileelem": _file,
    "timvideofileelem": _video,
    "timlocationelem": _location,
    "timrelayelem": _relay,
}
