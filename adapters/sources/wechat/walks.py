"""Walks over a messages API: every message since a moment, page by page, one walk for all feeds (B3.1).

Nothing is missed: each walk begins well before the last complete one, for articles are collected hours after they were
published; ``since`` is the same on all its pages; and a list that grows at its front can only repeat a message.
Nothing comes twice: what was seen before is known by the feed's memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from adapters.base import FeedFailed, FeedFault
from adapters.sources.wechat.accounts import Account
from adapters.sources.wechat.messages import Leaf, Message

MOST_PAGES = 40
SEARCHED_PAGES = 10  # where there is no beginning
SHARED = timedelta(seconds=20)  # polls so close together share one walk
GRAIN = 6 * 3600  # seconds; starts are rounded down to it, so that feeds ask for the same
LONGEST_SECONDS = 45.0  # of one walk; a poll may take 60

Page = Callable[[int, datetime | None, datetime], Awaitable[Leaf]]
"""Number, since and now: as ``Messages.page``."""


@dataclass(slots=True)
class Walk:
    """What one walk brought."""

    started: datetime  # by the service's clock
    messages: Sequence[Message] = ()  # oldest first
    _by_word: dict[str, list[int]] = field(default_factory=dict)  # places in ``messages``

    def __post_init__(self) -> None:
        for place, message in enumerate(self.messages):
            for word in message.account.words:
                self._by_word.setdefault(word, []).append(place)

    def of(self, account: Account) -> Sequence[Message]:
        """The account's, oldest first."""
        places = {place for word in account.words for place in self._by_word.get(word, [])}
        found = (self.messages[place] for place in sorted(places))
        return [one for one in found if one.account.is_same(account)]


@dataclass(frozen=True, slots=True)
class _Run:
    since: datetime | None  # None: from the latest back, not to the end
    at: datetime
    task: "asyncio.Task[Walk]"
    served: set[str] = field(default_factory=set)  # feeds that it was for

    def serves(self, since: datetime | None, now: datetime, feed: str) -> bool:
        """A feed that asks again, however soon, wants what has come since."""
        if feed in self.served:
            return False
        deep = self.since is None if since is None else self.since is not None and self.since <= since
        return deep and abs(now - self.at) <= SHARED


class Walks:
    """Single flight: however many feeds are polled within moments, the service is read once."""

    def __init__(self, page: Page, overlap: timedelta) -> None:
        self._page, self._overlap = page, overlap
        self._runs: list[_Run] = []

    async def since(self, last: datetime, now: datetime, feed: str = "") -> Walk:
        """Everything since well before ``last``, the start of the last complete walk.  Raises SourceError.

        ``feed``: the one that is polled, which gets no walk twice; empty: any recent one will do.
        """
        start = (last - self._overlap).timestamp() // GRAIN * GRAIN
        return await self._shared(datetime.fromtimestamp(start, UTC), MOST_PAGES, now, feed)

    async def latest(self, now: datetime) -> Walk:
        """The latest messages, whenever they came, for an account that has been silent for days."""
        return await self._shared(None, SEARCHED_PAGES, now)

    async def close(self) -> None:
        for run in self._runs:
            run.task.cancel()
        await asyncio.gather(*[run.task for run in self._runs], return_exceptions=True)

    async def _shared(self, since: datetime | None, most_pages: int, now: datetime, feed: str = "") -> Walk:
        self._runs = [run for run in self._runs if abs(now - run.at) <= SHARED or not run.task.done()]
        run = next((run for run in self._runs if run.serves(since, now, feed)), None)
        if run is None:
            task = asyncio.create_task(self._bounded(since, most_pages, now))
            task.add_done_callback(_seen)
            run = _Run(since, now, task)
            self._runs.append(run)
        if feed:
            run.served.add(feed)
        return await asyncio.shield(run.task)  # who no longer waits must not end it for the others

    async def _bounded(self, since: datetime | None, most_pages: int, now: datetime) -> Walk:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await walk(self._page, since, now, most_pages)
        except TimeoutError:
            raise FeedFailed(FeedFault.TIMEOUT, f"reading all pages took over {LONGEST_SECONDS:.0f} seconds") from None


async def walk(page: Page, since: datetime | None, now: datetime, most_pages: int = MOST_PAGES) -> Walk:
    """Raises SourceError; what came until then is worth nothing, for nobody knows what is missing."""
    found: dict[str, Message] = {}
    started, full = now, 0
    for number in range(1, most_pages + 1):
        leaf = await page(number, since, now)
        started = leaf.served if number == 1 else started
        full = max(full, leaf.count)
        more = leaf.more if leaf.more is not None else leaf.count >= (leaf.size or full)
        new = _add(found, leaf)
        if not leaf.count or not more:
            break
        if not new and not _add(found, await page(1, since, now)):
            break  # not because the list grew by a whole page meanwhile: the service knows no pages
    return Walk(started, _in_order(list({id(one): one for one in found.values()}.values())))


def _in_order(listed: Sequence[Message]) -> Sequence[Message]:
    """Oldest first.  Of messages of the same second only the list knows the order, which mostly begins with the latest;
    a name of its own says nothing."""
    times = [one.at for one in listed]
    rising = sum((later > earlier) - (later < earlier) for earlier, later in pairwise(times)) > 0
    return sorted(listed if rising else reversed(listed), key=lambda one: one.at)


def _add(found: dict[str, Message], leaf: Leaf) -> bool:
    """Whether there was anything new on the page."""
    new = {form: one for one in leaf.messages for form in one.item.forms if form not in found}
    found |= new
    return bool(new)


def _seen(task: "asyncio.Task[Walk]") -> None:
    """That nobody waited for what it raised is no fault."""
    if not task.cancelled():
        task.exception()
