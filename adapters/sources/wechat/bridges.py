"""Bridges: programs that turn official accounts into feed documents (sources-wechat.md, Part C).

What is new in a document, when to ask again and what is no feed at all is judged as for any other feed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec
from yarl import URL

from adapters.base import FeedFailed, FeedFault, FeedGone, FeedInfo, Finding, Post, SourceError
from adapters.http import Fetched, Outbound
from adapters.sources.feeds import Feeds, Fetch, refusal
from adapters.sources.formats.articles import is_wechat
from adapters.sources.formats.text import one_line
from adapters.sources.parser import Parser
from adapters.sources.wechat.accounts import Account
from adapters.sources.wechat.fields import Fields, decoded, failure_in, listed
from adapters.sources.wechat.memory import Item, forms_of
from adapters.sources.wechat.provider import NotThere, Reading, State, at_home
from adapters.sources.wechat.settings import Config, offset
from adapters.sources.wechat.zones import with_zone

LIST_KEPT = timedelta(minutes=10)
UNKNOWN = frozenset({400, 404, 410})  # what bridges answer for an account that they do not have
AT_ONCE = 50  # articles asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Where one kind of bridge has what."""

    name: str
    base: str
    feed: Callable[[str], str]  # the address of an account's document, by the bridge's id of it
    own_id: Callable[[Account], str]  # that id, where it follows from the account's number; else empty
    list: str = ""  # the address of its list of accounts; empty: it has none
    zone: timedelta | None = None  # of dates that name none; None: UTC
    advice: str = ""


def bridges(config: Config) -> Mapping[str, Bridge]:
    """Those that are set up, by name."""
    made = []
    if base := config.wewe_url.rstrip("/"):
        made.append(
            Bridge(
                name="wewe-rss",
                base=base,
                feed=lambda id: f"{base}/feeds/{quote(id, safe='')}.{config.wewe_format}?limit={AT_ONCE}",
                own_id=_mp_wxs,
                list=f"{base}/feeds",
                advice="look at its accounts page whether the WeRead login is still valid, and scan again if not",
            )
        )
    if we_mp := config.we_mp_url.rstrip("/"):
        made.append(
            Bridge(
                name="we-mp-rss",
                base=we_mp,
                feed=lambda id: f"{we_mp}/rss/{quote(id, safe='')}?limit={AT_ONCE}",
                own_id=_mp_wxs,
                list=f"{we_mp}/rss?limit=100",
                zone=offset(config.we_mp_time_zone),
                advice="log in to it again by its QR code: its session with mp.weixin.qq.com lasts a few days",
            )
        )
    if hosted := config.wechat2rss_url.rstrip("/"):
        token = f"?k={quote(config.wechat2rss_token, safe='')}" if config.wechat2rss_token else ""
        made.append(
            Bridge(
                name="wechat2rss",
                base=hosted,
                feed=lambda id: f"{hosted}/feed/{quote(id, safe='')}.xml{token}",
                own_id=lambda account: account.number,
                list=f"{hosted}/list{token}",
                advice="look at its page whether its WeChat login holds; it slows down by itself after risk control",
            )
        )
    if template := config.rsshub_url:
        made.append(
            Bridge(
                name="rsshub",
                base=template,
                feed=lambda filled: filled,
                own_id=lambda account: _filled(template, account),
                advice="open the route in a browser: most mirrors behind RSSHub stop without a word; choose another",
            )
        )
    return {one.name: one for one in made}


