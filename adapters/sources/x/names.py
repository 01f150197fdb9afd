"""How people name an X account: @name, name, or the address of a profile or of a post."""

import re
from dataclasses import dataclass
from typing import Final

from adapters.base import FeedNotFound

_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,15}", re.ASCII)  # sources-x.md 4
_ADDRESS: Final = re.compile(
    r"(?:https?://)?(?:www\.|mobile\.|m\.)?(?:x|twitter|fxtwitter|vxtwitter|fixupx|fixvx)\.com/(.*)",
    re.ASCII | re.IGNORECASE,
)
_PAGES: Final = frozenset(
    (
        *("compose", "download", "explore", "hashtag", "home", "i", "intent", "jobs", "login", "logout"),
        *("messages", "notifications", "privacy", "search", "settings", "share", "signup", "tos", "who_to_follow"),
    )
)
"""First parts of addresses that are no names."""


@dataclass(frozen=True, slots=True)
class Named:
    username: str  # in the case people wrote it
    certain: bool  # it can mean nothing but an X account


def named(text: str) -> Named:
    """Raises FeedNotFound for what cannot name one."""
    text = text.strip().strip("<>")
    if address := _ADDRESS.fullmatch(text):
        first = re.split(r"[/?#]", address[1], maxsplit=1)[0].removeprefix("@")
        if first.lower() in _PAGES or not _NAME.fullmatch(first):
            raise FeedNotFound("this address on X names no account: write @ and its name")
        return Named(first, certain=True)
    name = text.removeprefix("@")
    if not _NAME.fullmatch(name):
        raise FeedNotFound("the name of an X account has up to 15 letters, digits and _")
    return Named(name, certain=text.startswith("@"))
