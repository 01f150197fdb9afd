"""What an operator sets for one account of Feishu or Lark, and which addresses follow from it."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from yarl import URL

from adapters.base import BadAddress

_BASE: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?", re.ASCII)
_ID: Final = re.compile(r"o[cnu]_[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOOK: Final = re.compile(r"/open-apis/bot/v2/hook/[A-Za-z0-9_-]{1,128}", re.ASCII)
_CLOUDS: Final = ("feishu.cn", "larksuite.com")

EXPECTED: Final = (
    "a Feishu address is a chat (oc_…), a person (ou_… or on_…) or the address of a custom bot,"
    " https://open.feishu.cn/open-apis/bot/v2/hook/…"
)

RECEIVER_KINDS: Final = {"oc_": "chat_id", "ou_": "open_id", "on_": "union_id"}
"""What the platform calls an address that begins like this (feishu.md 1 and 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings FEISHU_…, and FEISHU_…__ACCOUNT for a second account."""

    base_url: str = field(
        default="https://open.feishu.cn",
        metadata={"help": "the cloud: https://open.feishu.cn, or https://open.larksuite.com for Lark"},
    )
    app_id: str = field(default="", metadata={"help": "App ID (cli_…); without it only custom bots can be written to"})
    app_secret: str = field(default="", repr=False, metadata={"help": "App Secret"})
    verification_token: str = field(
        default="", repr=False, metadata={"help": "Verification Token, which callbacks carry"}
    )
    encrypt_key: str = field(
        default="", repr=False, metadata={"help": "Encrypt Key; when set, callbacks must be encrypted and signed"}
    )
    mode: Literal["callback", "websocket"] = field(
        default="callback",
        metadata={"help": "callback (the platform calls us) or websocket (a long connection; needs no public address)"},
    )
    hook_secret: str = field(
        default="", repr=False, metadata={"help": "sign secret of custom bots that have none of their own"}
    )
    hook_prefix: str = field(
        default="", metadata={"help": "a first line for messages of custom bots, with the keyword that they demand"}
    )

    def __post_init__(self) -> None:
        if not _BASE.fullmatch(self.base_url):
            raise ValueError("BASE_URL is an address like https://open.feishu.cn")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    def normal_address(self, address: str) -> str:
        """Raises BadAddress, which quotes nothing: a custom bot's address is a secret."""
        address = address.strip()
        if _ID.fullmatch(address):
            return address
        if address.startswith(("http://", "https://")):
            return self._normal_hook(address)
        raise BadAddress(EXPECTED)

    def _normal_hook(self, address: str) -> str:
        try:
            url = URL(address)
            allowed = self._serves_hooks(url)
        except ValueError:
            raise BadAddress(EXPECTED) from None
        if not allowed or not _HOOK.fullmatch(url.raw_path) or url.raw_query_string or url.raw_fragment or url.user:
            raise BadAddress(EXPECTED)
        return str(url)

    def _serves_hooks(self, url: URL) -> bool:
        if url.origin() == URL(self.base_url).origin():
            return True
        host = url.raw_host or ""
        cloud = any(host == name or host.endswith(f".{name}") for name in _CLOUDS)
        return cloud and url.scheme == "https" and url.port == 443


def is_hook(address: str) -> bool:
    """Whether a normal address is a custom bot's."""
    return "://" in address


def setting(channel: str, field_name: str) -> str:
    """The variable of a field: ("feishu/sales", "app_id") → FEISHU_APP_ID__SALES."""
    kind, _, account = channel.partition("/")
    return f"{kind}_{field_name}{'__' + account if account else ''}".upper()
