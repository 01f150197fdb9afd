"""What an operator sets for following X accounts."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

_BASE: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings X_….  Without token, key and bridge nothing can be followed."""

    base_url: str = field(default="https://api.x.com", metadata={"help": "address of the X API"})
    bearer_token: str = field(default="", repr=False, metadata={"help": "app-only Bearer token", "secret": True})
    api_key: str = field(default="", metadata={"help": "API key, to get a token with, instead of one"})
    api_secret: str = field(
        default="", repr=False, metadata={"help": "API key secret; signs calls of X, too", "secret": True}
    )
    bridge_url: str = field(
        default="",
        metadata={"help": "feeds of RSSHub, Nitter or RSS-Bridge with {username} in them, separated by spaces"},
    )
    poll_seconds: float = field(default=60.0, metadata={"help": "usual time between two looks at an account"})
    monthly_budget: int = field(default=0, metadata={"help": "posts and users to be read in a month; 0: no limit"})
    search: bool = field(default=True, metadata={"help": "many accounts in one search; off where the plan has none"})
    stream: bool | Literal["activity"] = field(
        default=False,
        metadata={"help": "beside polling, listen: on, to the filtered stream; activity, to the Activity API"},
    )
    threads: bool = field(
        default=True,
        metadata={"help": "answers to oneself are ordinary posts; off: no answers are read, nor paid, unless wanted"},
    )
    post_fields: Literal["tweet.fields", "post.fields"] = field(
        default="tweet.fields", metadata={"help": "name of the parameter that chooses fields; X is renaming it"}
    )

    def __post_init__(self) -> None:
        if not _BASE.fullmatch(self.base_url):
            raise ValueError("base_url: an address begins with https:// or http://")
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("api_key and api_secret belong together")
        if not self.poll_seconds >= 1:
            raise ValueError("poll_seconds: at least 1")
        if self.monthly_budget < 0:
            raise ValueError("monthly_budget: 0 or more")
        if any("{username}" not in one for one in self.bridges):
            raise ValueError("bridge_url: each has {username} in it")

    @property
    def bridges(self) -> tuple[str, ...]:
        return tuple(self.bridge_url.split())

    @property
    def has_api(self) -> bool:
        return bool(self.bearer_token or self.api_key)
