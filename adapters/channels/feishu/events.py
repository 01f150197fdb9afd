"""Events of the present form (schema 2.0) and presses of buttons → what they mean to us (feishu.md 12 to 16)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from adapters.channels.feishu import old_events, texts
from adapters.channels.feishu.callbacks import Opened, millis
from adapters.channels.feishu.directory import Directory
from adapters.channels.feishu.texts import Mention, UserId
from adapters.inbound import AnyEvent, ChatJoined, ChatLeft, ChatMessage, StatusChanged, Unknown

FLAT: Final = "flat:"  # how keys of old callbacks of cards begin; their answer has another form

_MAX_RAW: Final = 4 * 1024
_CHAT: Final = re.compile(r"oc_[A-Za-z0-9_-]{1,64}", re.ASCII)
_PERSON: Final = re.compile(r"o[un]_[A-Za-z0-9_-]{1,64}", re.ASCII)
_MESSAGE: Final = re.compile(r"om_[A-Za-z0-9_-]{1,80}", re.ASCII)
_ACTION: Final = re.compile(r"[ -~]{1,200}", re.ASCII)
_KEY: Final = re.compile(r"[!-~]{1,100}", re.ASCII)


class Header(Struct):
    event_type: str
    event_id: str = ""
    create_time: str | None = None


class Sender(Struct):
    sender_id: UserId
    sender_type: str | None = None


class Received(Struct):
    message_id: str
    chat_id: str
    chat_type: str
    message_type: str
    content: str = "{}"
    create_time: str | None = None
    parent_id: str | None = None
    mentions: list[Mention] | None = None


class MessageEvent(Struct):
    sender: Sender
    message: Received


class GroupEvent(Struct):
    chat_id: str
    operator_id: UserId | None = None
    name: str | None = None


class EnteredEvent(Struct):
    chat_id: str
    operator_id: UserId
    last_message_id: str | None = None


class Reader(Struct):
    reader_id: UserId
    read_time: str | None = None


class ReadEvent(Struct):
    reader: Reader
    message_id_list: list[str]


class Action(Struct):
    value: Any = None


class Where(Struct):
    open_chat_id: str
    open_message_id: str | None = None


class PressEvent(Struct):
    operator: UserId
    action: Action
    context: Where
    token: str | None = None


class FlatPress(Struct):
    open_id: str
    open_chat_id: str
    action: Action
    open_message_id: str | None = None
    token: str | None = None


class Reads:
    """Reads the events of one app."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def events(self, opened: Opened) -> Sequence[AnyEvent]:
        """What a genuine callback says.  What is not as we know it becomes Unknown: a repeat would not mend it."""
        try:
            if opened.flat:
                return (await self._flat(opened),)
            if "header" not in opened.document:
                return old_events.read(opened.document)
            header = msgspec.convert(opened.document["header"], Header)
            read = await self._read(header, opened.document.get("event"))
        except (msgspec.DecodeError, ValueError, RecursionError):  # ValidationError is one of the first
            read = ()
        return read or (unknown(opened),)

    async def _read(self, header: Header, event: Any) -> Sequence[AnyEvent]:
        if not _KEY.fullmatch(header.event_id):
            raise ValueError("no event id")
        key, at = f"e:{header.event_id}", millis(header.create_time)
        match header.event_type:
            case "im.message.receive_v1":
                return await self._message(msgspec.convert(event, MessageEvent), at)
            case "card.action.trigger":
                return (await self._press(key, at, msgspec.convert(event, PressEvent)),)
            case "im.chat.member.bot.added_v1":
                return (_joined(key, at, msgspec.convert(event, GroupEvent)),)
            case "im.chat.member.bot.deleted_v1" | "im.chat.disbanded_v1":
                left = msgspec.convert(event, GroupEvent)
                return (ChatLeft(key=key, at=at, chat=_known(_CHAT, left.chat_id)),)
            case "im.chat.access_event.bot_p2p_chat_entered_v1":
                return (self._entered(key, at, msgspec.convert(event, EnteredEvent)),)
            case "im.message.message_read_v1":
                return _read_receipts(key, msgspec.convert(event, ReadEvent))
            case _:
                return ()

    async def _message(self, event: MessageEvent, at: datetime | None) -> Sequence[AnyEvent]:
        """The key is the message's own: two events, each with an id of its own, can tell of one message."""
        if event.sender.sender_type != "user":  # bots talking to bots
            return ()
        message, person = event.message, event.sender.sender_id
        direct = message.chat_type == "p2p"
        chat, sender = _known(_CHAT, message.chat_id), _known(_PERSON, person.open_id)
        self._directory.met(chat, direct=direct)
        mentions = message.mentions or []
        bot = await self._directory.bot() if mentions else ""
        said = texts.read(message.message_type, message.content, mentions, bot)
        return (
            ChatMessage(
                key=f"m:{_known(_MESSAGE, message.message_id)}",
                at=millis(message.create_time) or at,
                chat=chat,
                also=(sender,) if direct else (),
                direct=direct,
                sender=sender,
                sender_also=person.others,
                addressed=direct or said.to_bot,
                kind=said.kind,
                text=said.text,
                message_id=message.message_id,
                answers=_or_empty(_MESSAGE, message.parent_id),
                forwarded=said.forwarded,
                file=said.file,
            ),
        )

    async def _press(self, key: str, at: datetime | None, event: PressEvent) -> ChatMessage:
        action, chat = _action(event.action.value), _known(_CHAT, event.context.open_chat_id)
        sender = _known(_PERSON, event.operator.open_id)
        direct = await self._directory.seems_direct(chat)
        return ChatMessage(
            key=key,
            at=at,
            chat=chat,
            also=(sender,) if direct else (),
            direct=direct,
            sender=sender,
            sender_also=event.operator.others,
            action=action,
            answers=_or_empty(_MESSAGE, event.context.open_message_id),
            wants_answer=True,
            answer_to=(event.token or "")[:200],
        )

    async def _flat(self, opened: Opened) -> ChatMessage:
        """It has no id of its own; its signature is as good, for it covers time, nonce and body."""
        event = msgspec.convert(opened.document, FlatPress)
        where = Where(open_message_id=event.open_message_id, open_chat_id=event.open_chat_id)
        press = PressEvent(UserId(open_id=event.open_id), event.action, where, event.token)
        return await self._press(FLAT + opened.signature, opened.signed_at, press)

    def _entered(self, key: str, at: datetime | None, event: EnteredEvent) -> ChatJoined:
        """Comes every time the chat is opened, so only the first is one to greet."""
        chat = _known(_CHAT, event.chat_id)
        self._directory.met(chat, direct=True)
        sender = _known(_PERSON, event.operator_id.open_id)
        return ChatJoined(key=key, at=at, chat=chat, direct=True, sender=sender, first=not event.last_message_id)


