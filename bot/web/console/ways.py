"""The channels as pages offer them: which are set up, what is missing where they are not, and how codes are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno

from adapters.base import Channel, Preparable, Prepared
from adapters.inbound import Phoned, Talking
from bot.errors import NotFound
from bot.rules import texts
from bot.usecases.codes import TooManyCodes
from bot.web.console.pages import Visit

SIMULATED = "simulator"  # has pages of its own
HINTS = {
    "feishu_19001": "destinations.hint_address",
    "feishu_19021": "destinations.hint_secret",
    "feishu_19022": "destinations.hint_network",
    "feishu_19024": "destinations.hint_keyword",
    "http_401": "destinations.hint_refused",
    "http_403": "destinations.hint_refused",
    "http_404": "destinations.hint_not_found",
    "http_410": "destinations.hint_gone",
    "dns": "destinations.hint_unreachable",
    "connect": "destinations.hint_unreachable",
    "connect_timeout": "destinations.hint_unreachable",
    "timeout": "destinations.hint_slow",
    "tls": "destinations.hint_tls",
    "egress": "destinations.hint_private",
    "not_set_up": "destinations.hint_operator",
    "no_template": "destinations.hint_operator",
}
"""What people can do about an error, by its code."""
KNOWN = ("whatsapp", "feishu", "webhook")  # each with its own steps; others are added by their address


@dataclass(frozen=True, slots=True)
class Way:
    """One account of a channel."""

    name: str  # "whatsapp", "feishu/sales"
    ready: bool  # people can be written to; of Feishu: through the app
    missing: tuple[str, ...]  # variables that are not set
    number: str  # ours, where it has numbers and this one is known
    talks: bool  # people can write to it

    @property
    def kind(self) -> str:
        """What its pages are called after."""
        kind = self.name.partition("/")[0]
        return kind if kind in KNOWN else "other"


def all_of(channels: Mapping[str, Channel]) -> list[Way]:
    """Those that people can add destinations of, the best known first."""
    offered = [of(channels, name) for name in channels if name.partition("/")[0] != SIMULATED]
    order = (*KNOWN, "other")
    return sorted(offered, key=lambda way: (order.index(way.kind), way.name))


def of(channels: Mapping[str, Channel], name: str) -> Way:
    channel = channels[name]
    prepared = channel.prepared if isinstance(channel, Preparable) else Prepared()
    phoned = channel if isinstance(channel, Phoned) else None
    ready = phoned.is_set_up if phoned else not prepared.missing
    number = phoned.number if phoned else ""
    return Way(name, ready, prepared.missing, number, isinstance(channel, Talking) or phoned is not None)


def asked_for(visit: Visit, channels: Mapping[str, Channel], name: str) -> Way:
    """Raises NotFound."""
    if name not in channels or name.partition("/")[0] == SIMULATED:
        raise NotFound(visit.say("error.nothing_here"))
    return of(channels, name)


@dataclass(frozen=True, slots=True)
class CodeToWrite:
    """A code that a person is to write to us, and how they get there."""

    text: str
    link: str  # opens the chat with it filled in; empty: our number is not known
    expires_at: datetime

    @property
    def picture(self) -> str:
        """The link for a phone's camera, as the address of a picture; dark on light in dark pages, too, for cameras."""
        if not self.link:
            return ""
        return str(segno.make(self.link, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff"))


def chat_link(number: str, text: str) -> str:
    """Opens WhatsApp with ``text`` filled in; empty without our number."""
    return f"https://wa.me/{number.removeprefix('+')}?text={text.replace(' ', '%20')}" if number else ""


def too_many(visit: Visit, error: TooManyCodes) -> str:
    return visit.say("destinations.too_many", time=texts.span(visit.language, error.after))


def label(visit: Visit, name: str) -> str:
    """What a channel is called on pages."""
    kind, _, account = name.partition("/")
    said: str = visit.say(f"destinations.{kind}") if kind in KNOWN else kind
    return f"{said} ({account})" if account else said


def shown(visit: Visit, **values: Any) -> dict[str, Any]:
    """With what every page about destinations needs."""
    return {"label": lambda name: label(visit, name), "hints": HINTS, **values}
