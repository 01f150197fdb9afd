"""Systems that write commands: a POST signed by Standard Webhooks 1.0 becomes a chat message (reliability 6.2).

    {"sender": "ann", "chat": "ops", "text": "list", "id": "42"}

The reply is in the answer to that request: ``{"text": "…", "buttons": [{"label": "…", "value": "…"}]}``; a ``text``
of null says that there is none, or that it comes later.  What comes later needs a way to go: to a ``chat`` that is a
web address it is sent as any webhook, signed with the destination's secret, else with the secret of the inbound
side.  Any other ``chat`` is only a name.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.base import BadAddress, Button
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Parsed, Refused, Reply
from adapters.signatures import BadSignature, verify

NAMED = "chat:"  # begins the address of a chat that is only a name

Name = Annotated[str, Meta(min_length=1, max_length=256)]


class Said(msgspec.Struct, frozen=True):
    """The body.  Fields that are not named here are passed over."""

    sender: Name
    chat: Annotated[str, Meta(max_length=2048)] = ""  # empty: the sender's own, between it and us
    text: Annotated[str, Meta(max_length=16_384)] = ""
    id: Annotated[str, Meta(max_length=256)] = ""
    action: Annotated[str, Meta(max_length=200)] = ""  # the value of a button of ours that was pressed
    sender_name: Annotated[str, Meta(max_length=256)] = ""
    language: Annotated[str, Meta(max_length=35)] = ""


class Answer(msgspec.Struct, frozen=True):
    """The body of the answer."""

    text: str | None = None
    buttons: tuple[Button, ...] = ()


_decode = msgspec.json.Decoder(Said).decode
_encode = msgspec.json.Encoder().encode


def parse(callback: Callback, secrets: Sequence[bytes], normal_address: Callable[[str], str]) -> Parsed:
    """The message of a request that was signed with one of ``secrets``.

    Raises Refused: 404 without any secret, 405 for what is no POST, 401 for a wrong signature, 400 for a wrong body.
    """
    if not secrets:
        raise Refused("no secret is set for systems that write to us", 404)
    if callback.method != "POST":
        raise Refused("it is no POST", 405)
    try:
        key = verify(secrets, callback.headers, callback.body, callback.received_at)
    except BadSignature as error:
        raise Refused(str(error)) from None
    try:
        said = _decode(callback.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("the body is not what it should be", 400) from None
    return Parsed([_message(said, key, normal_address)])


def _message(said: Said, key: str, normal_address: Callable[[str], str]) -> ChatMessage:
    chat = said.chat.strip() or said.sender
    if not (chat.isprintable() and said.sender.isprintable()):
        raise Refused("a name holds control characters", 400)
    return ChatMessage(
        key=key,
        chat=_address(chat, normal_address),
        direct=chat == said.sender,
        sender=said.sender,
        sender_name=said.sender_name,
        language=said.language,
        text=said.text,
        action=said.action,
        message_id=said.id,
        wants_answer=True,
    )


def _address(chat: str, normal_address: Callable[[str], str]) -> str:
    if not chat.lower().startswith(("https://", "http://")):
        return f"{NAMED}{chat}"
    try:
        return normal_address(chat)
    except BadAddress:
        raise Refused("the chat is an address that nothing can be sent to", 400) from None


def answer(reply: Reply | None) -> HttpAnswer:
    return HttpAnswer(body=_encode(Answer(reply.text, reply.buttons) if reply else Answer()))
