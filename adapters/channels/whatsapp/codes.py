"""What each refusal means for us: the platform's error codes end here (whatsapp.md 13).

Only ``error.code`` decides: documentation and traffic disagree on the HTTP status that goes with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    WindowClosed,
)

UNDELIVERABLE: Final = 131026
OTHER_SPELLING: Final = frozenset({UNDELIVERABLE, 131030})  # worth trying the number's other spelling (section 10)
NOT_AS_IT_IS: Final = frozenset({100, 131008, 131009, 131051, 131053})  # worth sending as plain text instead
WINDOW_CLOSED: Final = 131047
PICTURE_REFUSED: Final = 131053  # told after the send was accepted: it could not be fetched, or is of no kind that goes
NO_SUCH_TEMPLATE: Final = 132001  # in this language
WRONG_COUNT: Final = 132000  # of a template's parameters
TEMPLATE_WITHHELD: Final = frozenset(
    {WINDOW_CLOSED, 131049, 131050, 131055, 131063, 134100, 134102, 130472, 131064, *range(132000, 132100)}
)
"""No template goes to this person, or at all, for now; free text will once they write."""

NO_SUCH_ID: Final = 33  # of what stands in the path
_MAX_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the platform words it."""

    code: int
    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """``waits``: seconds after the first, second, … time in a row.  ``tries``: how often in all; 0: no limit here."""

    error: type[SendError]
    waits: tuple[int, ...] = ()
    tries: int = 0


def read(status: int, body: bytes, secret: str) -> Refusal | None:
    """The error in an answer; None: there is none in it that could be read.  ``secret`` is cut out of its text."""
    try:
        error = msgspec.json.decode(body)["error"]
        code = error["code"]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError, IndexError):
        return None
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    if code == 100 and error.get("error_subcode") == 33:  # how a wrong id in the path is told
        code = NO_SUCH_ID
    return Refusal(code, _reason(error, code, secret), status)


def failure(errors: Any) -> tuple[str, str]:
    """Code and text of the ``errors`` of a failed status, or of an unsupported message."""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, Mapping):
        return "", ""
    code = first.get("code")
    return ("" if code is None else str(code)[:20]), _words(first)


def verdict(code: int) -> Verdict:
    """What to do about a code.  One that is not known may pass, once."""
    if 200 <= code <= 299:
        return _PERSON_MUST_ACT
    return _VERDICTS.get(code, Verdict(TryAgain, (5,), tries=2))


def _reason(error: Mapping[str, Any], code: int, secret: str) -> str:
    trace = error.get("fbtrace_id")
    text = f"WhatsApp {code}: {_words(error) or 'no reason given'}"
    text += f" (trace {trace[:40]})" if isinstance(trace, str) else ""
    return text.replace(secret, "…") if secret else text  # "Malformed access token …" quotes it


def _words(error: Mapping[str, Any]) -> str:
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else data  # a bare string on some endpoints
    title = error.get("message") or error.get("title")
    words = [word for word in (title, details) if isinstance(word, str) and word]
    return " ".join(": ".join(dict.fromkeys(words)).replace("\0", "").split())[:_MAX_REASON]


_PERSON_MUST_ACT = Verdict(Suspended)
_NEVER = Verdict(Rejected)
_SOON = Verdict(TryAgain, (5,))
_PERHAPS_SENT = Verdict(Ambiguous, tries=4)

_GROUPS: Final[Mapping[Verdict, tuple[int, ...]]] = {
    # 13.1; and the account's own troubles of 13.2 and 13.4
    _PERSON_MUST_ACT: (
        *(0, 3, 10, NO_SUCH_ID, 190, 131005, 131045, 133006, 133010),
        *(368, 131031, 131037, 131042, 131044, 133015, 133016),
    ),
    Verdict(Suspended, (3600,)): (131048,),  # too many people called us spam
    # 13.2
    Verdict(ChannelThrottled, (60, 300, 900)): (4,),
    Verdict(ChannelThrottled, (120, 300, 900)): (80007, 613),
    Verdict(ChannelThrottled, (1, 2, 4, 8, 16, 32, 60)): (130429,),
    Verdict(ChannelThrottled, (45,)): (131057,),
    Verdict(Throttled, (1, 4, 16, 64, 256, 1024)): (131056,),  # 4^n, as documented
    # 13.3; those that may have been sent come a few times only, for they can also hide what will never go
    _SOON: (2, 131016, 133004),
    _PERHAPS_SENT: (1, 131000),
    # 13.4
    Verdict(WindowClosed): (WINDOW_CLOSED,),
    Verdict(AddressGone): (130403, 131021),  # we blocked the person; it is our own number
    _NEVER: (
        *(UNDELIVERABLE, 131030, 130472, 130497, 131049, 131050, 131055, 131062, 131063, 131064),
        *(134100, 136024, 137000),
        # 13.5
        *(100, 131008, 131009, 131051, 131052, 131053, 131060, 135000),
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068),
        *(133005, 133008, 133009, 134011, 134102),
    ),
    Verdict(TryAgain, (120, 300, 600)): (134101,),  # a new template is being distributed
    Verdict(TryAgain, (3600,)): (132069,),
}
_VERDICTS: Final = {code: one for one, codes in _GROUPS.items() for code in codes}
