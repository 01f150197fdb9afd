"""What a subscription asks for beside the ordinary posts of its feed: kept as JSON, and as bits that SQL compares.

The JSON is the whole wish, and has room for more; the bits are its part that decides who gets which kind of post.
"""

from collections.abc import Mapping

import msgspec

BITS: Mapping[str, int] = {"repost": 1, "reply": 2}
"""The bit of each kind of post (adapters.base.Post.kind) that only some want."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One subscription's wishes, as interfaces show and take them."""

    reposts: bool = False
    replies: bool = False


NONE = Options()


def read(text: str) -> Options:
    """As stored; what a newer version added is passed over."""
    known = msgspec.json.decode(text) if text else {}
    return Options(reposts=bool(known.get("reposts")), replies=bool(known.get("replies")))


def written(options: Options) -> str:
    """As stored; empty when nothing is asked for."""
    return "" if options == NONE else msgspec.json.encode(options).decode()


def together(one: str, other: str) -> Options:
    """What either asks for, as stored."""
    a, b = read(one), read(other)
    return Options(reposts=a.reposts or b.reposts, replies=a.replies or b.replies)


def wants(options: Options) -> int:
    """The bits of the kinds asked for."""
    return BITS["repost"] * options.reposts | BITS["reply"] * options.replies


def kinds(bits: int) -> frozenset[str]:
    """The kinds that any of these bits stands for."""
    return frozenset(kind for kind, bit in BITS.items() if bits & bit) if bits else _NO_KINDS


_NO_KINDS: frozenset[str] = frozenset()
