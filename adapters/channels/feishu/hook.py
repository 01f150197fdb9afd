"""Custom group bots: one address, which is itself the secret, that only takes messages (feishu.md 19 to 21).

Nothing protects against repeats, so after silence there is one late try, no quick one.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from adapters.base import Ambiguous, Message, Receipt, Rejected
from adapters.channels.feishu import cards, codes
from adapters.channels.feishu.api import CALL_SECONDS, JSON, call
from adapters.channels.feishu.crypto import hook_signature
from adapters.channels.feishu.limits import Limits
from adapters.channels.feishu.settings import Config
from adapters.channels.webhook import cleaned
from adapters.http import Outbound

LATE: Final = timedelta(seconds=120)  # reliability 3.4: where nothing knows a repeat
_PLAINER: Final = frozenset({"feishu_9499", "feishu_230099", "feishu_230025"})


class Hook:
    """Sends to custom bots of any group."""

    def __init__(self, outbound: Outbound, config: Config, limits: Limits) -> None:
        self._outbound, self._config, self._limits = outbound, config, limits

    async def send(self, message: Message, image_key: str = "") -> Receipt:
        """Raises SendError, whose text never holds the address."""
        if message.code:
            raise Rejected("a code may go to one person only, not to a group", code="code_to_group")
        if message.post is None:
            return await self._put(message, self._text)
        try:
            return await self._put(message, lambda message, text: self._card(message, text, image_key))
        except Rejected as error:
            if error.code not in _PLAINER:
                raise
        return await self._put(message, self._text)

    async def _put(self, message: Message, make: Callable[[Message, str], Any]) -> Receipt:
        await self._limits.turn(message.address)
        text = message.post.text if message.post else message.text
        signed = self._signature(message)
        body = cards.fitted(lambda text: msgspec.json.encode({**signed, **make(message, text)}), text, cards.MAX_HOOK)
        try:
            answer = await call(
                self._outbound, "POST", message.address, {"Content-Type": JSON}, body, CALL_SECONDS, writes=True
            )
        except Ambiguous as error:
            error.after = LATE
            raise
        said = codes.read(answer)
        if said.good:
            return Receipt(status=answer.status, response=cleaned(answer.body))
        failure = codes.hook_failure(said, attempt=message.attempt)
        if isinstance(failure, Ambiguous):
            failure.after = LATE
        raise failure

    def _signature(self, message: Message) -> Mapping[str, str]:
        """By the destination's own secret, newest first, else by the account's; without one nothing is signed."""
        secret = message.secrets[0].decode(errors="replace") if message.secrets else self._config.hook_secret
        if not secret:
            return {}
        timestamp = int(message.sent_at.timestamp())
        return {"timestamp": str(timestamp), "sign": hook_signature(timestamp, secret)}

    def _text(self, message: Message, text: str) -> Any:
        content = cards.text_content(message, text)["text"]
        return {"msg_type": "text", "content": {"text": "\n".join(filter(None, (self._config.hook_prefix, content)))}}

    def _card(self, message: Message, text: str, image_key: str) -> Any:
        """With an address to open and no other buttons: their presses would reach nobody."""
        assert message.post is not None
        return {
            "msg_type": "interactive",
            "card": cards.post_card(message.post, message.language, image_key, (), text, self._config.hook_prefix),
        }
