"""An official account from end to end: followed by a command, read over a restart, sent to a webhook."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from bot import app, logs
from bot.clock import utc_now
from bot.settings import load
from tests.bot.cli.conftest import bare, shell
from tests.bot.cli.shell import Shell
from tests.fakes.receiver import Receiver
from tests.fakes.tencent import Account, FakeTencent
from tests.fakes.tencent.server import CALLBACK_TOKEN, KEY, SDKAPPID

__all__ = ["bare", "shell"]  # the command line's fixtures

BACKLOG = 150


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def tencent(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeTencent]:
    async with FakeTencent() as tencent:
        for name, value in {
            "TENCENT_BASE_URL": tencent.url,
            "TENCENT_SDKAPPID": str(SDKAPPID),
            "TENCENT_SECRET_KEY": KEY,
            "TENCENT_CALLBACK_TOKEN": CALLBACK_TOKEN,
            "TENCENT_POLL_SECONDS": "1",
            "HOST_GAP_SECONDS": "0",
        }.items():
            monkeypatch.setenv(name, value)
        yield tencent


@pytest.fixture
def seldom(tencent: FakeTencent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENT_POLL_SECONDS", "3600")


@pytest.fixture
async def news(shell: Shell, tencent: FakeTencent, receiver: Receiver) -> Account:
    """An account with an old message, followed by a webhook."""
    news = tencent.account()
    tencent.send(news, "Old")
    shell("account", "add", "ann@example.org")
    shell("destination", "add", 1, "webhook", receiver.url())
    made = (await shell.beside("subscribe", 1, news.id, 1, "--json")).json()
    assert (made["source"], made["key"], made["title"], made["posts"]) == ("tencent", news.id, "News", 1)
    return news


async def serve_until(done: Callable[[], object]) -> None:
    async with app.run(load()), asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 (it happens elsewhere)
            await asyncio.sleep(0.01)


async def test_a_backlog_arrives_once_and_whole_though_the_gateway_is_restarted_within_it(
    shell: Shell, tencent: FakeTencent, news: Account, receiver: Receiver
) -> None:
    logs.configure("error", "json")
    tencent.send(news, *["New"] * BACKLOG)
    tencent.fail("", "", 10002, "", 70001)
    await serve_until(lambda: tencent.pulls >= 6)
    assert len(receiver.received) < BACKLOG
    await serve_until(lambda: len(receiver.counts) == BACKLOG)
    posts = [json.loads(one.body)["data"] for one in receiver.received]
    assert sorted((post["seq"], post["title"]) for post in posts) == [(n, f"New {n}") for n in range(2, BACKLOG + 2)]
    assert {(post["feed"]["source"], post["feed"]["title"]) for post in posts} == {("tencent", "News")}


async def test_a_call_of_the_platform_brings_the_message_before_any_poll(
    tencent: FakeTencent, seldom: None, news: Account, receiver: Receiver
) -> None:
    logs.configure("error", "json")
    tencent.send(news, "Now")
    pulls = tencent.pulls
    async with app.run(load()) as gateway, asyncio.timeout(30):
        assert await tencent.call(f"http://127.0.0.1:{gateway.port}/webhooks/tencent", news) == 200
        while not receiver.received:  # noqa: ASYNC110 (it happens elsewhere)
            await asyncio.sleep(0.01)
    assert tencent.pulls == pulls + 1


async def test_a_gap_shows_with_the_feed(shell: Shell, tencent: FakeTencent, news: Account) -> None:
    for _ in range(30):
        news.send(utc_now().timestamp() - 60, "New")
    news.expire(20)
    polled = (await shell.beside("poll", news.id, "--json")).json()
    assert [post["title"] for post in polled["new"]] == [f"New {n}" for n in range(31, 20, -1)]
    (feed,) = shell("feeds", "--json").json()
    assert (feed["failures"], feed["reason"]) == (0, "messages 2 to 20 could not be read: they had expired")


async def test_what_cannot_be_followed_is_said_in_words(shell: Shell, tencent: FakeTencent, news: Account) -> None:
    said = (await shell.beside("subscribe", 1, "@TOA#_nobody", 1, code=1)).complaint
    assert "does not exist" in said
    said = (await shell.beside("subscribe", 1, "nonsense", 1, code=1)).complaint
    assert "; ;" not in said
