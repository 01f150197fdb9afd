"""What the platform's error codes mean for a message: tables, and the two functions that read them.

Decided on ``code`` first, then on the HTTP status (feishu.md 7 and 21).
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec

from adapters.base import (
    AddressGone,
    Ambiguous,
    ChannelThrottled,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
)
from adapters.channels.webhook import cleaned
from adapters.http import Answer

RENEW: Final = frozenset({99991661, 99991663, 99991664, 99991668, 99991671, 99991677})
"""The token is not taken: fetch another, and repeat once (feishu.md 2)."""

CARD_REFUSED: Final = frozenset({230025, 230099})
"""The message can go in a plainer form (feishu.md 5.2)."""

NOT_AN_ANSWER: Final = frozenset({230011, 230019, 230050, 230071, 230072, 230110, 230111})
"""What was to be answered is not there, or not to be answered: the message can go to the chat itself."""

AUDITED: Final = 230028  # phone numbers and e-mail addresses set it off
QUOTA: Final = 99991403  # the tenant's calls of this month

MEANINGS: Final[Mapping[int, tuple[type[SendError], str]]] = {
    **dict.fromkeys(RENEW, (Suspended, "the platform does not take the token that it gave us")),
    99991665: (Suspended, "the tenant is not valid"),
    99991543: (Suspended, "App ID or App Secret is wrong"),
    10003: (Suspended, "App ID or App Secret is wrong"),
    10014: (Suspended, "App ID or App Secret is wrong"),
    99991662: (Suspended, "the app is disabled"),
    99991673: (Suspended, "the app is disabled or not installed"),
    99991672: (Suspended, "the app lacks a permission"),
    99991676: (Suspended, "the app lacks a permission"),
    99991679: (Suspended, "the app lacks a permission"),
    QUOTA: (Suspended, "the tenant has used up its API calls of this month"),
    230006: (Suspended, "the app's bot is not switched on"),
    230027: (Suspended, "the app lacks a permission"),
    99991400: (ChannelThrottled, "the app calls too often"),
    11232: (ChannelThrottled, "the platform limits the tenant's messages"),
    230020: (Throttled, "this chat gets too many messages"),
    2200: (TryAgain, "an error inside the platform"),
    230049: (TryAgain, "the message is still being sent"),
    230002: (AddressGone, "the bot is not in the group"),
    230013: (AddressGone, "the app is not available to this person"),
    230029: (AddressGone, "this person has left the company"),
    232009: (AddressGone, "the group is dissolved"),
    99992402: (Rejected, "a field is not valid"),
    230001: (Rejected, "a parameter is not valid"),
    230011: (Rejected, "the message to answer was recalled"),
    230015: (Rejected, "the message cannot go to this chat"),
    230017: (Rejected, "the bot does not own what the message contains"),
    230018: (Rejected, "the group's settings forbid it"),
    230019: (Rejected, "the topic does not exist"),
    230022: (Rejected, "the text contains what the platform calls sensitive"),
    230025: (Rejected, "the message is too long"),
    230028: (Rejected, "the tenant's audit of outgoing data refused it"),
    230031: (Rejected, "the message is too old"),
    230035: (Rejected, "the bot may not speak there"),
    230038: (Rejected, "the person belongs to another tenant"),
    230050: (Rejected, "the message to answer cannot be seen"),
    230054: (Rejected, "this kind of message does not allow it"),
    230055: (Rejected, "the file is of another type"),
    230071: (Rejected, "the message cannot be answered in a thread"),
    230072: (Rejected, "the message cannot be answered in a thread"),
    230075: (Rejected, "the chat is encrypted"),
    230099: (Rejected, "the card cannot be built"),
    230110: (Rejected, "the message to answer was deleted"),
    230111: (Rejected, "the message to answer is gone"),
    232033: (Rejected, "external groups are not allowed"),
    234003: (Rejected, "the file does not belong to the message"),
    300317: (Rejected, "the card has been changed since"),
}

HOOK_MEANINGS: Final[Mapping[int, tuple[type[SendError], str]]] = {
    9499: (Rejected, "the custom bot could not read it"),
    11232: (Throttled, "the custom bot gets too many messages"),
    19001: (AddressGone, "the custom bot is no more"),
    19002: (Rejected, "a parameter is not valid"),
    # These three wait for whoever owns this one bot, and must not stop all other messages: no Suspended.
    19021: (TryAgain, "the custom bot's sign secret is wrong, or a clock is"),
    19022: (TryAgain, "the custom bot does not take messages from our network address"),
    19024: (TryAgain, "the custom bot demands a keyword: set FEISHU_HOOK_PREFIX"),
    230099: (Rejected, "the card cannot be built"),
}

_WAITS: Final[Mapping[int, tuple[int, ...]]] = {
    99991400: (1, 2, 4, 8, 16, 32, 60),
    230020: (1, 2, 4, 8),
    11232: (2, 8, 30, 60),
    9499: (1, 2, 8, 30, 60),
    230049: (3,),
}
"""Seconds after the first try, the second, … (feishu.md 4, 7 and 21)."""

_LOG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_CHINA: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the platform.  ``code`` is None when it is no JSON of theirs, as a proxy's page."""

    answer: Answer
    code: int | None
    msg: str
    document: Mapping[str, Any]

    @property
    def good(self) -> bool:
        return self.code == 0 and 200 <= self.answer.status < 300

    @property
    def data(self) -> Mapping[str, Any]:
        data = self.document.get("data")
        return data if isinstance(data, dict) else {}


