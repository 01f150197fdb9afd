"""What the official-account history API speaks of, decided without I/O (sources-wechat.md A1 to A5)."""

import re
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from adapters.base import PostView
from bot.rules import rendering
from bot.rules.plain_text import cut

PREFIX = "@TOA#_"
SHORTEST_SECRET = 16
MOST = 20  # messages in one answer
ONE = timedelta(milliseconds=5)  # in which one request comes back
WHOLE = 200 * ONE
LONGEST_TEXT = 12_000  # characters
LARGEST_BODY = 12 * 1024  # bytes of JSON
LONGEST_URL = 1_500  # bytes; a longer one has no element of its own

_NAME = re.compile(rf"{PREFIX}[!-~]{{1,100}}", re.ASCII)
_KEY = re.compile(r"([0-9]{1,18})_1_[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class App:
    """The app as which we are called, and who may call."""

    sdkappid: int
    secret: str = field(repr=False)  # what callers sign with, as it stands
    admins: frozenset[str]


# Accounts


def is_name(text: str) -> bool:
    """Whether it has the form of an official account's id: "@TOA#_15ERQPAER"."""
    return _NAME.fullmatch(text) is not None


def name_of(source: str, key: str, uid: UUID) -> str:
    """What a feed is called where nobody has chosen a name: its own one, where its platform has given it one."""
    if source == "tencent" and is_name(key):
        return key
    if source == "wechat" and is_name(PREFIX + key):
        return PREFIX + key
    return PREFIX + b32encode(sha256(uid.bytes).digest()).decode()[:9]


# Places in the history


class Place(IntEnum):
    """What stands there; the values of IsPlaceMsg."""

    WHOLE = 0
    HOLLOW = 1
    RECALLED = 2


class Finished(IntEnum):
    """How much of what was asked for an answer holds."""

    NOT_ALL = 0
    ALL = 1
    NOTHING_LEFT = 2  # what is before has expired


def key_of(seq: int, at: datetime) -> str:
    """A message's key: "71_1_1698741698"."""
    return f"{seq}_1_{int(at.timestamp())}"


def seq_of(key: str) -> int | None:
    """None: it is no key."""
    found = _KEY.fullmatch(key)
    return int(found[1]) if found else None


# Bodies


class Text(Struct, frozen=True):
    Text: str


class Custom(Struct, frozen=True):
    Data: str  # JSON: Link
    Desc: str
    Ext: str


class Picture(Struct, frozen=True):
    Type: int  # 1: as it was made
    Size: int  # nobody has looked
    Width: int
    Height: int
    URL: str


class Image(Struct, frozen=True):
    UUID: str
    ImageFormat: int
    ImageInfoArray: list[Picture]


class TextElement(Struct, frozen=True, tag_field="MsgType", tag="TIMTextElem"):
    MsgContent: Text


class CustomElement(Struct, frozen=True, tag_field="MsgType", tag="TIMCustomElem"):
    MsgContent: Custom


class ImageElement(Struct, frozen=True, tag_field="MsgType", tag="TIMImageElem"):
    MsgContent: Image


Element: TypeAlias = TextElement | CustomElement | ImageElement


class Link(Struct, frozen=True, omit_defaults=True):
    """What stands in a custom element, for programs."""

    url: str
    title: str = ""
    author: str = ""
    published: datetime | None = None


_FORMATS = {"jpg": 1, "jpeg": 1, "gif": 2, "png": 3, "bmp": 4}
_OTHER_FORMAT = 255
_SHORTEST_TEXT = 40
_encode = msgspec.json.Encoder().encode


def body_of(post: PostView) -> list[Element]:
    """Title, text and link as text; the picture, where there is one; the link once more, for programs.

    At most 12 KiB as JSON: what is too long is cut after a sentence.
    """
    plain = replace(post, author="", feed_title="")
    text = rendering.message_text(plain, LONGEST_TEXT)
    limit = len(text)
    while len(_encode(made := [*_elements(post, text, limit)])) > LARGEST_BODY:
        if limit <= _SHORTEST_TEXT:
            return [TextElement(Text(post.url[:LONGEST_URL]))]
        limit = limit * LARGEST_BODY * 9 // (len(_encode(made)) * 10)
        text = rendering.message_text(plain, limit)
    return made


def _elements(post: PostView, text: str, limit: int) -> Iterator[Element]:
    yield TextElement(Text(text))
    if post.image and len(post.image.encode()) <= LONGEST_URL:
        yield ImageElement(_image(post.image))
    if post.url and len(post.url.encode()) <= LONGEST_URL:
        title, author = cut(post.title, min(limit, 100)), cut(post.author, min(limit, 100))
        link = Link(post.url, title, author, post.published)
        yield CustomElement(Custom(_encode(link).decode(), title, post.url))


def _image(url: str) -> Image:
    extension = re.sub(r"[?#].*", "", url).rpartition(".")[2].lower()
    name = sha256(url.encode()).hexdigest()[:32]
    return Image(name, _FORMATS.get(extension, _OTHER_FORMAT), [Picture(1, 0, 0, 0, url)])
