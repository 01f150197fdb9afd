"""Whose article a page of mp.weixin.qq.com is (sources-wechat.md, C5): asked only when no provider can tell."""

import re
from html import unescape

from adapters.base import FeedNotFound, FeedUnavailable
from adapters.http import Fetched, Outbound
from adapters.sources.formats.articles import Article, biz_in
from adapters.sources.formats.text import one_line
from adapters.sources.wechat.accounts import Account, number_in
from adapters.sources.wechat.provider import at_home

ASK_OTHERWISE = "send the account's name instead, or the article's long link (⋯, copy link, in WeChat on a computer)"


class Pages:
    """Reads pages of articles, anonymously and at a low rate: one when somebody follows an account by a link."""

    def __init__(self, outbound: Outbound, base: str) -> None:
        self._base, self._fetch = base.rstrip("/"), at_home(outbound, base)

    async def owner(self, article: Article) -> Account:
        """Raises SourceError."""
        path = article.url.removeprefix("https://mp.weixin.qq.com")
        page = await self._fetch(f"{self._base}{path}", {"Accept": "text/html", "Accept-Language": "zh-CN,zh;q=0.9"})
        if page.status != 200:
            raise FeedUnavailable(f"WeChat does not show this article ({page.status}): {ASK_OTHERWISE}")
        return read(page)


def read(page: Fetched) -> Account:
    """The account that a page names.  All trouble comes with status 200, and shows in the text alone."""
    text = page.body[:_READ].decode("utf-8", "replace")
    bizes = [found[1] for found in _BIZ.finditer(text)]
    bizes += [biz_in(unescape(found[1])) for found in _ADDRESS.finditer(text)]
    biz = next(filter(number_in, bizes), "")
    name = next((found[1] or found[2] for found in _NAME.finditer(text)), "")
    original = found[1] if (found := _ORIGINAL_ID.search(text)) else ""
    if biz or original:
        return Account.described((biz, original), one_line(unescape(re.sub(r"<[^<>]*>", "", name)), 300))
    for sign, said in _TROUBLE.items():
        if sign in text:
            raise FeedUnavailable(f"{said}: {ASK_OTHERWISE}")
    raise FeedNotFound(f"the page of this article does not say whose it is: {ASK_OTHERWISE}")


_READ = 3 * 1024 * 1024  # bytes
_BIZ = re.compile(r"\b(?:biz|__biz)\s*[=:]\s*[\"']{1,2}(?:\s*\|\|\s*[\"'])?([A-Za-z0-9+/]{8,24}={0,2})[\"']")
_ADDRESS = re.compile(r"(https?://mp\.weixin\.qq\.com/[^\"'<>\s]{1,1000}__biz=[^\"'<>\s]{1,200})")
_NAME = re.compile(
    r"\bnickname\s*=\s*(?:htmlDecode\()?\s*[\"']([^\"'\n]{1,200})[\"']|id=[\"']js_name[\"'][^>]{0,300}>\s*([^<]{1,200})<"
)
_ORIGINAL_ID = re.compile(r"\buser_name\s*=\s*[\"'](gh_[0-9a-z]{6,32})[\"']")
_TROUBLE = {
    "环境异常": "WeChat wants to see a person first (environment check)",
    "已被发布者删除": "its publisher has deleted this article",
    "违规": "WeChat does not show this article: it violates its rules",
    "账号已迁移": "the account has moved",
}
