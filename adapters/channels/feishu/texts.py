"""What a person wrote, out of the forms in which the platform gives it (feishu.md 14)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

MAX_TEXT: Final = 20_000
ALL: Final = "@_all"

_KINDS: Final = {
    "image": "image",
    "file": "file",
    "audio": "audio",
    "media": "video",
    "sticker": "sticker",
    "folder": "file",
    "interactive": "card",
    "location": "location",
    "share_chat": "contact",
    "share_user": "contact",
    "merge_forward": "forward",
}
_PLACEHOLDER: Final = re.compile(r"@_(?:user_\d{1,4}|all)(?!\d)")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_AROUND_BREAKS: Final = re.compile(r" *\n *")
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0B-\x1F\x7F\u200B\u2060\uFEFF\uD800-\uDFFF]")
_FILE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


class UserId(Struct):
    open_id: str | None = None
    union_id: str | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """``user_id`` is none of them: it is unique in a tenant only, and often missing."""
        return (self.union_id,) if self.union_id and self.union_id.startswith("on_") else ()


class Mention(Struct):
    key: str
    id: UserId | None = None
    name: str | None = None
    mentioned_type: str | None = None


@dataclass(frozen=True, slots=True)
class SaidText:
    kind: str
    text: str = ""
    file: str = ""
    to_bot: bool = False  # the bot was mentioned
    forwarded: bool = False


def read(message_type: str, content: str, mentions: Sequence[Mention], bot: str) -> SaidText:
    """``bot``: its open id, empty when it is not known: then any bot that is mentioned is taken for it.

    Raises ValueError for content that is not as the platform makes it.
    """
    document = _document(content)
    if message_type == "text":
        text, kind = str(document.get("text", "")), "text"
    elif message_type == "post":
        text, kind = _joined(document), "text"
    else:
        kind = _KINDS.get(message_type, "unsupported")
        text = str(document.get("file_name", "")) if kind == "file" else ""
        file = str(document.get("file_key", "")) if message_type == "file" else ""
        return SaidText(
            kind, tidy(text), file if _FILE.fullmatch(file) else "", forwarded=message_type == "merge_forward"
        )
    ours = {one.key for one in mentions if _is_bot(one, bot)}
    names = {one.key: f"@{one.name or ''}" for one in mentions} | dict.fromkeys(ours, " ") | {ALL: "@all"}
    text = _PLACEHOLDER.sub(lambda found: names.get(found[0], found[0]), text[:MAX_TEXT])
    return SaidText(kind, tidy(text), to_bot=bool(ours))


def tidy(text: str) -> str:
    """Without what is unseen, single blanks, no blanks around line breaks."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _AROUND_BREAKS.sub("\n", _BLANKS.sub(" ", text)).strip()


def _is_bot(mention: Mention, bot: str) -> bool:
    """Never by its name, which anybody can take."""
    open_id = mention.id.open_id if mention.id else ""
    return open_id == bot if bot else mention.mentioned_type == "bot"


def _document(content: str) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(content.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("content that is no JSON") from error
    if not isinstance(document, dict):
        raise ValueError("content that is no object")
    return document


def _joined(document: Mapping[str, Any]) -> str:
    """The words of a rich text, a line for each paragraph."""
    paragraphs = document.get("content")
    lines = [str(document.get("title") or "")]
    for paragraph in paragraphs if isinstance(paragraphs, list) else []:
        tags = paragraph if isinstance(paragraph, list) else []
        lines.append("".join(_words(tag) for tag in tags if isinstance(tag, dict)))
    return "\n".join(filter(str.strip, lines))


def _words(tag: Mapping[str, Any]) -> str:
    match tag.get("tag"):
        case "text" | "md" | "code_block":
            return str(tag.get("text", ""))
        case "a":  # whoever gives us a link means where it leads
            return str(tag.get("href") or tag.get("text", ""))
        case "at":
            return f" {tag.get('user_id', '')} "
        case _:
            return ""
