"""What people see of a message: taken from the very request, so that a page shows what a phone would."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

Body = Mapping[str, Any]


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to press.  ``url``: it opens an address instead of coming back to us."""

    label: str
    value: str = ""
    url: str = ""
    about: str = ""


class Looks(msgspec.Struct, frozen=True, omit_defaults=True):
    """``kind``: "text", "card", "buttons", "list", "template", "image", or "refused" by the platform."""

    kind: str
    text: str = ""
    title: str = ""
    subtitle: str = ""
    keys: tuple[Key, ...] = ()
    opens: str = ""  # what is on the button that opens a list
    picture: bool = False
    quotes: str = ""  # the message that it answers


def write(looks: Looks) -> str:
    return msgspec.json.encode(looks).decode()


def read(text: str) -> Looks:
    return msgspec.json.decode(text, type=Looks)


def refusal(code: int, reason: str) -> str:
    return write(Looks("refused", title=str(code), text=reason))


# Feishu


def of_feishu(msg_type: str, content: Any, quotes: str = "") -> Looks:
    """``content``: as it was inside the request."""
    if msg_type == "interactive":
        return of_card(content, quotes)
    if msg_type == "post":
        return _of_post(content, quotes)
    return Looks("text", str(content.get("text", "")), quotes=quotes)


def of_card(card: Body, quotes: str = "") -> Looks:
    """A card of the form 2.0."""
    header, elements = card.get("header", {}), list(_elements(card["body"]["elements"]))
    lines = [html.unescape(str(one["content"])) for one in elements if one["tag"] == "markdown"]
    return Looks(
        "card",
        "\n\n".join(lines),
        title=header.get("title", {}).get("content", ""),
        subtitle=header.get("subtitle", {}).get("content", ""),
        keys=tuple(_key(one) for one in elements if one["tag"] == "button"),
        picture=any(one["tag"] == "img" for one in elements),
        quotes=quotes,
    )


def _elements(nodes: Sequence[Body]) -> Iterator[Body]:
    for node in nodes:
        yield node
        yield from _elements([*node.get("columns", ()), *node.get("elements", ())])


def _key(button: Body) -> Key:
    does = button["behaviors"][0]
    label = str(button["text"]["content"])
    if does["type"] == "open_url":
        return Key(label, url=str(does["default_url"]))
    return Key(label, json.dumps(does["value"]))


def _of_post(content: Body, quotes: str) -> Looks:
    inner = next(iter(content.values()))
    paragraphs = ["".join(str(tag.get("text", "")) for tag in paragraph) for paragraph in inner["content"]]
    links = [
        Key(str(tag["text"]), url=str(tag["href"]))
        for paragraph in inner["content"]
        for tag in paragraph
        if tag["tag"] == "a"
    ]
    return Looks("card", "\n".join(paragraphs), title=inner.get("title", ""), keys=tuple(links), quotes=quotes)


# WhatsApp


def of_whatsapp(body: Body, template: str = "") -> Looks:
    """``template``: its filled text, where the body only names it."""
    kind, quotes = body["type"], body.get("context", {}).get("message_id", "")
    content = body[kind]
    if kind == "interactive":
        return _of_interactive(content, quotes)
    if kind == "template":
        return Looks("template", template)
    if kind == "image":
        return Looks("image", str(content.get("caption", "")), picture=True, quotes=quotes)
    return Looks("text", str(content["body"]), quotes=quotes)


def _of_interactive(content: Body, quotes: str) -> Looks:
    action, text = content["action"], str(content["body"]["text"])
    if content["type"] == "button":
        keys = tuple(Key(one["reply"]["title"], one["reply"]["id"]) for one in action["buttons"])
        return Looks("buttons", text, keys=keys, picture="header" in content, quotes=quotes)
    rows = [row for section in action["sections"] for row in section["rows"]]
    keys = tuple(Key(row["title"], row["id"], about=row.get("description", "")) for row in rows)
    return Looks("list", text, keys=keys, opens=str(action["button"]), quotes=quotes)
