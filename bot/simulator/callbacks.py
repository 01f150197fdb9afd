"""What the simulated platforms tell us: their own bodies, signed as they sign.

Feishu: feishu.md 9 to 15.  WhatsApp: whatsapp.md 4 to 7.
"""

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from bot.clock import to_millis
from bot.simulator.feishu import APP
from bot.simulator.looks import Key, Looks
from bot.simulator.whatsapp import NUMBER_ID
from bot.usecases.simulator import address, names

Document = dict[str, Any]

_BLOCK = 16


class Callbacks(Protocol):
    """One platform's way of telling."""

    def said(self, person: Any, message_id: str, text: str, at: datetime) -> Document:
        """The person wrote."""

    def pressed(self, person: Any, message_id: str, on: str, looks: Looks, key: Key, at: datetime) -> Document:
        """The person pressed something on the message ``on``."""

    def told(self, person: Any, rows: Sequence[Any], status: str, at: datetime) -> Document:
        """What became of messages of ours."""

    def request(self, document: Document, at: datetime) -> tuple[Mapping[str, str], bytes]:
        """Headers and body."""

    def shown(self, document: Document) -> Document:
        """Without what proves that it is the platform's."""


class FeishuCallbacks:
    """``secret``: the token in each event, and the key under which it is encrypted."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def said(self, person: Any, message_id: str, text: str, at: datetime) -> Document:
        now = str(to_millis(at))
        message = {
            "message_id": message_id,
            "create_time": now,
            "update_time": now,
            "chat_id": address(person, "feishu"),
            "chat_type": "p2p",
            "message_type": "text",
            "content": json.dumps({"text": text}, ensure_ascii=False),
        }
        sender = {"sender_id": _ids(person), "sender_type": "user", "tenant_key": "simulator"}
        return self._event("im.message.receive_v1", {"sender": sender, "message": message}, at)

    def pressed(self, person: Any, message_id: str, on: str, looks: Looks, key: Key, at: datetime) -> Document:  # noqa: ARG002
        event = {
            "operator": {"tenant_key": "simulator", **_ids(person)},
            "token": f"c-{secrets.token_hex(16)}",
            "action": {"value": json.loads(key.value), "tag": "button"},
            "host": "im_message",
            "context": {"open_message_id": on, "open_chat_id": address(person, "feishu")},
        }
        return self._event("card.action.trigger", event, at)

    def told(self, person: Any, rows: Sequence[Any], status: str, at: datetime) -> Document:  # noqa: ARG002
        reader = {"reader_id": _ids(person), "read_time": str(to_millis(at)), "tenant_key": "simulator"}
        event = {"reader": reader, "message_id_list": [row.message_id for row in rows]}
        return self._event("im.message.message_read_v1", event, at)

    def _event(self, kind: str, event: Document, at: datetime) -> Document:
        header = {
            "event_id": secrets.token_hex(16),
            "event_type": kind,
            "create_time": str(to_millis(at)),
            "token": self._secret,
            "app_id": APP,
            "tenant_key": "simulator",
        }
        return {"schema": "2.0", "header": header, "event": event}

    def request(self, document: Document, at: datetime) -> tuple[Mapping[str, str], bytes]:
        body = json.dumps({"encrypt": _sealed(self._secret, _encoded(document))}).encode()
        timestamp, nonce = str(int(at.timestamp())), secrets.token_hex(8)
        signature = hashlib.sha256(f"{timestamp}{nonce}{self._secret}".encode() + body).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Lark-Request-Timestamp": timestamp,
            "X-Lark-Request-Nonce": nonce,
            "X-Lark-Signature": signature,
        }
        return headers, body

    def shown(self, document: Document) -> Document:
        return {**document, "header": {**document["header"], "token": "…"}}


class WhatsAppCallbacks:
    """``secret``: of the app, with which bodies are signed."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def said(self, person: Any, message_id: str, text: str, at: datetime) -> Document:
        return _message(person, message_id, {"type": "text", "text": {"body": text}}, at)

    def pressed(self, person: Any, message_id: str, on: str, looks: Looks, key: Key, at: datetime) -> Document:
        kind = "list_reply" if looks.kind == "list" else "button_reply"
        reply = {"id": key.value, "title": key.label} | ({"description": key.about} if key.about else {})
        interactive = {"type": kind, kind: reply}
        content = {"context": {"id": on}, "type": "interactive", "interactive": interactive}
        return _message(person, message_id, content, at)

    def told(self, person: Any, rows: Sequence[Any], status: str, at: datetime) -> Document:
        return _change({"statuses": [_status(person, row, status, at) for row in rows]})

    def request(self, document: Document, at: datetime) -> tuple[Mapping[str, str], bytes]:  # noqa: ARG002
        body = _encoded(document)
        signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}, body

    def shown(self, document: Document) -> Document:
        return document


def _message(person: Any, message_id: str, content: Document, at: datetime) -> Document:
    number = person.number.removeprefix("+")
    message = {"from": number, "id": message_id, "timestamp": str(int(at.timestamp())), **content}
    contact = {"profile": {"name": "Simulator"}, "wa_id": number}
    return _change({"contacts": [contact], "messages": [message]})


def _status(person: Any, row: Any, status: str, at: datetime) -> Document:
    """The platform gives back what we had it keep with the message."""
    data = json.loads(row.request)["body"].get("biz_opaque_callback_data")
    told = {
        "id": row.message_id,
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": person.number.removeprefix("+"),
    }
    return told | ({"biz_opaque_callback_data": data} if data else {})


def _change(value: Document) -> Document:
    metadata = {"display_phone_number": "", "phone_number_id": NUMBER_ID}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    entry = {"id": "100000000000000", "changes": [{"field": "messages", "value": whole}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _ids(person: Any) -> dict[str, str]:
    return {"open_id": names(person)["feishu"], "union_id": f"on_{person.tail}"}


def _encoded(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _sealed(secret: str, plain: bytes) -> str:
    """AES-256-CBC under SHA-256 of the key, its IV in front, PKCS7."""
    iv, padding = secrets.token_bytes(_BLOCK), _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(AES256(hashlib.sha256(secret.encode()).digest()), CBC(iv)).encryptor()
    text = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return b64encode(iv + text).decode()
