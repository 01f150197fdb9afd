"""Whether a callback is the platform's, and the document inside it: the order of feishu.md 9.

Everything that could tell a forger how near they came is refused with one and the same text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from adapters.channels.feishu.crypto import BadCipher, card_signature, decrypt, event_signature, same
from adapters.channels.feishu.settings import Config
from adapters.inbound import Callback, HttpAnswer, Refused

MAX_BODY: Final = 1024 * 1024
FORGED: Final = "the callback is not proven to be the platform's"

_GO_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d) +(\d\d:\d\d:\d\d)(?:\.\d+)? +([+-]\d\d)(\d\d)\b.*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opened:
    """A genuine callback's document.  ``challenge`` is the answer to a handshake, which says nothing else."""

    document: Mapping[str, Any]
    raw: bytes  # the document as it was before parsing, and after decrypting
    flat: bool = False  # an old callback of a card: no envelope
    signed_at: datetime | None = None
    signature: str = ""
    challenge: HttpAnswer | None = None


def open_callback(callback: Callback, config: Config) -> Opened:
    """Raises Refused: 401 for what is not proven, 400 for what cannot be read, 403 for another app's."""
    if callback.method != "POST" or len(callback.body) > MAX_BODY:
        raise Refused("not a callback of this platform", 400)
    if not config.encrypt_key and not config.verification_token:
        raise Refused("neither a verification token nor an encrypt key is set")
    outer = read_document(callback.body)
    sealed = outer.get("encrypt")
    raw, inner, signed = callback.body, outer, False
    if sealed is not None:
        signed = _signed_event(callback, config)
        raw = _decrypted(sealed, config)
        inner = read_document(raw, proven=signed)
    if inner.get("type") == "url_verification":
        return _handshake(inner, raw, config, sealed=sealed is not None)
    if _is_flat(inner):
        return _flat(callback, inner, raw, config)
    if config.encrypt_key and not signed:
        raise Refused(FORGED)
    token = _header(inner).get("token", "") if _is_v2(inner) else inner.get("token", "")
    if config.verification_token and not same(str(token), config.verification_token):
        raise Refused(FORGED)
    check_app(inner, config)
    return Opened(inner, raw)


def check_app(document: Mapping[str, Any], config: Config) -> None:
    """Raises Refused unless the event is for the app that is set up."""
    event = document.get("event")
    where = _header(document) if _is_v2(document) else event if isinstance(event, dict) else {}
    if not config.app_id or where.get("app_id") != config.app_id:
        raise Refused("the callback is for another app", 403)


def signed_time(text: str) -> datetime | None:
    """When a callback was signed: seconds, or a time as Go writes it (feishu.md 11); None: not to be read."""
    text = text.strip()
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text[:12]), UTC)
        if match := _GO_TIME.fullmatch(text):
            day, time, hours, minutes = match.groups()
            return datetime.fromisoformat(f"{day}T{time}{hours}:{minutes}").astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # digits that are no time
        return None
    return None


def millis(text: object) -> datetime | None:
    """The platform's times: milliseconds as text."""
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 14:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))


def read_document(raw: bytes, *, proven: bool = True) -> dict[str, Any]:
    """An object.  ``proven``: whoever sent it may be told that it is none.  Raises Refused."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise Refused("the body is not JSON that we know", 400) if proven else Refused(FORGED)
    return document


def _signed_event(callback: Callback, config: Config) -> bool:
    """Whether the three headers are there; they then have to be right.  Raises Refused."""
    headers = callback.headers
    given = headers.get("X-Lark-Signature", "")
    timestamp, nonce = headers.get("X-Lark-Request-Timestamp", ""), headers.get("X-Lark-Request-Nonce", "")
    if not (given and timestamp and nonce):
        return False
    if not config.encrypt_key or not same(given, event_signature(timestamp, nonce, config.encrypt_key, callback.body)):
        raise Refused(FORGED)
    return True


def _decrypted(sealed: object, config: Config) -> bytes:
    try:
        if not isinstance(sealed, str) or not config.encrypt_key:
            raise BadCipher
        return decrypt(config.encrypt_key, sealed)
    except BadCipher:
        raise Refused(FORGED) from None


def _handshake(inner: Mapping[str, Any], raw: bytes, config: Config, *, sealed: bool) -> Opened:
    """No signature is expected here; who could encrypt it or knows the token is believed."""
    token, challenge = inner.get("token"), inner.get("challenge")
    if not isinstance(token, str) or not isinstance(challenge, str):
        raise Refused(FORGED)
    if config.verification_token and not same(token, config.verification_token):
        raise Refused(FORGED)
    if not config.verification_token and not sealed:
        raise Refused(FORGED)
    return Opened(inner, raw, challenge=HttpAnswer(body=msgspec.json.encode({"challenge": challenge})))


def _flat(callback: Callback, inner: Mapping[str, Any], raw: bytes, config: Config) -> Opened:
    """Signed with the verification token in an older way, encrypted or not (feishu.md 11)."""
    headers = callback.headers
    timestamp, given = headers.get("X-Lark-Request-Timestamp", ""), headers.get("X-Lark-Signature", "")
    signed = card_signature(
        timestamp, headers.get("X-Lark-Request-Nonce", ""), config.verification_token, callback.body
    )
    if not config.verification_token or not same(given, signed):
        raise Refused(FORGED)
    return Opened(inner, raw, flat=True, signed_at=signed_time(timestamp), signature=signed)


def _is_v2(document: Mapping[str, Any]) -> bool:
    return "schema" in document or "header" in document


def _is_flat(document: Mapping[str, Any]) -> bool:
    return not _is_v2(document) and "event" not in document and "open_message_id" in document


def _header(document: Mapping[str, Any]) -> Mapping[str, Any]:
    header = document.get("header")
    return header if isinstance(header, dict) else {}
