"""WeChat from end to end: an article's link is followed, two providers have the next article, one webhook comes."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import pytest

from adapters.signatures import new_secret
from bot import app, logs
from bot.clock import utc_now
from bot.jobs.lookup import look_up
from bot.settings import load
from bot.usecases import destinations, feeds, subscriptions
from tests import world
from tests.fakes.receiver import Receiver
from tests.fakes.wechat import Town


async def test_an_article_that_two_providers_have_reaches_the_webhook_once(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure("error", "json")
    monkeypatch.chdir(tmp_path)
    settings = load(
        data_dir=tmp_path, database_url=sqlite_url, port=0, metrics_port=0, host="127.0.0.1",
        egress_allow="127.0.0.1/32", master_key=b64encode(b"k" * 32).decode(),
    )  # fmt: skip
    async with Town(utc_now) as town, Receiver(secret := new_secret()) as receiver:
        for name, value in town.settings("wewe-rss", "messages").items():
            monkeypatch.setenv(f"WECHAT_{name}".upper(), str(value))
        harbour = town.account("港口新闻", articles=2)
        async with app.run(settings) as gateway:
            looked = await look_up(gateway.sources, harbour.articles[0].address("short"), utc_now())
            assert looked.found is not None, looked.error
            await gateway.database.write(world.add_account)
            to = await gateway.database.write(
                destinations.add, gateway.vault, account_id=1, channel="webhook", lane="webhook",
                address=receiver.url(), secret=secret, verified=True,
            )  # fmt: skip
            made = await gateway.database.write(
                subscriptions.subscribe, account_id=1, destination_id=to.id, source=looked.source, found=looked.found,
                host=looked.host, policy=gateway.terms.policy, default_interval=world.INTERVAL, latest=False,
            )  # fmt: skip
            town.publish(harbour, "Storm warning", at=utc_now())
            for _ in range(2):
                due = await gateway.database.write(feeds.hurry, made.feed.id, world.INTERVAL)
                await gateway.poller.poll(due)
                async with asyncio.timeout(20):
                    while not receiver.received:  # noqa: ASYNC110 (it happens elsewhere)
                        await asyncio.sleep(0.01)
    (one,) = receiver.received
    assert one.verified
    post = json.loads(one.body)["data"]
    assert (post["title"], post["url"]) == ("Storm warning", harbour.articles[-1].address("short").partition("?")[0])
    assert (post["feed"]["title"], post["feed"]["source"]) == ("港口新闻", "wechat")
