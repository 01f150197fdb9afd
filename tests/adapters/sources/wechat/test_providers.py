"""Each provider alone: the account is found by name and by link, read, and each new article comes once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.base import (
    FeedFailed,
    FeedFault,
    FeedNotFound,
    FeedThrottled,
    FeedUnavailable,
    SourceError,
    SourceSuspended,
)
from adapters.sources.wechat import WeChat
from tests.adapters.doors import serving
from tests.adapters.sources.wechat.conftest import Follower, Making
from tests.clock import MovableClock
from tests.fakes.wechat import Town

Follow = Callable[[WeChat, str], Follower]
PROVIDERS = ["wewe-rss", "we-mp-rss", "wechat2rss", "rsshub", "messages"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_provider_is_followed_by_an_articles_link(
    town: Town, source: Making, follow: Follow, clock: MovableClock, provider: str
) -> None:
    harbour, other = town.account("港口新闻", articles=3), town.account("别的", articles=1)
    wechat = await source(provider)
    found = await wechat.resolve(harbour.articles[1].address("short"), clock())
    assert found.key == harbour.biz
    assert found.page.info is not None
    assert found.page.info.title == "港口新闻"
    assert [post.title for post in found.page.posts] == ["文章 1", "文章 2", "文章 3"]
    assert [post.published for post in found.page.posts] == [one.published for one in harbour.articles]
    assert all(post.url.startswith("https://mp.weixin.qq.com/s") for post in found.page.posts)
    assert all("scene" not in post.url and "amp;" not in post.url for post in found.page.posts)
    feed = follow(wechat, found.key)
    feed.take(found.page)
    clock.advance(hours=1)
    town.publish(harbour, "Storm", at=clock())
    town.publish(other, "Elsewhere", at=clock())
    page = await feed.poll()
    assert feed.delivered == ["Storm"]
    assert page.via == provider
    assert page.if_silent
    await feed.poll()
    assert feed.delivered == ["Storm"]


@pytest.mark.parametrize("provider", ["wewe-rss", "we-mp-rss", "wechat2rss", "messages"])
@pytest.mark.parametrize("called", ["港口新闻", "biz", "number", "long link", "profile"])
async def test_an_account_has_many_names(
    town: Town, source: Making, clock: MovableClock, provider: str, called: str
) -> None:
    harbour = town.account("港口新闻", articles=2)
    names = {
        "biz": harbour.biz,
        "number": harbour.number,
        "long link": harbour.articles[0].address("long", 3),
        "profile": f"https://mp.weixin.qq.com/mp/profile_ext?action=home&__biz={harbour.biz}#wechat_redirect",
    }
    found = await (await source(provider)).resolve(names.get(called, called), clock())
    assert found.key == harbour.biz
    assert len(found.page.posts) == 2
    assert town.pages_read == 0


@pytest.mark.parametrize("format", ["atom", "rss", "json"])
async def test_changing_the_format_of_wewe_rss_delivers_nothing_again(
    town: Town, source: Making, follow: Follow, clock: MovableClock, format: str
) -> None:
    harbour = town.account(articles=4)
    feed = follow(await source("wewe-rss", wewe_format="atom"), harbour.biz)
    await feed.poll()
    feed._source = await source("wewe-rss", wewe_format=format)
    town.publish(harbour, "Storm", at=clock())
    await feed.poll()
    assert feed.delivered == ["Storm"]


async def test_a_burst_of_one_moment_comes_in_the_publishers_order(
    town: Town, source: Making, follow: Follow, clock: MovableClock
) -> None:
    town.wewe.form = "long"
    harbour = town.account(articles=1)
    feed = follow(await source("wewe-rss"), harbour.biz)
    await feed.poll()
    for idx in range(1, 9):
        town.publish(harbour, f"Part {idx}", at=clock(), idx=idx)
    await feed.poll()
    assert feed.delivered == [f"Part {idx}" for idx in range(1, 9)]


async def test_dates_without_a_zone_are_chinas(town: Town, source: Making, follow: Follow, clock: MovableClock) -> None:
    harbour = town.account(articles=1)
    at_home = await (await source("we-mp-rss")).poll(harbour.biz, {}, clock())
    elsewhere = await (await source("we-mp-rss", we_mp_time_zone="+00:00")).poll(harbour.biz, {}, clock())
    assert [post.published for post in at_home.posts] == [harbour.articles[0].published]
    assert [post.published for post in elsewhere.posts] == [harbour.articles[0].published + timedelta(hours=8)]


@pytest.mark.parametrize("provider", ["wewe-rss", "we-mp-rss", "wechat2rss"])
@pytest.mark.parametrize(
    ("status", "html", "fault"),
    [
        (200, "<html><body>Login expired</body></html>", FeedFault.NOT_A_FEED),
        (503, "<html>down</html>", FeedFault.HTTP),
    ],
)
async def test_an_error_page_is_no_news_whatever_its_status(
    town: Town, source: Making, clock: MovableClock, provider: str, status: int, html: str, fault: FeedFault
) -> None:
    harbour = town.account(articles=1)
    for shelf in town.shelves:
        shelf.trouble = (status, html)
    with pytest.raises(FeedFailed) as caught:
        await (await source(provider)).poll(harbour.biz, {}, clock())
    assert caught.value.fault == fault
    assert provider in str(caught.value)


async def test_a_token_is_sent_and_never_told(town: Town, source: Making, clock: MovableClock) -> None:
    harbour = town.account(articles=1)
    assert (await (await source("wechat2rss")).poll(harbour.biz, {}, clock())).posts
    wrong = await source("wechat2rss", wechat2rss_token="wr0ng")
    with pytest.raises(FeedFailed) as caught:
        await wrong.poll(harbour.biz, {}, clock())
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "expected", "said"),
    [
        ((401, {"success": False}), SourceSuspended, "make a new one"),
        ((403, {"success": False}), SourceSuspended, "refuses the key"),
        ((429, {}), FeedThrottled, "asks to wait"),
        ((500, {}), FeedFailed, "500"),
        ((200, {"success": False, "error": {"message": "quota  used\nup"}}), FeedFailed, "quota used up"),
        ((200, {"code": 40401, "message": "nothing here"}), FeedFailed, "nothing here"),
        ((200, {"errcode": -1}), FeedFailed, "-1"),
        ((200, {"hello": "world"}), FeedFailed, "no list"),
        ((200, "<html>Sign in</html>"), FeedFailed, "a page instead of JSON"),
        ((200, "nonsense"), FeedFailed, "no JSON"),
    ],
)
async def test_trouble_of_the_service_says_what_to_do(
    town: Town, source: Making, clock: MovableClock, failure: tuple[int, object], expected: type[SourceError], said: str
) -> None:
    harbour = town.account(articles=1)
    town.messages.failure = failure
    with pytest.raises(expected) as caught:
        await (await source("messages")).poll(harbour.biz, {}, clock())
    assert said in str(caught.value)
    assert town.messages.key not in str(caught.value)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_nobody_reads_for_us_cannot_be_followed(
    town: Town, source: Making, clock: MovableClock, provider: str
) -> None:
    town.account(articles=1)
    with pytest.raises(FeedNotFound, match="add it there"):
        await (await source(provider)).resolve("MzA5OTk5OTk5OQ==", clock())


@pytest.mark.parametrize("name", ["https://example.org/feed", "example.org", "@nasa", "", "a/b", "https://x.com/nasa"])
async def test_names_of_others_are_left_to_them_without_a_word(
    town: Town, source: Making, clock: MovableClock, name: str
) -> None:
    wechat = await source("wewe-rss", "messages")
    assert not wechat.claims(name)
    with pytest.raises(FeedNotFound, match=r"^$"):
        await wechat.resolve(name, clock())
    assert not town.visits
    assert not town.messages.asked


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=1&signature=abc", "temporary"),
        ("https://mp.weixin.qq.com/", "temporary, or no article"),
        ("https://mp.weixin.qq.com/s?__biz=bm9ib2R5&mid=1&idx=1", "no account"),
    ],
)
async def test_links_that_lead_nowhere_say_what_to_send_instead(
    source: Making, clock: MovableClock, link: str, said: str
) -> None:
    wechat = await source("wewe-rss")
    assert wechat.claims(link)
    with pytest.raises(FeedNotFound, match=said) as caught:
        await wechat.resolve(link, clock())
    assert "account's name" in str(caught.value)


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<p>当前环境异常，完成验证后即可继续访问</p>", "environment check"),
        ("<p>该内容已被发布者删除</p>", "deleted"),
        ("<p>此内容因违规无法查看</p>", "violates"),
    ],
)
async def test_a_page_that_wechat_hides_says_why(
    town: Town, source: Making, clock: MovableClock, html: str, said: str
) -> None:
    harbour = town.account(articles=1)
    town.page_trouble = html
    with pytest.raises(FeedUnavailable, match=said):
        await (await source("wewe-rss")).resolve(harbour.articles[0].address("short"), clock())


async def test_without_a_provider_a_link_says_what_is_missing(source: Making, clock: MovableClock) -> None:
    wechat = await source()
    with pytest.raises(FeedNotFound, match="none is set up"):
        await wechat.resolve("https://mp.weixin.qq.com/s/AbC-dEf_123", clock())
    with pytest.raises(FeedNotFound, match=r"^$"):
        await wechat.resolve("港口新闻", clock())


async def test_an_examination_without_a_provider_finds_nothing_wrong(source: Making) -> None:
    (found,) = await (await source()).examine("")
    assert (found.ok, found.what) == (True, "no provider is set up")


async def test_an_examination_says_how_each_provider_is(town: Town, source: Making) -> None:
    town.account(articles=1)
    every = await source(*PROVIDERS)
    assert [one.ok for one in await every.examine("")] == [True] * 5
    town.wewe.trouble = (200, "<html>Login</html>")
    town.messages.key = "another"
    town.wechat2rss.follows.clear()
    wewe, we_mp, wechat2rss, rsshub, messages = await every.examine("")
    assert [wewe.ok, we_mp.ok, wechat2rss.ok, rsshub.ok, messages.ok] == [False, True, True, True, False]
    assert "follow the accounts there first" in wechat2rss.mend
    assert "refuses the key" in messages.what


async def test_a_bridge_cannot_lead_us_to_what_its_operator_did_not_name(
    town: Town, source: Making, clock: MovableClock
) -> None:
    """A hosted bridge is somebody else's: what it redirects to is checked like any feed's address."""
    harbour = town.account(articles=1)

    async def lead_elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{town.url}/wewe/feeds/{harbour.mp_wxs}.atom")

    async with serving(lead_elsewhere) as port:
        wechat = await source("wewe-rss", wewe_url=f"http://127.0.0.1:{port}")
        with pytest.raises(FeedFailed) as caught:
            await wechat.poll(harbour.biz, {}, clock())
    assert caught.value.fault == FeedFault.BLOCKED
    assert not town.wewe.asked


@pytest.mark.parametrize("place", ["biz", "number", "id", "name"])
async def test_a_route_of_rsshub_gets_the_name_it_wants_also_at_the_next_poll(
    town: Town, source: Making, follow: Follow, clock: MovableClock, place: str
) -> None:
    harbour = town.account("港口新闻", articles=1)
    wechat = await source("rsshub", rsshub_url=f"{town.url}/rsshub/wechat/{{{place}}}")
    found = await wechat.resolve(harbour.biz if place in ("biz", "number") else harbour.name, clock())
    feed = follow(wechat, found.key)
    feed.take(found.page)
    town.publish(harbour, "Storm", at=clock())
    await feed.poll()
    assert feed.delivered == ["Storm"]


async def test_without_any_provider_left_a_feed_waits_for_a_person(source: Making, clock: MovableClock) -> None:
    with pytest.raises(SourceSuspended, match="no provider"):
        await (await source()).poll("MzA3MDM3NjE5NQ==", {}, clock())
