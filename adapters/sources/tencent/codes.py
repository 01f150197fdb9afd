"""What the platform's error codes mean, as what is to be done (sources-wechat.md A2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.base import FeedFailed, FeedFault, FeedThrottled, FeedUnavailable, SourceError, SourceSuspended

EXPIRED: Final = frozenset({70001, 70052})
"""The UserSig ran out or was revoked: make a new one and ask once more at once."""

NO_ACCOUNT: Final = frozenset({10010, 10015})
TOO_MANY_BAD: Final = 70050
BAD_PARAMETER: Final = 10004  # also of a LastMsgKey that is not known any more


@dataclass(frozen=True, slots=True)
class Verdict:
    """A code's meaning."""

    error: type[SourceError]
    reason: str
    mend: str = ""  # for `postbell doctor`: what a person can do; empty: nothing, or wait


_KEY = "copy the key of this very app from the console into TENCENT_SECRET_KEY"
_APP = "is TENCENT_SDKAPPID right, and TENCENT_BASE_URL the domain of the app's region?"
_ADMIN = "name an administrator of the app as TENCENT_IDENTIFIER (console: Account Management)"
_ACCOUNT = "is its id right, and does it belong to this app?"
_STATE = "look at the app's state in the console"
_WAIT = "wait; it is asked again by itself"

_SLOWER: Final = dict.fromkeys(
    (60007, 60011, 60018, 60019), Verdict(FeedThrottled, "Tencent Cloud Chat says that it is asked too often", _WAIT)
)
_LATER: Final = {
    10002: Verdict(FeedFailed, "Tencent Cloud Chat has an error inside", _WAIT),
    60008: Verdict(FeedFailed, "Tencent Cloud Chat took too long inside", _WAIT),
    60013: Verdict(FeedFailed, "Tencent Cloud Chat could not make its answer", _WAIT),
    60014: Verdict(FeedFailed, "Tencent Cloud Chat could not look the account up", _WAIT),
    70169: Verdict(FeedFailed, "Tencent Cloud Chat took too long inside", _WAIT),
    70500: Verdict(FeedFailed, "Tencent Cloud Chat has an error inside", _WAIT),
}
_UNAVAILABLE: Final = {
    10007: Verdict(FeedUnavailable, "the administrator may not read this official account", _ADMIN),
    10010: Verdict(FeedUnavailable, "the official account does not exist, or was dissolved", _ACCOUNT),
    10015: Verdict(FeedUnavailable, "that is no id of an official account", _ACCOUNT),
}
_SUSPENDED: Final = {
    60004: Verdict(SourceSuspended, "the administrator's name or signature is missing", _ADMIN),
    60005: Verdict(SourceSuspended, "the administrator's name or signature is not valid", _ADMIN),
    60006: Verdict(SourceSuspended, "the SDKAppID is not valid, or of another region", _APP),
    60010: Verdict(SourceSuspended, "TENCENT_IDENTIFIER is no administrator of the app", _ADMIN),
    60012: Verdict(SourceSuspended, "the SDKAppID is missing", _APP),
    60016: Verdict(SourceSuspended, "the app is disabled", _STATE),
    60017: Verdict(SourceSuspended, "the app may not make this request", _STATE),
    60020: Verdict(SourceSuspended, "the app's package has expired or is not paid", "renew it in the console"),
    60021: Verdict(SourceSuspended, "the app does not allow this machine's address", "add it in the console"),
    70002: Verdict(SourceSuspended, "the signature is empty", _KEY),
    70003: Verdict(SourceSuspended, "the signature cannot be read", _KEY),
    70004: Verdict(SourceSuspended, "the signature is not accepted", _KEY),
    70005: Verdict(SourceSuspended, "the signature is not accepted", _KEY),
    70009: Verdict(SourceSuspended, "the signature is not made with the app's key", _KEY),
    70013: Verdict(SourceSuspended, "the signature is of another administrator", _ADMIN),
    70014: Verdict(SourceSuspended, "the signature is of another app", _APP),
    70016: Verdict(SourceSuspended, "the app has no key", _KEY),
    70020: Verdict(SourceSuspended, "there is no app with this SDKAppID in this region", _APP),
    70050: Verdict(FeedThrottled, "too many signatures were not accepted", _KEY),
    70051: Verdict(SourceSuspended, "the administrator is blocked", _ADMIN),
    70107: Verdict(SourceSuspended, "the administrator's account does not exist", _ADMIN),
    70403: Verdict(SourceSuspended, "TENCENT_IDENTIFIER is no administrator of the app", _ADMIN),
}
_EXPIRED: Final = dict.fromkeys(
    EXPIRED, Verdict(SourceSuspended, "the signature has expired as soon as it is made", "set this machine's clock")
)
_KNOWN: Final[Mapping[int, Verdict]] = _SLOWER | _LATER | _UNAVAILABLE | _SUSPENDED | _EXPIRED
# What is left is a request that we made wrong (60002, 60003, 60015, 10003, 10004, 70402), or new.
_OTHER: Final = Verdict(FeedFailed, "Tencent Cloud Chat refuses the request")


def verdict(code: int) -> Verdict:
    return _KNOWN.get(code, _OTHER)


class Refused(Exception):
    """The platform's word.  ``info``: its own text, harmless."""

    def __init__(self, code: int, info: str) -> None:
        super().__init__(f"{verdict(code).reason} ({code}{f': {info}' if info else ''})")
        self.code = code

    def error(self, after: timedelta) -> SourceError:
        """As what is to be done; ``after``: the wait, where there is one."""
        kind, text = verdict(self.code).error, str(self)
        if kind is FeedThrottled or kind is SourceSuspended:
            return kind(text, after)
        return FeedUnavailable(text) if kind is FeedUnavailable else FeedFailed(FeedFault.HTTP, text)