class BridgeProvider:
    """One bridge, asked for one account's document at a time."""

    def __init__(self, outbound: Outbound, parser: Parser, bridge: Bridge) -> None:
        self._bridge, self.name, self.advice = bridge, bridge.name, bridge.advice
        self._fetch = at_home(outbound, bridge.base)
        self._feeds = Feeds(outbound, parser, _zoned(self._fetch, bridge.zone))
        self._list: tuple[datetime, Sequence[Account]] | None = None

    async def find(self, wanted: Account, now: datetime) -> Account | None:
        for account in await self._accounts(now):
            if account.is_same(wanted):
                return account
        return None

    async def owner(self, form: str, now: datetime) -> Account | None:  # noqa: ARG002 (its documents do not say whose)
        return None

    async def read(self, account: Account, state: State, now: datetime, *, rest: bool = False) -> Reading:  # noqa: ARG002
        own = self._bridge.own_id(account) or await self._listed_id(account, now)
        try:
            page = await self._feeds.poll(self._bridge.feed(own), state, now)
        except FeedGone as error:
            raise NotThere(str(error)) from None
        except FeedFailed as error:
            if error.status in UNKNOWN:
                raise NotThere(str(error), status=error.status) from None
            raise
        about = None if page.info is None else Account.described((), self._title(page.info, account), page.info.image)
        items = [self._item(post) for post in page.posts]
        return Reading(state=page.cursor, items=items, account=about, not_before=page.not_before)

    async def examine(self) -> Finding:
        address = self._bridge.list or str(URL(self._bridge.base.partition("{")[0]).origin())
        try:
            answer = await self._fetch(address, {"Accept": "*/*"})
            count = len(await self._read_list(answer)) if self._bridge.list and answer.status == 200 else None
        except (SourceError, ValueError) as error:
            return Finding(False, f"{self.name} cannot be asked: {error}", "is it running, and is its address right?")
        if count is None:
            well = answer.status < 500 and not self._bridge.list
            said = f"{self.name} answers" if well else f"{self.name} answers with {answer.status}"
            return Finding(well, said, "" if well else "is its address right, and its token?")
        mend = "" if count else "follow the accounts there first: only then can they be followed here"
        return Finding(True, f"{self.name} follows {count} accounts", mend)

    async def close(self) -> None:
        """The parser is everybody's."""

    def _title(self, info: FeedInfo, account: Account) -> str:
        """What is no bridge's own list adds words of its own to the name."""
        return one_line(info.title) if self._bridge.list or not account.title else ""

    async def _listed_id(self, account: Account, now: datetime) -> str:
        found = await self.find(account, now)
        if found is None or not (own := (found.number and self._bridge.own_id(found)) or min(found.ids, default="")):
            raise NotThere(f"{self.name} does not know {account.title or account.key}")
        return own

    async def _accounts(self, now: datetime) -> Sequence[Account]:
        if not self._bridge.list:
            return ()
        if self._list is None or abs(now - self._list[0]) > LIST_KEPT:
            answer = await self._fetch(self._bridge.list, {"Accept": "*/*"})
            if answer.status != 200:
                raise refusal(answer, now)
            self._list = (now, await self._read_list(answer))
        return self._list[1]

    async def _read_list(self, answer: Fetched) -> Sequence[Account]:
        """JSON, or a feed whose items are accounts.  Raises FeedFailed."""
        if answer.body.lstrip()[:1] == b"<":
            return await self._read_feed_list(answer)
        body = decoded(answer.body)
        if trouble := failure_in(body):
            raise FeedFailed(FeedFault.HTTP, f"its list of accounts: {trouble}")
        rows = Fields().items(body)
        if rows is None:
            raise FeedFailed(FeedFault.NOT_A_FEED, "its list of accounts is none")
        return [Account.described((listed(row, "account.id"),), one_line(listed(row, "account.name"))) for row in rows]

    async def _read_feed_list(self, answer: Fetched) -> Sequence[Account]:
        page = await self._feeds.read(answer.body, answer.headers.get("Content-Type", ""), answer.url, _LONG_AGO)
        named = [(URL(post.url).name.partition(".")[0], post.title) for post in page.posts if post.url]
        return [Account.described((id,), title) for id, title in named if id]

    def _item(self, post: Post) -> Item:
        url = post.url.replace("&amp;", "&")
        raw_id = post.raw_id if post.has_id else ""
        forms, article = forms_of(url, post.title, post.published, provider=self.name, raw_id=raw_id)
        url = article.url if article else url.replace("http:", "https:", 1) if is_wechat(url) else url
        idx = int(article.idx[:4]) if article and article.idx.isdecimal() else 0
        return Item(msgspec.structs.replace(post, url=url, base=url), forms, idx)


def _mp_wxs(account: Account) -> str:
    return f"MP_WXS_{account.number}" if account.number else ""


def _filled(template: str, account: Account) -> str:
    """The address with the account in it; raises NotThere where it wants a name that is not known."""
    known = {
        "biz": account.biz,
        "number": account.number,
        "id": min(account.ids, default="") or account.biz,
        "name": min((one for one in account.ids if not one.startswith("gh_")), default="") or account.title,
    }
    for name, value in known.items():
        place = f"{{{name}}}"
        if place in template:
            if not value:
                raise NotThere(f"the address in WECHAT_RSSHUB_URL wants {place}, and that is not known of this account")
            template = template.replace(place, quote(value, safe=""))
    return template


def _zoned(fetch: Fetch, zone: timedelta | None) -> Fetch:
    if zone is None:
        return fetch

    async def zoned(url: str, headers: Mapping[str, str]) -> Fetched:
        answer = await fetch(url, headers)
        return msgspec.structs.replace(answer, body=with_zone(answer.body, zone))

    return zoned


_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")  # a list of accounts has no dates that matter
