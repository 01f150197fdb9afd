"""Random weeks: services that page badly, bridges that lag, hide and die.  Every article comes, and once."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from adapters.base import SourceError
from adapters.sources.wechat import WeChat
from tests.adapters.sources.wechat.conftest import Follower, Making
from tests.clock import MovableClock
from tests.counts import count
from tests.fakes.wechat import Account, Article, Town

Follow = Callable[[WeChat, str], Follower]
HOUR = timedelta(hours=1)
RUNS = count(25, 1000)


class Weeks:
    """One random history; ``run`` says which articles came never and which more than once."""

    def __init__(self, dice: random.Random, town: Town, clock: MovableClock) -> None:
        self._dice, self._town, self._clock = dice, town, clock
        self._expected: list[str] = []
        self._serial = 0

    async def run(
        self, feed: Follower, account: Account, other: Account, step: Callable[[], None]
    ) -> tuple[set[str], set[str]]:
        await self._until_read(feed)
        for _ in range(12):
            for _ in range(self._dice.choice((0, 0, 1, 2, 4))):
                self._publish(account)
            if self._dice.random() < 0.5:
                self._town.publish(other, at=self._clock())
            step()
            await self._poll(feed, HOUR * self._dice.choice((0.1, 0.5, 1, 5, 20)))
        self._settle()
        for _ in range(3):
            await self._poll(feed, 26 * HOUR)
        delivered = feed.delivered
        return set(self._expected) - set(delivered), {one for one in delivered if delivered.count(one) > 1}

    def publish_while_read(self, account: Account) -> Callable[[int], None]:
        """New messages at the front of the list between two of its pages."""

        def between(number: int) -> None:
            if number > 1 and self._expected and self._dice.random() < 0.4:
                for _ in range(self._dice.choice((1, 1, 3))):
                    self._publish(account, late=False)

        return between

    def _publish(self, account: Account, *, late: bool = True) -> Article:
        self._serial += 1
        title = f"News {self._serial}"
        article = self._town.publish(account, title, at=self._clock() - timedelta(minutes=self._serial % 3))
        lag = HOUR * self._dice.choice((0, 0, 1, 12, 23)) if late else timedelta(0)
        article.collected = self._clock() + lag
        for shelf in self._town.shelves:
            if self._dice.random() < 0.3:
                shelf.hidden.add(article)
        self._expected.append(title)
        return article

    async def _until_read(self, feed: Follower) -> None:
        while feed.first:
            await self._poll(feed, HOUR)

    async def _poll(self, feed: Follower, after: timedelta) -> None:
        with suppress(SourceError):
            await feed.poll(after)

    def _settle(self) -> None:
        """All is well in the end, and everybody has everything."""
        self._town.messages.failure = None
        self._town.messages.between_pages = None
        for shelf in self._town.shelves:
            shelf.hidden.clear()
            shelf.trouble, shelf.frozen = None, False


async def _service_run(
    seed: int, town: Town, source: Making, follow: Follow, clock: MovableClock, overlap: int
) -> tuple[set[str], set[str]]:
    """A messages API alone."""
    dice = random.Random(seed)
    service, weeks = town.messages, Weeks(dice, town, clock)
    service.articles.clear()
    account, other = town.account(f"a{seed}"), town.account(f"b{seed}")
    service.shape = dice.choice(("proposed", "bare", "bridge"))
    service.form = dice.choice(("short", "long", "temporary"))
    service.since_means = dice.choice(("collected", "published"))
    service.ignores_since, service.says_more = dice.random() < 0.2, dice.random() < 0.7
    service.ignores_page = dice.random() < 0.2
    service.skew = HOUR * dice.choice((0, 0, -1, 1))
    service.largest_page = 100 if service.ignores_page else dice.choice((3, 5, 100))
    size = 100 if service.ignores_page else dice.choice((4, 10, 50))
    service.between_pages = weeks.publish_while_read(account)
    for _ in range(3):
        town.publish(account, at=clock() - HOUR)
    wechat = await source("messages", messages_page_size=size, messages_overlap_hours=overlap)

    def step() -> None:
        service.failure = dice.choice((None, None, None, (500, "<html>"), (200, {"code": 1, "msg": "busy"})))

    service.failure = None
    return await weeks.run(follow(wechat, account.biz), account, other, step)


@pytest.mark.parametrize("part", range(5))
async def test_a_service_loses_and_repeats_nothing(
    town: Town, source: Making, follow: Follow, clock: MovableClock, part: int
) -> None:
    for seed in range(part, RUNS, 5):
        assert await _service_run(seed, town, source, follow, clock, overlap=48) == (set(), set()), seed


async def test_without_the_overlap_it_would(town: Town, source: Making, follow: Follow, clock: MovableClock) -> None:
    missed = [(await _service_run(seed, town, source, follow, clock, overlap=0))[0] for seed in range(8)]
    assert any(missed)


async def _bridges_run(
    seed: int, town: Town, source: Making, follow: Follow, clock: MovableClock
) -> tuple[set[str], set[str]]:
    """Two or three providers, each with its own addresses, gaps, delays and deaths."""
    dice = random.Random(seed)
    weeks = Weeks(dice, town, clock)
    town.messages.articles.clear()
    account, other = town.account(f"c{seed}", articles=2), town.account(f"d{seed}")
    for shelf, forms in zip(
        town.shelves, (("short",), ("long", "short"), ("long",), ("temporary", "short")), strict=True
    ):
        shelf.form = dice.choice(forms)  # type: ignore[arg-type]
        shelf.keep = 60
    names = dice.sample(("wewe-rss", "we-mp-rss", "wechat2rss", "rsshub", "messages"), dice.choice((2, 3)))
    wechat = await source(*names, wewe_format=dice.choice(("atom", "rss", "json")))

    def step() -> None:
        for shelf in town.shelves:
            shelf.frozen = dice.random() < 0.2
            shelf.trouble = (503, "<html>") if dice.random() < 0.2 else None
            for article in dice.sample(sorted(shelf.hidden, key=id), len(shelf.hidden) // 2):
                shelf.hidden.discard(article)
        town.messages.failure = (500, "") if dice.random() < 0.2 else None

    return await weeks.run(follow(wechat, account.biz), account, other, step)


@pytest.mark.parametrize("part", range(5))
async def test_several_providers_together_lose_and_repeat_nothing(
    town: Town, source: Making, follow: Follow, clock: MovableClock, part: int
) -> None:
    for seed in range(part, RUNS, 5):
        assert await _bridges_run(seed, town, source, follow, clock) == (set(), set()), seed


async def test_without_comparing_title_and_time_they_would_repeat(
    town: Town, source: Making, follow: Follow, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sources.wechat.memory.SAME_TIME", -1)
    repeated = [(await _bridges_run(seed, town, source, follow, clock))[1] for seed in range(8)]
    assert any(repeated)


async def test_without_a_memory_they_would_repeat(
    town: Town, source: Making, follow: Follow, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sources.wechat.memory.Memory.rows", lambda *_: [])
    repeated = [(await _bridges_run(seed, town, source, follow, clock))[1] for seed in range(8)]
    assert any(repeated)
