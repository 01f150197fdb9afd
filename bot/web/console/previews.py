"""How a post would look in Feishu, in WhatsApp and at a webhook: drawn from the very bodies that would be sent.

Nothing is loaded from anywhere for it: where a message has a picture, the page says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any
from uuid import UUID

import msgspec

from adapters.base import Message, Post, PostView, Rejected
from adapters.channels import webhook
from adapters.channels.feishu import sending
from adapters.channels.feishu.channel import Feishu
from adapters.channels.whatsapp import messages
from adapters.channels.whatsapp.channel import WhatsApp
from adapters.channels.whatsapp.text import JOINER
from bot.usecases import views
from bot.web.apis.native.names import Meant

NOT_YET = UUID(int=0)  # what was not stored has no id
_ADDRESS = re.compile(r"https?://\S+")
_AFTER = ".,;:!?)]}>\"'"  # an address in a sentence
_DEFUSED = re.compile(rf"{JOINER}(?=[*_~`>])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text.  ``href``: an address as it stands there, yet to be checked."""

    text: str
    href: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """As Feishu shows it."""

    title: str
    names: str
    text: Sequence[Piece]
    picture: bool
    buttons: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Bubble:
    """As WhatsApp shows it."""

    text: Sequence[Piece]
    picture: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """One post in each form.  ``json``: a webhook's whole body, laid out for people; empty: too long to be sent."""

    title: str
    card: Card
    bubble: Bubble
    json: str


def of_found(meant: Meant, limit: int, language: str, now: datetime) -> list[Preview]:
    """The newest posts of a feed that is not followed yet."""
    newest = meant.found.page.posts[-limit:]
    last = len(meant.found.page.posts)
    return [_preview(_stored(meant, post, last - n, now), language, now) for n, post in enumerate(reversed(newest))]


def of_stored(some: Sequence[views.Stored], language: str, now: datetime) -> list[Preview]:
    return [_preview(one, language, now) for one in some]


def _stored(meant: Meant, post: Post, seq: int, now: datetime) -> views.Stored:
    """As it would be stored now."""
    info = meant.found.page.info
    same = {
        name: getattr(post, name)
        for name in ("title", "url", "author", "content", "is_html", "summary", "base", "image", "tags")
    }
    return views.Stored(
        uid=NOT_YET,
        seq=seq,
        version=1,
        feed_uid=NOT_YET,
        feed_title=info.title if info else "",
        feed_key=meant.found.key,
        feed_home=info.home if info else "",
        source=meant.source,
        published_at=post.published,
        updated_at=post.updated,
        found_at=now,
        **same,
    )


def _preview(stored: views.Stored, language: str, now: datetime) -> Preview:
    card = _card(_message(views.shown(stored, Feishu.max_text), language, now))
    bubble = _bubble(_message(views.shown(stored, WhatsApp.max_text), language, now))
    plain = views.shown(stored, webhook.Webhook.max_text)
    return Preview(plain.title, card, bubble, _body(_message(plain, language, now)))


def _message(post: PostView, language: str, now: datetime) -> Message:
    return Message(id="msg_preview", address="", created_at=now, sent_at=now, post=post, language=language)


# Webhooks


def _body(message: Message) -> str:
    try:
        return msgspec.json.format(webhook.encode(message), indent=2).decode()
    except Rejected:
        return ""


# Feishu


def _card(message: Message) -> Card:
    """Read off the request that would be made."""
    assert message.post is not None
    image_key = "img_preview" if message.post.image else ""
    plan = sending.first_plan(message)
    request = msgspec.json.decode(sending.body(message, plan, image_key, {}))
    card = msgspec.json.decode(request["content"])
    elements = card["body"]["elements"]
    header = card.get("header", {})
    texts = [unescape(one["content"]) for one in elements if one["tag"] == "markdown"]
    return Card(
        title=header.get("title", {}).get("content", ""),
        names=header.get("subtitle", {}).get("content", ""),
        text=pieces("\n\n".join(texts)),
        picture=any(one["tag"] == "img" for one in elements),
        buttons=[button for one in elements if one["tag"] == "column_set" for button in _buttons(one)],
    )


def _buttons(columns: Any) -> list[Piece]:
    found = [element for column in columns["columns"] for element in column["elements"]]
    return [Piece(one["text"]["content"], one["behaviors"][0].get("default_url", "")) for one in found]


# WhatsApp


def _bubble(message: Message) -> Bubble:
    """Read off the request that would be made."""
    content = messages.free(message)
    picture = content["type"] == "image"
    text = content["image"]["caption"] if picture else content["text"]["body"]
    head, _, rest = text.partition("\n")
    bold = len(head) > 2 and head.startswith("*") and head.endswith("*")
    first = [Piece(_plain(head[1:-1]), strong=True)] if bold else pieces(_plain(head))
    return Bubble([*first, *(pieces("\n" + _plain(rest)) if rest else ())], picture)


def _plain(text: str) -> str:
    """Without what takes their meaning from markers, which nobody sees."""
    return _DEFUSED.sub("", text)


def pieces(text: str) -> list[Piece]:
    """Words, and the addresses among them."""
    found, end = [], 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_AFTER)
        if match.start() > end:
            found.append(Piece(text[end : match.start()]))
        found.append(Piece(address, href=address))
        end = match.start() + len(address)
    return [*found, Piece(text[end:])] if end < len(text) else found
