"""The console's overview: what goes through, what needs somebody, and who sees whose."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage import models
from storage.api_models import ApiKey
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.bot.web.people import signed_in
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


async def follower(served: Served, name: str, posts: int = 1) -> tuple[Caller, str]:
    """An account with a webhook that follows a feed, which has brought so many posts since."""
    caller = await served.caller()
    url = served.feeds.add(f"https://{name}.example.org/{caller.account_id}", title=name)
    await caller.follows(url, (await caller.webhook(name))["id"])
    for n in range(posts):
        served.clock.advance(seconds=1)
        await served.post("feed", url, item(f"{name} {n}"))
    return caller, url


def deliveries_of(work: Work, account_id: int) -> list[Any]:
    return world.rows(work, models.Delivery, account_id=account_id)


async def test_a_newcomer_is_told_what_to_do_first(served: Served) -> None:
    async with await signed_in(served) as ann:
        words = (await ann.get("/")).words
        assert "Nothing arrives yet" in words
        assert "Add a destination" in words
        assert "Posts found" not in words


async def test_figures_are_of_the_accounts_own_deliveries(served: Served) -> None:
    caller, _ = await follower(served, "figures", 4)
    rows = await served.database.read(deliveries_of, caller.account_id)
    for row, seconds in zip(rows, (1, 2, 40), strict=False):
        await served.settle(row.id, state="sent", sent_at=row.created_at + timedelta(seconds=seconds))
    async with await signed_in(served, account_id=caller.account_id) as ann, await signed_in(served) as other:
        words = (await ann.get("/")).words
        assert "Posts found 4" in words
        assert "Sent 3" in words
        assert "On the way 1" in words
        assert "2.0 s p50 40.0 s p95" in words
        assert "All is well" in words
        assert "<desc" in (await ann.get("/home/live")).text
        assert "Posts found" not in (await other.get("/")).words


async def test_only_the_last_day_counts(served: Served) -> None:
    caller, _ = await follower(served, "yesterday", 2)
    async with await signed_in(served, account_id=caller.account_id) as ann:
        assert "Posts found 2" in (await ann.get("/")).words
    served.clock.advance(hours=25)
    async with await signed_in(served, account_id=caller.account_id) as ann:
        assert "Posts found 0" in (await ann.get("/")).words


def break_things(work: Work, account_id: int) -> None:
    (destination,) = world.rows(work, models.Destination, account_id=account_id)
    (subscription,) = world.rows(work, models.Subscription, account_id=account_id)
    (delivery, *_) = deliveries_of(work, account_id)
    change = work.session.execute
    there = models.Destination.__table__
    change(update(there).where(there.c.id == destination.id).values(disabled_at=work.now, disabled_reason=HOSTILE))
    feeds = models.Feed.__table__
    change(update(feeds).where(feeds.c.id == subscription.feed_id).values(told="failing", fault="dns", title=HOSTILE))
    queue = models.Delivery.__table__
    change(update(queue).where(queue.c.id == delivery.id).values(state="held", error_code="window_closed"))
    accounts = models.Account.__table__
    change(update(accounts).where(accounts.c.id == account_id).values(credits=0))


async def test_what_needs_somebody_is_said(served: Served) -> None:
    caller, _ = await follower(served, "needs")
    await served.database.write(break_things, caller.account_id)
    async with await signed_in(served, account_id=caller.account_id) as ann, await signed_in(served) as other:
        shown = await ann.get("/")
        assert "1 destination is disabled" in shown.words
        assert "1 feed cannot be read" in shown.words
        assert "its server's name is not known" in shown.words
        assert "1 message is held" in shown.words
        assert "The credits are used up" in shown.words
        assert HOSTILE not in shown.text
        assert "&lt;script&gt;alert(1)" in shown.text
        assert "is disabled" not in (await other.get("/")).words


def end_keys(work: Work, account_id: int, at: datetime) -> None:
    keys = ApiKey.__table__
    work.session.execute(update(keys).where(keys.c.account_id == account_id).values(expires_at=at))


async def test_keys_that_expire_soon_are_named(served: Served) -> None:
    caller, _ = await follower(served, "expiring")
    await served.database.write(end_keys, caller.account_id, served.clock() + timedelta(days=3))
    async with await signed_in(served, account_id=caller.account_id) as ann:
        words = (await ann.get("/")).words
        assert "1 API key expires soon." in words
        assert "Tests: in 3 days" in words


async def test_only_operators_see_the_whole_installation(served: Served) -> None:
    await follower(served, "everybodys", 3)
    async with await signed_in(served, operator=True) as operator, await signed_in(served) as ann:
        assert "Whole installation" in (await operator.get("/")).words
        assert "Nothing arrives yet" in (await operator.get("/")).words
        everything = (await operator.get("/?of=all")).words
        assert "Nothing arrives yet" not in everything
        assert "Posts found" in everything
        assert "Posts found" not in (await ann.get("/?of=all")).words
        assert "Posts found" not in (await ann.get("/home/live?of=all")).words


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "ko", "es"])
async def test_the_overview_in_every_language(served: Served, language: str) -> None:
    caller, _ = await follower(served, f"tongue-{language.lower()}")
    await served.database.write(break_things, caller.account_id)
    async with await signed_in(served, account_id=caller.account_id, language=language) as ann:
        assert (await ann.get("/")).status == 200
