"""Two gateways in a chain: what the first reads the second has once and in order, though the first often dies.

The first follows an official account, and serves it as WeChat messages and as an official account's history; the second
follows it by both.
"""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bot.cli.conftest import bare
from tests.bot.cli.shell import Shell
from tests.counts import count
from tests.crash import ledger
from tests.crash.server import Server, environment, until
from tests.fakes.receiver import Receiver
from tests.fakes.tencent import Account, FakeTencent
from tests.fakes.tencent.server import KEY, SDKAPPID

__all__ = ["bare"]  # the command line's fixture

POSTS, RESTARTS = count(120, 1000), count(2, 10)
PATIENCE = 300.0  # seconds in which the last post is through; after failures a feed is asked less and less often
SERVED, SIGNED_WITH = 1_500_000_000, "as the second signs to the first"
AT_ONCE = 5  # posts of a burst, all of the same second
ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 0}

Command = Callable[..., Awaitable[Any]]


@pytest.fixture
def command(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``await command(settings, "subscribe", …)``: what a gateway's command prints as JSON, or its last line."""

    async def run(settings: dict[str, str], *arguments: object) -> Any:
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            ran = await bare.beside(*arguments)
        return ran.json() if "--json" in arguments else ran.out.splitlines()[-1]

    return run


async def test_two_in_a_chain_lose_repeat_and_reorder_nothing(
    tmp_path: Path, sqlite_template: Path, command: Command
) -> None:
    async with FakeTencent() as tencent, Receiver() as receiver:
        news = tencent.account()
        tencent.send(news, "Post")
        source = {"TENCENT_BASE_URL": tencent.url, "TENCENT_SDKAPPID": str(SDKAPPID), "TENCENT_SECRET_KEY": KEY}
        served = {"OFFICIAL_SDKAPPID": str(SERVED), "OFFICIAL_SECRET_KEY": SIGNED_WITH}
        one = _settings(tmp_path / "one", sqlite_template, **source, **served)
        key = await _served(command, one, news, receiver)
        async with Server(one) as first:
            await first.ready()
            await until(lambda: _posts(one, "tencent"), "the first has read the account")
            base = f"http://127.0.0.1:{first.port}"
            by_messages = {"WECHAT_MESSAGES_BASE_URL": base, "WECHAT_MESSAGES_KEY": key}
            by_history = {
                "TENCENT_BASE_URL": base,
                "TENCENT_SDKAPPID": str(SERVED),
                "TENCENT_SECRET_KEY": SIGNED_WITH,
            }
            two = _settings(tmp_path / "two", sqlite_template, **by_messages, **by_history)
            await _followed(command, two, news, receiver)
            async with Server(two) as second:
                await second.ready()
                await _publish(tencent, news, first)
                await _through(one, "tencent")
                await _through(two, "tencent")
                await _through(two, "wechat")
                await until(lambda: not ledger.unfinished(two["DATABASE_URL"]), "all is sent")
                assert not [*first.complaints, *second.complaints]
        _check_received(receiver)


async def _publish(tencent: FakeTencent, news: Account, first: Server) -> None:
    """All posts, in bursts; the first gateway is ended meanwhile so many times, one way and the other."""
    ends = [signal.SIGKILL, signal.SIGTERM] * RESTARTS
    restarts = {POSTS * (n + 1) // (RESTARTS + 1): ends[n] for n in range(RESTARTS)}
    while (sent := len(news.messages)) < POSTS:
        burst = min(AT_ONCE, POSTS - sent)
        tencent.send(news, *["Post"] * burst)
        await asyncio.sleep(0.1)
        for due in [at for at in restarts if sent < at <= sent + burst]:
            if (number := restarts.pop(due)) == signal.SIGTERM:
                await first.ready()  # before that it ends as anything does
            first.send(number)
            assert await first.ended() == ENDS[number]
            assert not first.complaints
            await first.start()
    assert not restarts
    await first.ready()


def _check_received(receiver: Receiver) -> None:
    """By each API the second has sent each post once; the first may have repeated what was in flight at a kill."""
    bodies = [msgspec.json.decode(one.body)["data"] for one in receiver.received if one.path == "/two"]
    for kind in ("tencent", "wechat"):
        sent = [post["seq"] for post in bodies if post["feed"]["source"] == kind]
        assert sorted(sent) == list(range(2, POSTS + 1))


# Setting up


def _settings(folder: Path, template: Path, **settings: str) -> dict[str, str]:
    folder.mkdir()
    shutil.copy(template, folder / "postbell.db")
    quick = {"TENCENT_POLL_SECONDS": "1", "HOST_GAP_SECONDS": "0"}
    return environment(folder, f"sqlite:///{folder / 'postbell.db'}", **quick, **settings)


async def _served(command: Command, one: dict[str, str], news: Account, receiver: Receiver) -> str:
    """The key of who may read the account's messages at the first gateway."""
    await command(one, "account", "add", "ann@example.org")
    await command(one, "destination", "add", 1, "webhook", receiver.url("/one"))
    await command(one, "subscribe", 1, news.id, 1, "--json")
    assert await command(one, "official", "add", news.id) == news.id
    return str(await command(one, "key", "add", 1))


async def _followed(command: Command, two: dict[str, str], news: Account, receiver: Receiver) -> None:
    """At the second by its name through the one API, and by its id through the other."""
    await command(two, "account", "add", "bob@example.org")
    await command(two, "destination", "add", 1, "webhook", receiver.url("/two"))
    for name, kind in ((news.name, "wechat"), (news.id, "tencent")):
        made = await command(two, "subscribe", 1, name, 1, "--json")
        assert (made["source"], made["title"], made["newest_title"]) == (kind, news.name, "Post 1")


# What came


async def _through(settings: dict[str, str], source: str) -> None:
    """Return when all posts are stored, each once, in their order."""
    try:
        await until(lambda: len(_posts(settings, source)) >= POSTS, "all posts are stored", PATIENCE)
    except AssertionError as error:
        feeds = ledger.rows(settings["DATABASE_URL"], "SELECT source, last_seq, failures, reason FROM feeds")
        raise AssertionError(f"{source}: {error}; {feeds}") from None
    assert _posts(settings, source) == [(n, f"Post {n}") for n in range(1, POSTS + 1)]


def _posts(settings: dict[str, str], source: str) -> list[tuple[int, str]]:
    """Numbers and titles, in the order in which they were stored."""
    wanted = "SELECT posts.seq, posts.title FROM posts JOIN feeds ON feeds.id = posts.feed_id"
    return ledger.rows(settings["DATABASE_URL"], f"{wanted} WHERE feeds.source = '{source}' ORDER BY posts.id")
