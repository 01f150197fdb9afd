"""A message on its way out through the app: in which form, to whom, and what to do when the platform refuses it."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from msgspec import structs

from adapters.base import Message, Receipt, Rejected
from adapters.channels.feishu import cards, codes
from adapters.channels.feishu.api import OpenApi, message_body
from adapters.channels.feishu.limits import Limits
from adapters.channels.feishu.settings import RECEIVER_KINDS
from adapters.channels.webhook import cleaned

PATH: Final = "/open-apis/im/v1/messages"

Form = Literal["card", "post", "text"]

_MESSAGE_ID: Final = re.compile(r"om_[A-Za-z0-9_-]{1,80}", re.ASCII)
_PRIVATE: Final = re.compile(
    r"(?P<address>https?://\S+)"
    r"|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.])\+?\d(?:[ ().-]{0,2}\d){7,14}(?![\w])"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the next try looks.  Each way of looking has a ``uuid`` of its own, for it has other contents."""

    forms: tuple[Form, ...]  # the first is tried, the others are plainer
    answers: str  # the message to answer; empty: it goes to the chat
    masked: bool = False

    def after(self, code: str) -> "Plan | None":
        """What to try when the platform refused this; None: nothing more."""
        number = int(code.removeprefix("feishu_")) if code.startswith("feishu_") else 0
        if number in codes.CARD_REFUSED and len(self.forms) > 1:
            return replace(self, forms=self.forms[1:])
        if number in codes.NOT_AN_ANSWER and self.answers:
            return replace(self, answers="")
        if number == codes.AUDITED and not self.masked:
            return replace(self, masked=True)
        return None


class Sender:
    """Sends through one app."""

    def __init__(self, api: OpenApi, limits: Limits) -> None:
        self._api, self._limits = api, limits

    async def send(self, message: Message, image_key: str) -> Receipt:
        """Raises SendError."""
        plan: Plan | None = first_plan(message)
        while plan:
            try:
                return await self._put(message, plan, image_key)
            except Rejected as refused:
                plan = plan.after(refused.code)
                if plan is None:
                    raise
        raise AssertionError("a plan ends by returning or raising")

    async def _put(self, message: Message, plan: Plan, image_key: str) -> Receipt:
        await self._limits.turn(message.address)
        path, query = PATH, {}
        receiver: dict[str, Any] = {}
        if plan.answers:
            path += f"/{plan.answers}/reply"
        else:
            query["receive_id_type"] = RECEIVER_KINDS[message.address[:3]]
            receiver["receive_id"] = message.address
        said = await self._api.call(
            "POST",
            path,
            query=query,
            body=body(message, plan, image_key, receiver),
            writes=True,
            now=message.sent_at,
            attempt=message.attempt,
        )
        sent = said.data.get("message_id")
        return Receipt(
            message_id=sent if isinstance(sent, str) else "",
            status=said.answer.status,
            response=cleaned(said.answer.body),
        )


def first_plan(message: Message) -> Plan:
    """Posts are cards, and so is what has buttons; all else, codes above all, is plain text."""
    forms: tuple[Form, ...] = ("text",)
    if message.code == "" and message.post is not None:
        forms = ("card", "post", "text")
    elif message.code == "" and message.buttons:
        forms = ("card", "text")
    return Plan(forms, message.reply_to if _MESSAGE_ID.fullmatch(message.reply_to) else "")


def body(message: Message, plan: Plan, image_key: str, receiver: dict[str, Any]) -> bytes:
    """The whole request, within the platform's limit for its kind."""
    form = plan.forms[0]
    kinds = {"card": "interactive", "post": "post", "text": "text"}
    fixed = {**receiver, "msg_type": kinds[form], "uuid": _uuid(message, plan)}
    if plan.answers:
        fixed["reply_in_thread"] = False  # what belongs to a thread stays in it anyway

    def make(text: str) -> bytes:
        return message_body({**fixed, "content": _content(message, form, text, image_key, plan.masked)})

    return cards.fitted(make, _text(message, plan.masked), cards.MAX_TEXT if form == "text" else cards.MAX_CARD)


def _content(message: Message, form: Form, text: str, image_key: str, masked: bool) -> Any:
    if masked and message.post:
        post = message.post
        message = structs.replace(message, post=replace(post, title=mask(post.title), author=mask(post.author)))
    if form == "text":
        return cards.text_content(message, text)
    if form == "post":
        return cards.post_content(message, text)
    buttons = cards.callbacks(message.buttons)
    if message.post is None:
        return cards.text_card(text, buttons)
    return cards.post_card(message.post, message.language, image_key, buttons, text)


def _text(message: Message, masked: bool) -> str:
    if message.code and message.text.strip() in ("", message.code):
        return cards.CODE.get(message.language, cards.CODE["en"]).format(code=message.code)
    text = message.post.text if message.post else message.text
    return mask(text) if masked else text


def mask(text: str) -> str:
    """``text`` without phone numbers and e-mail addresses, which audits refuse; links stay."""
    return _PRIVATE.sub(lambda found: found["address"] or ("•••@•••" if "@" in found[0] else "•••"), text)


def _uuid(message: Message, plan: Plan) -> str:
    """At most 50 characters, equal over all tries of the same contents (feishu.md 3)."""
    parts = (message.id, message.address, plan.forms[0], plan.answers, str(plan.masked))
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=20).hexdigest()