def unknown(opened: Opened) -> Unknown:
    """Kept for a look."""
    header = opened.document.get("header")
    header = header if isinstance(header, dict) else {}
    event_id, what = header.get("event_id") or opened.document.get("uuid"), header.get("event_type")
    if not isinstance(event_id, str) or not _KEY.fullmatch(event_id):
        event_id = hashlib.blake2b(opened.raw, digest_size=16).hexdigest()
    raw = opened.raw[:_MAX_RAW].decode(errors="replace").replace("\0", "")
    return Unknown(key=f"e:{event_id}", what=what[:100] if isinstance(what, str) else "unreadable", raw=raw)


def _joined(key: str, at: datetime | None, event: GroupEvent) -> ChatJoined:
    operator = event.operator_id.open_id if event.operator_id else ""
    return ChatJoined(
        key=key,
        at=at,
        chat=_known(_CHAT, event.chat_id),
        direct=False,
        sender=_or_empty(_PERSON, operator),
        name=texts.tidy(event.name or "")[:200],
    )


def _read_receipts(key: str, event: ReadEvent) -> Sequence[StatusChanged]:
    at, reader = millis(event.reader.read_time), _or_empty(_PERSON, event.reader.reader_id.open_id)
    return [
        StatusChanged(key=f"{key}:{message}", at=at, message_id=message, status="read", chat=reader)
        for message in event.message_id_list[:1000]
        if _MESSAGE.fullmatch(message)
    ]


def _action(value: object) -> str:
    """What our button carried.  Raises ValueError for what no button of ours carries."""
    if isinstance(value, str):  # some clients give the object back as text
        value = msgspec.json.decode(value)
    action = value.get("v") if isinstance(value, Mapping) else None
    if not isinstance(action, str) or not _ACTION.fullmatch(action):
        raise ValueError("no button of ours")
    return action


def _known(form: re.Pattern[str], value: str | None) -> str:
    if not value or not form.fullmatch(value):
        raise ValueError("an id of another form")
    return value


def _or_empty(form: re.Pattern[str], value: str | None) -> str:
    return value if value and form.fullmatch(value) else ""
