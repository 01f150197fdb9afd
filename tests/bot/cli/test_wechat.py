"""From the link of an article to a webhook: followed through two providers, delivered once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.clock import utc_now
from tests.bot.cli.shell import Shell
from tests.fakes.wechat import Town

HOOK = "https://example.org/hook"


@pytest.fixture
async def town(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """Two providers, and somebody with a webhook."""
    async with Town(utc_now) as town:
        for name, value in town.settings("wewe-rss", "messages").items():
            monkeypatch.setenv(f"WECHAT_{name}".upper(), str(value))
        shell("account", "add", "ann@example.org")
        shell("destination", "add", 1, "webhook", HOOK)
        yield town


async def test_an_articles_link_is_enough_and_each_article_is_queued_once(shell: Shell, town: Town) -> None:
    harbour = town.account("港口新闻", articles=3)
    link = harbour.articles[1].address("short")
    made = (await shell.beside("subscribe", 1, link, 1, "--json")).json()
    assert (made["source"], made["key"], made["title"], made["posts"]) == ("wechat", harbour.biz, "港口新闻", 3)
    late = utc_now() - timedelta(hours=1)
    town.publish(harbour, "Storm warning", at=late)
    seen_by_one = town.publish(harbour, "Storm over", at=late + timedelta(minutes=30))
    town.wewe.hidden.add(seen_by_one)
    for _ in range(2):
        await shell.beside("poll", 1)
        town.wewe.hidden.clear()
    queued = shell("deliveries", "--state", "queued", "--json").json()
    assert [one["title"] for one in queued] == ["Storm over", "Storm warning"]


async def test_the_name_does_as_well_and_leads_to_the_same_feed(shell: Shell, town: Town) -> None:
    harbour = town.account("港口新闻", articles=1)
    await shell.beside("subscribe", 1, harbour.articles[0].address("long", 2), 1)
    again = (await shell.beside("subscribe", 1, "港口新闻", 1, "--json")).json()
    assert (again["new"], again["feed_id"]) == (False, 1)
    assert (await shell.beside("poll", "港口新闻", "--json")).json()["feed_id"] == 1


async def test_what_cannot_be_followed_says_what_to_do(shell: Shell, town: Town) -> None:
    stranger = town.account("远方", articles=1)
    town.wewe.follows.clear()
    town.messages.articles.clear()
    ran = await shell.beside("subscribe", 1, stranger.articles[0].address("short"), 1, code=1)
    assert "at none of the providers (wewe-rss, messages): add it there" in ran.complaint
    temporary = await shell.beside("subscribe", 1, stranger.articles[0].address("temporary"), 1, code=1)
    assert "temporary" in temporary.complaint
