"""X from end to end: an account is followed from chat and shell, and its posts arrive, by polls and by the stream."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from adapters.signatures import new_secret
from adapters.sources.x import cursors, stream
from bot import app, logs, plugins
from bot.clock import monotonic
from bot.settings import load
from bot.usecases import destinations, feeds, spending, streams
from storage import models
from tests import world
from tests.bot.cli.shell import Shell
from tests.fakes.receiver import Receiver
from tests.fakes.talking import HEADER, TalkServer
from tests.fakes.x import FakeX
from tests.fakes.x.tricks import NO_CREDITS

SECRET = "s3cret-of-talk"
CHAT = "ann"


@dataclass
class Stage:
    """A gateway, X, and a person who chats; ``at``: when each text came to her."""

    gateway: app.Gateway
    x: FakeX
    platform: TalkServer
    session: ClientSession
    said: int = 0

    async def say(self, text: str) -> str:
        """The answer."""
        self.said += 1
        before = len(self.platform.texts(CHAT))
        body = {"sender": CHAT, "chat": CHAT, "text": text, "id": str(self.said)}
        url = f"http://127.0.0.1:{self.gateway.port}/webhooks/talk"
        async with self.session.post(url, json=body, headers={HEADER: SECRET}) as answer:
            answered = await answer.json()
        if answered.get("reply"):
            return str(answered["reply"])
        await self.until(lambda: len(self.platform.texts(CHAT)) > before)
        return self.platform.texts(CHAT)[-1]

    @property
    def shown(self) -> list[str]:
        return self.platform.texts(CHAT)

    async def until(self, true: Callable[[], object], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 (it happens elsewhere)
                await asyncio.sleep(0.01)

    async def until_known(self, true: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(15):
            while not await true():  # noqa: ASYNC110 (it happens in a database)
                await asyncio.sleep(0.02)

    async def rows(self, table: Any) -> list[Any]:
        return await self.gateway.database.read(world.rows, table)


@pytest.fixture
def put_up(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Starts a gateway with these settings of X."""
    logs.configure("error", "json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(plugins.CHANNELS, "talk", "tests.fakes.talking:Talk")

    @asynccontextmanager
    async def run(**settings: str) -> AsyncIterator[Stage]:
        async with TalkServer() as platform, FakeX() as x, ClientSession() as session:
            x.user("NASA", "National Aeronautics")
            given = {"X_BASE_URL": x.url, "X_BEARER_TOKEN": x.config().bearer_token, "X_POLL_SECONDS": "1"}
            given |= {"TALK_SECRET": SECRET, "TALK_BASE_URL": platform.url} | settings
            for name, value in given.items():
                monkeypatch.setenv(name, value)
            options = {
                "DATA_DIR": str(tmp_path), "DATABASE_URL": sqlite_url, "EGRESS_ALLOW": "127.0.0.1/32",
                "MASTER_KEY": b64encode(b"k" * 32).decode(), "METRICS_PORT": "0", "PORT": "0", "SIGNUP": "open",
            }  # fmt: skip
            for name, value in options.items():
                monkeypatch.setenv(name, value)
            async with app.run(load()) as gateway:
                yield Stage(gateway, x, platform, session)

    return run


async def test_an_account_is_followed_by_its_handle_or_address_and_its_posts_come(put_up: Any) -> None:
    async with put_up() as stage:
        answer = await stage.say("subscribe @nasa")
        assert "National Aeronautics" in answer
        assert "https://x.com/NASA" in answer
        assert "already" in await stage.say("https://x.com/nasa/status/20")
        began = monotonic()
        original = stage.x.post("NASA", "It flies & lands.")
        stage.x.post("NASA", "", repost=stage.x.post("ESA", "Ours, too."))
        stage.x.post("NASA", "@ESA Thank you!", reply_to=original, quote=original)
        await stage.until(lambda: "It flies & lands." in " ".join(stage.shown))
        assert monotonic() - began < 10
        await stage.until_known(lambda: _seen(stage, 1))
        assert not [text for text in stage.shown if "Ours" in text or "Thank you" in text]


async def _seen(stage: Stage, posts: int) -> bool:
    return len(await stage.rows(models.Post)) >= posts


async def test_reposts_and_replies_come_on_request_and_a_webhook_gets_them_from_the_shell(
    put_up: Any, shell_of: Shell
) -> None:
    async with put_up() as stage, Receiver(new_secret()) as receiver:
        await stage.say("hello")
        added = await stage.gateway.database.write(
            destinations.add, stage.gateway.vault, account_id=1, channel="webhook", lane="webhook",
            address=receiver.url(), secret=receiver.secret, verified=True,
        )  # fmt: skip
        ran = await shell_of.beside("subscribe", 1, "x.com/NASA", added.id, "--reposts", "--replies", "--json")
        assert (ran.json()["source"], ran.json()["title"]) == ("x", "National Aeronautics")
        original = stage.x.post("NASA", "It flies.")
        stage.x.post("NASA", "", repost=stage.x.post("ESA", "Ours, too."))
        stage.x.post("NASA", "@ESA Thanks!", reply_to=stage.x.post("ESA", "Well done.", reply_to=original))
        await stage.until(lambda: len(receiver.received) >= 3)
        data = [msgspec.json.decode(one.body)["data"] for one in receiver.received]
        assert {one["feed"]["url"] for one in data} == {"https://x.com/NASA"}
        assert all(one["url"].startswith("https://x.com/") for one in data)
        listed = (await shell_of.beside("subscriptions", "--json")).json()
        assert listed[0]["options"] == {"reposts": True, "replies": True}


@pytest.fixture
def shell_of() -> Shell:
    return Shell()


async def test_renamed_and_suspended_accounts_are_told_once(put_up: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "NAMES_AGE", timedelta(0))
    async with put_up(X_SEARCH="false") as stage:
        await stage.say("@nasa")
        stage.x.world.rename("NASA", "NASA_2")
        stage.x.post("NASA_2", "Under our new name.")
        await stage.until(lambda: [text for text in stage.shown if "now called @NASA_2" in text])
        stage.x.user("NASA_2", suspended=True)
        await stage.until(lambda: [text for text in stage.shown if "cannot be read" in text])
        stage.x.requests.clear()
        await asyncio.sleep(2.5)  # a poll a second, if it were polled on
        assert stage.x.requests["timeline"] + stage.x.requests["search"] == 0
        assert len([text for text in stage.shown if "cannot be read" in text]) == 1


@pytest.mark.parametrize("way", ["true", "activity"])
async def test_what_the_stream_tells_is_delivered_at_once_and_polls_are_seldom_then(
    put_up: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(stream, "KEYS_SECONDS", 0.2)
    async with put_up(X_STREAM=way, X_POLL_SECONDS="5") as stage:
        stage.x.rules.keep_alive_seconds = 0.2
        await stage.say("@nasa")

        async def hears() -> bool:
            return any(one.hears for one in await stage.gateway.database.read(streams.standings))

        await stage.until_known(hears)
        began = monotonic()
        stage.x.post("NASA", "It flies.")
        await stage.until(lambda: "It flies." in " ".join(stage.shown))
        assert monotonic() - began < 3
        stage.x.requests.clear()
        await stage.gateway.database.write(feeds.read_soon, "x", [str(stage.x.user("NASA").id)])
        await stage.until(lambda: stage.x.requests["timeline"] + stage.x.requests["search"])
        stage.x.post("NASA", "It lands.")
        await stage.until(lambda: "It lands." in " ".join(stage.shown))
        assert len([text for text in stage.shown if "It flies." in text]) == 1


async def test_a_budget_that_is_used_up_stops_reading_and_all_can_see_it(put_up: Any, shell_of: Shell) -> None:
    async with put_up(X_MONTHLY_BUDGET="5") as stage:
        await stage.say("@nasa")
        for number in range(6):
            stage.x.post("NASA", f"Number {number}.")

        async def used_up() -> bool:
            paces = stage.gateway.terms.policy.paces
            return "x" in await stage.gateway.database.read(spending.used_up, paces, ["x"])

        await stage.until_known(used_up)
        billed = (await shell_of.beside("usage", "--json")).json()
        assert billed["sources"][0]["source"] == "x"
        assert billed["sources"][0]["reads"] >= 5
        assert billed["sources"][0]["budget"] == 5
        assert billed["feeds"][0]["name"] == "NASA"
        await stage.say("quota")
        await stage.until(lambda: [text for text in stage.shown if "the budget is 5" in text])
        assert (await shell_of.beside("feeds", "--json")).json()[0]["reads"] >= 5
        found = (await shell_of.beside("doctor", "--json", code=1)).json()
        assert [one for one in found if one["what"] == "usage of x" and "nothing is read" in one["text"]]


async def test_without_credit_nothing_is_asked_and_doctor_says_why(put_up: Any, shell_of: Shell) -> None:
    async with put_up() as stage:
        await stage.say("@nasa")
        for endpoint in ("timeline", "search"):
            stage.x.always(endpoint, NO_CREDITS)

        async def waits() -> bool:
            return any(row.fault == "suspended" for row in await stage.rows(models.Feed))

        await stage.until_known(waits)
        stage.x.requests.clear()
        await asyncio.sleep(1.5)
        assert stage.x.requests["timeline"] + stage.x.requests["search"] == 0
        found = (await shell_of.beside("doctor", "--json", code=1)).json()
        assert [one for one in found if one["what"] == "source x" and one["grade"] == "wrong"]
