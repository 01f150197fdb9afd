"""Feed documents as each bridge writes them, with its own ids and its own dates."""

import json
from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from .accounts import Account, Article, Form

CHINA = timedelta(hours=8)


def wewe(account: Account, articles: Sequence[Article], format: str, form: Form, noise: int) -> tuple[str, str]:
    """The body and its type.  Ids differ between the formats: RSS has the link, the others the bare name."""
    if format == "rss":
        items = "".join(
            f"<item><title>{escape(one.title)}</title><link>{escape(one.address(form, noise))}</link>"
            f"<guid>{escape(one.address(form, noise))}</guid><pubDate>{format_datetime(one.published)}</pubDate></item>"
            for one in articles
        )
        return _rss(account, items), "application/rss+xml"
    if format == "json":
        feed = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": account.name,
            "items": [
                {
                    "id": one.short,
                    "url": one.address(form, noise),
                    "title": one.title,
                    "content_html": "获取全文失败",  # a failed full text is no text
                    "date_published": one.published.isoformat(),
                }
                for one in articles
            ],
        }
        return json.dumps(feed, ensure_ascii=False), "application/feed+json"
    entries = "".join(
        f"<entry><title>{escape(one.title)}</title><id>{one.short}</id>"
        f'<link href="{escape(one.address(form, noise))}"/>'
        f"<updated>{one.published.isoformat()}</updated><published>{one.published.isoformat()}</published></entry>"
        for one in articles
    )
    name = escape(account.name)
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>{name}</title><id>{account.mp_wxs}</id>{entries}</feed>'
    return body, "application/atom+xml"


def we_mp(account: Account, articles: Sequence[Article], form: Form, noise: int) -> tuple[str, str]:
    """Dates are China's, and do not say so; the links are escaped twice."""
    items = "".join(
        f"<item><id>{one.account.mp_wxs}-{one.short}</id><title>{escape(one.title)}</title>"
        f"<link>{escape(escape(one.address(form, noise)))}</link>"
        f"<guid>{escape(escape(one.address(form, noise)))}</guid>"
        f"<description>{escape(one.html)}</description>"
        f"<pubDate>{one.published + CHINA:%a, %d %b %Y %H:%M:%S}</pubDate></item>"
        for one in articles
    )
    return _rss(account, items), "application/xml"


def wechat2rss(account: Account, articles: Sequence[Article], form: Form, noise: int) -> tuple[str, str]:
    items = "".join(
        f"<item><title>{escape(one.title)}</title><link>{escape(one.address(form, noise))}</link>"
        f"<description>{escape(one.html)}</description>"
        f"<pubDate>{one.published + CHINA:%a, %d %b %Y %H:%M:%S} +0800</pubDate></item>"
        for one in articles
    )
    return _rss(account, items), "application/xml"


def accounts_as_feed(accounts: Sequence[Account], base: str) -> str:
    """The list of we-mp-rss."""
    items = "".join(
        f"<item><title>{escape(one.name)}</title><link>{base}/rss/{one.mp_wxs}</link></item>" for one in accounts
    )
    return f'<rss version="2.0"><channel><title>We-MP-RSS</title>{items}</channel></rss>'


def page(article: Article) -> str:
    account = article.account
    return (
        f'<html><head><meta property="og:title" content="{escape(article.title)}"/></head><body>'
        f'<a id="js_name"> {escape(account.name)} </a><div id="js_content" style="visibility: hidden">x</div>'
        f'<script>var biz = "{account.biz}" || ""; var user_name = "{account.original_id}";'
        f'var nickname = htmlDecode("{escape(account.name)}");</script></body></html>'
    )


def _rss(account: Account, items: str) -> str:
    return f'<rss version="2.0"><channel><title>{escape(account.name)}</title>{items}</channel></rss>'