def read(answer: Answer) -> Said:
    """Take an answer apart; custom bots may spell their code ``StatusCode``."""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Said(answer, None, "", {})
    code = document.get("code", document.get("StatusCode"))
    msg = document.get("msg") or document.get("StatusMessage")
    return Said(answer, code if type(code) is int else None, msg if isinstance(msg, str) else "", document)


def failure(said: Said, now: datetime | None, *, attempt: int = 1, writes: bool = True) -> SendError:
    """What an answer that is not ``good`` means.

    ``now``: for what ends with the month.  ``attempt``: which try of this message it was.  ``writes``: whether the
    call would have changed something.
    """
    if said.code is None or said.code == 0:
        return _without_code(said, writes)
    kind, meaning = MEANINGS.get(said.code) or _unknown(said)
    if said.code == 230001 and "internal error" in said.msg.lower() and attempt < 2:  # feishu.md 7.2
        kind = TryAgain
    return _error(said, kind, meaning, _after(said, attempt, now))


def hook_failure(said: Said, *, attempt: int = 1) -> SendError:
    """The same for a custom bot, whose failures mostly come with HTTP 200."""
    if said.code is None or said.code == 0:
        return _without_code(said, writes=True)
    kind, meaning = HOOK_MEANINGS.get(said.code) or _unknown(said)
    if said.code == 9499 and "too many request" in said.msg.lower():
        kind, meaning = HOOK_MEANINGS[11232]
    after = _backoff(said.code, attempt) if issubclass(kind, Throttled) else None
    return _error(said, kind, meaning, after)


def _unknown(said: Said) -> tuple[type[SendError], str]:
    code, status = said.code or 0, said.answer.status
    if status == 429:
        return ChannelThrottled, "the app calls too often"
    if 230000 <= code < 1_000_000 and status < 500:  # of messages, groups and cards
        return Rejected, "the platform refused it"
    return TryAgain, "an error inside the platform" if status >= 500 or code < 2000 else "the platform refused it"


def _without_code(said: Said, writes: bool) -> SendError:
    """No word of the platform itself.  What a proxy says of a message does not tell whether it went through."""
    status = said.answer.status
    after = None
    kind: type[SendError] = TryAgain
    if status == 429:
        kind, after = ChannelThrottled, _asked(said.answer)
    elif writes and (status >= 500 or 200 <= status < 300):
        kind = Ambiguous
    return kind(
        f"the answer {status} is not the platform's",
        code=f"http_{status}",
        status=status,
        response=cleaned(said.answer.body),
        after=after,
    )


def _error(said: Said, kind: type[SendError], meaning: str, after: timedelta | None) -> SendError:
    details = [f"code {said.code}"]
    if said.msg:
        details.append(" ".join(said.msg[:200].split()))
    if _LOG_ID.fullmatch(log_id := said.answer.headers.get("X-Tt-Logid", "")):
        details.append(f"log id {log_id}")
    return kind(
        f"{meaning} ({', '.join(details)})",
        code=f"feishu_{said.code}",
        status=said.answer.status,
        response=cleaned(said.answer.body),
        after=after,
    )


def _after(said: Said, attempt: int, now: datetime | None) -> timedelta | None:
    if said.code == QUOTA:
        return _next_month(now) - now if now else None
    if said.answer.status == 429 or said.code == 99991400:
        return _asked(said.answer) or _backoff(99991400, attempt)
    return _backoff(said.code or 0, attempt)


def _asked(answer: Answer) -> timedelta | None:
    """What the gateway asks for, in a header of its own (feishu.md 4: there is no ``Retry-After``)."""
    seconds = answer.headers.get("x-ogw-ratelimit-reset", "").strip()
    return timedelta(seconds=max(int(seconds), 1)) if _SECONDS.fullmatch(seconds) else None


def _backoff(code: int, attempt: int) -> timedelta | None:
    waits = _WAITS.get(code)
    if waits is None:
        return None
    spread = random.uniform(1.0, 1.2)  # noqa: S311 (spreads load, no secret)
    return timedelta(seconds=waits[min(attempt, len(waits)) - 1] * spread)


def _next_month(now: datetime) -> datetime:
    """Quotas begin anew on the 1st (feishu.md 4), where the platform is at home."""
    there = now.astimezone(_CHINA)
    first = there.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
    return first.replace(day=1).astimezone(UTC)
