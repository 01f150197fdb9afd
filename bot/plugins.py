"""Channels and sources by name: ours by these tables, anyone's by entry point, both loaded the same way."""

from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from bot.errors import UserError

CHANNELS = {
    "feishu": "adapters.channels.feishu:Feishu",
    "webhook": "adapters.channels.webhook:Webhook",
    "whatsapp": "adapters.channels.whatsapp:WhatsApp",
}
SOURCES = {
    "x": "adapters.sources.x:X",  # before "feed", which would take the address of a profile for a feed's
    "tencent": "adapters.sources.tencent:Tencent",
    "wechat": "adapters.sources.wechat:WeChat",
    "feed": "adapters.sources.feeds:Feeds",
    "push": "adapters.sources.push:Push",
}
CHANNEL_GROUP, SOURCE_GROUP = "postbell.channels", "postbell.sources"


class PluginError(UserError):
    """A channel or source cannot be loaded."""


def names(ours: dict[str, str], group: str) -> dict[str, str]:
    """Every plugin of a group and where it lies.  Raises PluginError when a name is taken twice."""
    theirs = {entry.name: entry.value for entry in entry_points(group=group)}
    if clash := ours.keys() & theirs.keys():
        raise PluginError(f"{group}: {', '.join(sorted(clash))} is built in; the package that adds it must rename it")
    return ours | theirs


def load(name: str, ours: dict[str, str], group: str) -> Any:
    """Import one plugin by name and nothing else: an unused adapter costs nothing.  Raises PluginError."""
    known = names(ours, group)
    if name not in known:
        raise PluginError(f"{group}: there is no {name!r}, only {', '.join(sorted(known))}")
    return resolve_name(known[name])
