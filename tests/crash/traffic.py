"""Feeds that keep publishing, receivers that keep what they get, and what must be true of both in the end."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Self

import msgspec

from adapters.base import Channel, Source
from adapters.signatures import new_secret
from bot import ground, installed, parts
from bot.clock import utc_now
from bot.settings import load
from bot.usecases import accounts, destinations, subscriptions
from storage.database import Database
from tests.crash import ledger
from tests.crash.server import PATIENCE, until
from tests.fakes.publisher import Feed, Publisher
from tests.fakes.receiver import Received, Receiver
from tests.fakes.wire import Agency, Desk

Wanted = tuple[str, str]
"""A destination's address and a post's."""


class Traffic:
    """Every destination has a path of its own at one of three receivers, each with its own secret."""

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        feeds: int = 3,
        destinations: int = 3,
        each: int = 2,
        answer: float = 0.0,
        agency: Agency | None = None,
    ) -> None:
        """``each``: subscriptions of a feed.  ``answer``: seconds that receivers take to answer.  ``agency``: whose
        wire is followed, by the source ``wire``, instead of web feeds."""
        self.database = settings["DATABASE_URL"]
        self.publisher = Publisher()
        self.receivers = [self._receiver() for _ in range(3)]
        self.received: dict[Wanted, list[Received]] = {}  # posts that came, each with its repeats
        self.feeds: list[Any] = []  # tests.fakes.publisher.Feed, or an agency's Desk
        self._agency, self._variables = agency, settings
        self.wanted: set[Wanted] = set()
        self.possible_repeats: Counter[str] = Counter()  # by webhook-id: kills that met it in flight
        self._settings = load(**{name.lower(): value for name, value in settings.items()})
        self._plan = [[(n * each + k) % destinations for k in range(each)] for n in range(feeds)]
        self._destinations, self._answer = destinations, answer
        self._to: dict[str, list[str]] = {}  # the destinations of each feed
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.publisher)
        for receiver in self.receivers:
            await self._open.enter_async_context(receiver)
        await self._subscribe()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    # While it runs

    def publish(self, feed: Feed | Desk | None = None) -> None:
        """One more post, of any feed when none is named."""
        feed = feed or random.choice(self.feeds)
        post = feed.publish()
        self.wanted |= {(to, post.url) for to in self._to[feed.url]}

    @asynccontextmanager
    async def flowing(self, seconds_between: float = 0.04) -> AsyncIterator[None]:
        """Posts are published until the end of the block."""

        async def publish() -> None:
            while True:
                self.publish()
                await asyncio.sleep(seconds_between)

        task = asyncio.create_task(publish())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def behave(self, **how: Any) -> None:
        """Set how all receivers answer, by the fields of ``tests.fakes.receiver.Path``."""
        for n in range(self._destinations):
            self.receivers[n % 3].behave(f"/{n}", **how)

    def killed(self) -> int:
        """Call it right after a kill: what is leased now may come twice.  Returns how much that is."""
        in_flight = ledger.in_flight(self.database)
        self.possible_repeats.update(in_flight)
        return len(in_flight)

    # At the end

    @property
    def missing(self) -> set[Wanted]:
        return self.wanted - self.received.keys()

    @property
    def repeats(self) -> int:
        return sum(len(same) - 1 for same in self.received.values())

    async def settled(self, seconds: float = PATIENCE) -> None:
        """Return when every post has arrived and the outbox has nothing left to do.  Fails after ``seconds``."""
        try:
            await until(lambda: not self.missing, "all posts have arrived", seconds)
            await until(lambda: not ledger.unfinished(self.database), "no delivery waits", seconds)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; missing: {sorted(self.missing)[:9]}; deliveries: {ledger.states(self.database)}; "
                f"feeds: {ledger.rows(self.database, 'SELECT * FROM feeds')}"
            ) from None

    def check(self) -> None:
        """Nothing lost, nothing invented, every repeat equal to the first."""
        received = self.received
        assert received.keys() == self.wanted
        ids = [{one.id for one in same} for same in received.values()]
        assert all(len(some) == 1 for some in ids), "a repeat came under another id"
        assert len(set().union(*ids)) == len(ids), "two deliveries share an id"
        for same in received.values():
            assert all(one.verified for one in same)
            assert len({one.body for one in same}) == 1, "a repeat came with another body"
        assert not ledger.unfinished(self.database)
        arrived = "('sent', 'delivered', 'read')"
        failed = ledger.rows(self.database, f"SELECT id, error FROM deliveries WHERE state NOT IN {arrived}")
        assert not failed

    def check_repeats(self) -> None:
        """Only what was in flight at a kill came twice."""
        for same in self.received.values():
            assert len(same) <= 1 + self.possible_repeats[same[0].id]

    # Setting up

    def _receiver(self) -> Receiver:
        def seen(one: Received) -> None:
            if post := msgspec.json.decode(one.body)["data"].get("url"):  # else it is a notice
                self.received.setdefault((receiver.url(one.path), post), []).append(one)

        receiver = Receiver(new_secret(), seen=seen)
        return receiver

    async def _subscribe(self) -> None:
        ground.make_folder(self._settings)
        await asyncio.to_thread(ground.migrate_now, self._settings)
        database = Database(self._settings.database, utc_now)
        try:
            async with parts.make_outbound(self._settings) as outbound:
                sources = installed.sources(outbound, self._variables)
                await self._subscribe_all(database, sources, parts.make_channels(outbound))
        finally:
            await asyncio.to_thread(database.close)

    async def _subscribe_all(
        self, database: Database, sources: Mapping[str, Source], channels: Mapping[str, Channel]
    ) -> None:
        account = await database.write(accounts.add, "ann@example.org", plan="unlimited")
        to: list[tuple[int, str]] = []
        for n in range(self._destinations):
            receiver = self.receivers[n % 3]
            address = channels["webhook"].normal_address(receiver.behave(f"/{n}", delay_seconds=self._answer))
            added = await database.write(
                destinations.add, ground.open_vault(self._settings), account_id=account.id, channel="webhook",
                lane="webhook", address=address, secret=receiver.secret, verified=True,
            )  # fmt: skip
            to.append((added.id, address))
        source = sources["wire" if self._agency else "feed"]
        for n, chosen in enumerate(self._plan):
            feed = self._agency.desk(str(n)) if self._agency else self.publisher.feed(f"/{n}.xml", posts=2)
            found = await source.resolve(feed.url, utc_now())
            for one in chosen:
                await database.write(
                    subscriptions.subscribe, account_id=account.id, destination_id=to[one][0], source=source.kind,
                    found=found, host=source.host(found.key), policy=parts.make_policy(self._settings, sources),
                    default_interval=timedelta(seconds=self._settings.poll_seconds), latest=False,
                )  # fmt: skip
            self.feeds.append(feed)
            self._to[feed.url] = [to[one][1] for one in chosen]
        for each in sources.values():
            await each.close()
