"""Reads what the platform tells us: bytes in, events out (whatsapp.md 4 to 7).

One callback may hold a thousand updates, in several entries, changes and lists.  Each becomes an event with a key of
its own, so that one that cannot be read costs no other, and a repeat is known wherever it appears.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
import structlog

from adapters.channels.whatsapp import codes
from adapters.channels.whatsapp.numbers import from_platform, is_user_id, other_spelling
from adapters.inbound import AddressMoved, AnyEvent, ChatMessage, Preference, StatusChanged, Unknown

log = structlog.get_logger("whatsapp")

MAX_RAW: Final = 4096  # bytes of what we do not know that are kept
MAX_TEXT: Final = 16_384  # of a message: more than the platform lets people write
_MAX_NAME = 256
_MAX_ID = 512

_MEDIA: Final = frozenset({"image", "video", "audio", "document", "sticker"})
_NO_WORDS: Final = frozenset({"reaction", "edit", "revoke"})  # about other messages; nobody waits for an answer
_NO_OPENERS: Final = _NO_WORDS | {"unsupported", "unknown", "request_welcome"}  # whether they do is not known
_STATUSES: Final = {"played": "read"}  # heard is read

Object = Mapping[str, Any]


def read(body: bytes, phone_number_id: str) -> Sequence[AnyEvent]:
    """Every update for this number; with none set, for any.  What cannot be read becomes an Unknown."""
    try:
        document = _decoded(body)
    except (ValueError, RecursionError):
        return [_unknown("a body that is no JSON", body)]
    if _string(document, "object") != "whatsapp_business_account":
        return [_unknown("a body about something else", body)]
    return [event for entry in _objects(document, "entry") for event in _entry(entry, phone_number_id)]


def _entry(entry: Object, phone_number_id: str) -> Iterator[AnyEvent]:
    for change in _objects(entry, "changes"):
        value, what = _object(change, "value"), _string(change, "field")
        number = _string(_object(value, "metadata"), "phone_number_id")
        if number and phone_number_id and number != phone_number_id:
            log.warning("a callback for a number that is not ours", field=what[:40], phone_number_id=number[:40])
        elif what in ("messages", "user_preferences"):
            yield from _updates(value)
        else:  # told again, it has the same time; told anew, another
            yield _unknown(f"the field {what[:60]!r}", _encoded([entry.get("id"), entry.get("time"), change]))


def _updates(value: Object) -> Iterator[AnyEvent]:
    contacts = _objects(value, "contacts")
    known = {_string(one, name): one for name in ("wa_id", "user_id") for one in contacts}
    for message in _objects(value, "messages"):
        yield from _message(message, _contact_of(message, contacts, known))
    for status in _objects(value, "statuses"):
        yield _status(status)
    for preference in _objects(value, "user_preferences"):
        yield _preference(preference)
    for error in _objects(value, "errors"):
        code, words = codes.failure([error])
        log.warning("the platform reports an error", code=code, reason=words)
        yield _unknown(f"the error {code}", _encoded(error))


# --- Messages ---


def _message(message: Object, person: Object) -> Iterator[AnyEvent]:
    """``person``: the contact that it is from."""
    kind, message_id = _string(message, "type") or "unknown", _string(message, "id", _MAX_ID)
    if kind == "system":
        yield from _system(message, message_id)
        return
    names = _names_of(message, person)
    if not message_id or not names or "group_id" in message:  # we are in no groups
        yield _unknown(f"a message of the type {kind[:40]!r}", _encoded(message))
        return
    context = _object(message, "context")
    sender = next(filter(is_user_id, names), names[0])
    text, action = _words(message, kind)
    yield ChatMessage(
        key=f"m:{message_id}",
        at=_time(message),
        chat=names[0],
        also=names[1:],
        direct=True,
        sender=sender,
        sender_also=tuple(name for name in names if name != sender),
        sender_name=_string(_object(person, "profile"), "name", _MAX_NAME),
        phone=names[0] if names[0].startswith("+") else "",
        addressed=kind not in _NO_WORDS,
        kind="text" if kind in ("text", "button", "interactive") else kind[:40],
        text=text,
        action=action,
        message_id=message_id,
        answers=_string(context, "id", _MAX_ID) or _string(_object(message, "reaction"), "message_id", _MAX_ID),
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
        file=_string(_object(message, kind), "id", _MAX_ID) if kind in _MEDIA else "",
        opens_window=kind not in _NO_OPENERS,
    )


def _words(message: Object, kind: str) -> tuple[str, str]:
    """What was written or pressed: text and action.  Buttons of templates and of our messages differ (6.2)."""
    content = _object(message, kind)
    if kind == "text":
        return _string(content, "body", MAX_TEXT), ""
    if kind == "button":
        return _string(content, "text", MAX_TEXT), _string(content, "payload", _MAX_ID)
    if kind == "interactive":
        pressed = _object(content, _string(content, "type"))
        return _string(pressed, "title", MAX_TEXT), _string(pressed, "id", _MAX_ID)
    return (_string(content, "caption", MAX_TEXT), "") if kind in _MEDIA else ("", "")


def _names_of(message: Object, person: Object) -> tuple[str, ...]:
    """Under what addresses this person may be known; first where an answer goes: the number, if it is told."""
    number = from_platform(_string(message, "from") or _string(person, "wa_id"))
    second = from_platform(_string(person, "wa_id"))
    ids = [
        *(_string(message, name) for name in ("from_user_id", "from_parent_user_id")),
        *(_string(person, name) for name in ("user_id", "parent_user_id")),
    ]
    names = [number, *filter(is_user_id, ids), second, other_spelling(number)]
    return tuple(dict.fromkeys(filter(None, names)))


def _contact_of(message: Object, contacts: Sequence[Object], known: Mapping[str, Object]) -> Object:
    """Of several by id or number; ``known``: the contacts by both."""
    for name in ("from_user_id", "from"):
        if (who := _string(message, name)) and who in known:
            return known[who]
    return contacts[0] if len(contacts) == 1 else {}


def _system(message: Object, message_id: str) -> Iterator[AnyEvent]:
    """A person has another number, and with it another id (6.4)."""
    system = _object(message, "system")
    moves = (
        (from_platform(_string(message, "from")), from_platform(_string(system, "wa_id"))),
        (_user_id(system, "previous_user_id"), _user_id(system, "user_id")),
    )
    known = [(old, new) for old, new in moves if old and new and old != new]
    if not message_id or not known or _string(system, "type") == "customer_identity_changed":
        yield _unknown(f"news of the type {_string(system, 'type')[:40]!r}", _encoded(message))
        return
    for number, (old, new) in enumerate(known):
        yield AddressMoved(
            key=f"m:{message_id}" + (f":{number}" if number else ""), at=_time(message), old=old, new=new
        )


# --- Statuses and preferences ---


def _status(status: Object) -> AnyEvent:
    """What became of a message of ours (7)."""
    message_id, word = _string(status, "id", _MAX_ID), _string(status, "status")[:40]
    if not message_id or not word:
        return _unknown("a status", _encoded(status))
    code, words = codes.failure(status.get("errors"))
    to_person = _string(status, "recipient_type") != "group"
    chat = from_platform(_string(status, "recipient_id")) or _user_id(status, "recipient_user_id")
    return StatusChanged(
        key=f"s:{message_id}:{word}",
        at=_time(status),
        message_id=message_id,
        delivery=_string(status, "biz_opaque_callback_data", _MAX_ID),
        status=_STATUSES.get(word, word),
        error_code=code,
        error=words,
        window_closed=code == str(codes.WINDOW_CLOSED),
        again=code == str(codes.PICTURE_REFUSED),
        chat=chat if to_person else "",
    )


def _preference(preference: Object) -> AnyEvent:
    """Only about marketing, which is what posts are to the platform (7.1)."""
    chat = from_platform(_string(preference, "wa_id")) or _user_id(preference, "user_id")
    value, at = _string(preference, "value"), _time(preference)
    if not chat or _string(preference, "category") != "marketing_messages" or value not in _WANTED:
        return _unknown("a preference", _encoded(preference))
    key = f"p:{chat}:{value}:{at.timestamp() if at else 0:.0f}"
    return Preference(key=key, at=at, chat=chat, wanted=_WANTED[value])


_WANTED: Final = {"stop": False, "resume": True, "signup": True}

# --- Members of what strangers wrote ---


def _decoded(body: bytes) -> Any:
    """Raises ValueError, RecursionError.  The second reader is for half characters, which the first refuses."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return json.loads(body)


def _object(parent: Any, name: str) -> Object:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def _objects(parent: Any, name: str) -> list[Object]:
    value = parent.get(name) if isinstance(parent, dict) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _string(parent: Any, name: str, most: int = _MAX_ID) -> str:
    """Without what a database or an encoder would choke on; empty if it is no text."""
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, str):
        return ""
    return value[:most].replace("\0", "").encode(errors="replace").decode()


def _user_id(parent: Object, name: str) -> str:
    value = _string(parent, name)
    return value if is_user_id(value) else ""


def _time(parent: Object) -> datetime | None:
    """Unix seconds, documented as text and taken as a number, too."""
    value = parent.get("timestamp")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 37:
        return None
    return datetime.fromtimestamp(value, UTC)


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, sort_keys=True).encode()
    except RecursionError:
        return b"nested too deeply"


def _unknown(what: str, raw: bytes) -> Unknown:
    text = raw[:MAX_RAW].decode(errors="replace").replace("\0", "")
    return Unknown(key=f"u:{sha256(raw).hexdigest()}", what=what, raw=text.encode()[:MAX_RAW].decode(errors="ignore"))
