"""What the platform calls us for: an account has a new message, or took one back (sources-wechat.md A7).

Nothing is taken from a call but the account's name: calls get lost, so what is new is pulled in any case.
"""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from adapters.inbound import Callback, HttpAnswer, Refused
from adapters.sources.tencent import replies
from adapters.sources.tencent.settings import Config

TOLERANCE_SECONDS: Final = 60
ANSWER: Final = HttpAnswer(body=b'{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}')
NEWS: Final = frozenset(
    {"OfficialAccount.CallbackAfterSendMsg", "OfficialAccount.CallbackAfterMsgWithDraw"},
)

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def read(callback: Callback, config: Config) -> Sequence[str]:
    """The accounts that have something new; of what else an app may call for, none.  Raises Refused."""
    _check(callback, config)
    try:
        document = msgspec.json.decode(callback.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused("a call that is not JSON", 400)
    command, account = document.get("CallbackCommand"), document.get("Official_Account")
    return [account] if _is_news(command) and isinstance(account, str) else []


def _is_news(command: Any) -> bool:
    return isinstance(command, str) and command in NEWS


def _check(callback: Callback, config: Config) -> None:
    """Signed with the token, now, and by this app's side."""
    if not config.callback_token:
        raise Refused("TENCENT_CALLBACK_TOKEN is not set", 403)
    time, signature = callback.query.get("RequestTime", ""), callback.query.get("Sign", "")
    expected = sha256(f"{config.callback_token}{time}".encode()).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode(errors="replace")):
        raise Refused("a call that is not signed with TENCENT_CALLBACK_TOKEN")
    if not _SECONDS.fullmatch(time) or abs(callback.received_at.timestamp() - int(time)) > TOLERANCE_SECONDS:
        raise Refused("a call whose time is more than a minute off")
    if replies.number(callback.query.get("SdkAppid")) != config.sdkappid:
        raise Refused("a call for another app", 403)
