"""The settings of the source `wechat`: which providers there are, and in which order they are believed."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.sources.wechat.fields import Fields

PROVIDERS = ("messages", "wewe-rss", "we-mp-rss", "wechat2rss", "rsshub")
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A provider is there when its address is."""

    messages_base_url: str = field(
        default="",
        metadata={"help": "address of a messages API, without /api/v1/wechat/messages; another Postbell is one"},
    )
    messages_key: str = field(default="", repr=False, metadata={"help": "its API key", "secret": True})
    messages_page_size: int = field(default=50, metadata={"help": "messages asked for at once"})
    messages_overlap_hours: int = field(
        default=48, metadata={"help": "how far is read again each time, because articles are collected late"}
    )
    messages_time_zone: str = field(default="+00:00", metadata={"help": "zone of its times that name none"})
    messages_fields: str = field(
        default="",
        metadata={"help": "where its fields have other names: list=rows,title=headline,account.id=mp.uid"},
    )
    wewe_url: str = field(default="", metadata={"help": "address of a wewe-rss"})
    wewe_format: str = field(default="atom", metadata={"help": "what it is asked for: atom, rss or json"})
    we_mp_url: str = field(default="", metadata={"help": "address of a we-mp-rss"})
    we_mp_time_zone: str = field(default="+08:00", metadata={"help": "zone of its times, which name none"})
    wechat2rss_url: str = field(default="", metadata={"help": "address of a Wechat2RSS"})
    wechat2rss_token: str = field(
        default="", repr=False, metadata={"help": "its token, where it wants one", "secret": True}
    )
    rsshub_url: str = field(
        default="",
        metadata={"help": "address of a feed of any RSSHub route, with {biz}, {number}, {id} or {name} in it"},
    )
    providers: str = field(
        default="", metadata={"help": "which of them are used, the most trusted first; empty: all, as listed here"}
    )
    article_base_url: str = field(
        default="https://mp.weixin.qq.com", metadata={"help": "where pages of articles are read, to see whose they are"}
    )

    def __post_init__(self) -> None:
        for name in ("messages_base_url", "wewe_url", "we_mp_url", "wechat2rss_url", "rsshub_url", "article_base_url"):
            if (given := getattr(self, name)) and not given.startswith(("https://", "http://")):
                raise ValueError(f"{name}: an address begins with https:// or http://")
        if self.messages_base_url and not self.messages_key:
            raise ValueError("messages_base_url needs messages_key beside it")
        if self.rsshub_url and not re.search(r"\{(?:biz|number|id|name)\}", self.rsshub_url):
            raise ValueError("rsshub_url: put {biz}, {number}, {id} or {name} where the account stands in the address")
        if self.wewe_format not in ("atom", "rss", "json"):
            raise ValueError("wewe_format: atom, rss or json")
        if not 1 <= self.messages_page_size <= 100:
            raise ValueError("messages_page_size: 1 to 100")
        if not 0 <= self.messages_overlap_hours <= 24 * 30:
            raise ValueError("messages_overlap_hours: 0 to 720")
        if unknown := set(self.order) - set(PROVIDERS):
            raise ValueError(f"providers: {', '.join(sorted(unknown))} is none of {', '.join(PROVIDERS)}")
        Fields(self.messages_fields)
        offset(self.messages_time_zone)
        offset(self.we_mp_time_zone)

    @property
    def order(self) -> tuple[str, ...]:
        given = tuple(name.strip() for name in self.providers.split(",") if name.strip())
        return given or PROVIDERS


def offset(zone: str) -> timedelta:
    """How far "+08:00" is ahead of UTC.  Raises ValueError."""
    found = _ZONE.fullmatch(zone)
    if not found or int(found[2]) > 14 or int(found[3]) > 59:
        raise ValueError("a time zone is written like +08:00")
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -ahead if found[1] == "-" else ahead
