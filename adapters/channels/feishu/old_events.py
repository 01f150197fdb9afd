"""Events of the first form, which only old apps still get (feishu.md 12)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from adapters.channels.feishu import texts
from adapters.inbound import AnyEvent, ChatJoined, ChatLeft, ChatMessage, Unknown

_SECONDS: Final = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)
_AT: Final = re.compile(r"<at[^<>]*>([^<]*)</at>")
_UUID: Final = re.compile(r"[!-~]{1,100}", re.ASCII)
_CHAT: Final = re.compile(r"oc_[A-Za-z0-9_-]{1,64}", re.ASCII)
_PERSON: Final = re.compile(r"ou_[A-Za-z0-9_-]{1,64}", re.ASCII)
_MESSAGE: Final = re.compile(r"om_[A-Za-z0-9_-]{1,80}", re.ASCII)


class OldEvent(Struct):
    type: str
    open_chat_id: str = ""
    chat_type: str | None = None
    chat_name: str | None = None
    open_id: str = ""
    open_message_id: str = ""
    parent_id: str | None = None
    msg_type: str | None = None
    text: str | None = None
    text_without_at_bot: str | None = None
    is_mention: bool | None = None


class OldEnvelope(Struct):
    uuid: str
    event: OldEvent
    ts: str | None = None


def read(document: Mapping[str, Any]) -> Sequence[AnyEvent]:
    """Raises ValueError for what is not as we know it."""
    envelope = msgspec.convert(document, OldEnvelope)
    event, at = envelope.event, _at(envelope.ts)
    if not _UUID.fullmatch(envelope.uuid):
        raise ValueError("an id of another form")
    key = f"e:{envelope.uuid}"
    if not _CHAT.fullmatch(event.open_chat_id):
        return (Unknown(key=key, at=at, what=event.type[:100]),)
    match event.type:
        case "message":
            return (_message(event, at),)
        case "add_bot":
            name = texts.tidy(event.chat_name or "")[:200]
            return (ChatJoined(key=key, at=at, chat=event.open_chat_id, direct=False, name=name),)
        case "remove_bot":
            return (ChatLeft(key=key, at=at, chat=event.open_chat_id),)
        case _:
            return (Unknown(key=key, at=at, what=event.type[:100]),)


def _message(event: OldEvent, at: datetime | None) -> ChatMessage:
    """Its key is that of the same message in the present form: an app can be subscribed to both."""
    if not _PERSON.fullmatch(event.open_id) or not _MESSAGE.fullmatch(event.open_message_id):
        raise ValueError("an id of another form")
    direct = event.chat_type == "private"
    text = event.text if event.text_without_at_bot is None else event.text_without_at_bot
    text = texts.tidy(_AT.sub(r"\1", (text or "")[: texts.MAX_TEXT]))
    return ChatMessage(
        key=f"m:{event.open_message_id}",
        at=at,
        chat=event.open_chat_id,
        also=(event.open_id,) if direct else (),
        direct=direct,
        sender=event.open_id,
        addressed=direct or event.is_mention is True,
        kind="text" if event.msg_type in ("text", "post") else "unsupported",
        text=text,
        message_id=event.open_message_id,
        answers=event.parent_id if event.parent_id and _MESSAGE.fullmatch(event.parent_id) else "",
    )


def _at(ts: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(ts), UTC) if ts and _SECONDS.fullmatch(ts) else None
