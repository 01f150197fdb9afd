"""Many accounts in one search (sources-x.md 6): quick, and trusted with nothing, for timelines are the truth."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.base import FeedThrottled
from adapters.sources.x.api import Api
from adapters.sources.x.refusals import PERSON, BadRequest, NotAllowed
from adapters.sources.x.snowflakes import floor_id, number
from adapters.sources.x.timelines import Row

LENGTH: Final = 512  # characters of a query
PAGE, MOST_PAGES = "100", 5
WEEK: Final = timedelta(days=7) - timedelta(minutes=10)
NOT_REPOSTS, NOT_REPLIES = " -is:retweet -is:nullcast", " -is:reply"


@dataclass(slots=True)
class Harvest:
    """What a search found, newest first.  ``complete``: there is nothing older that was not read."""

    rows: list[Row] = field(default_factory=list)
    newest: int = 0
    complete: bool = True


class Searcher:
    """Knows whether searching is allowed at all."""

    def __init__(self, api: Api, *, allowed: bool) -> None:
        self._api, self._allowed = api, allowed
        self._not_before: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        barred = self._not_before is not None and now < self._not_before
        return self._allowed and not barred and self._api.windows.remaining("search", now) != 0

    async def search(
        self, accounts: Sequence[str], since: int, now: datetime, *, replies: bool, author: bool = False
    ) -> Harvest | None:
        """New posts of accounts that fit one query; None when only timelines can tell.  Raises SourceError.

        ``since``: an id; what is older than a week cannot be searched, and asking for it would be refused for ever.
        """
        query = {
            "query": written(accounts, replies=replies),
            "since_id": str(max(since, floor_id(now - WEEK))),
            "max_results": PAGE,
        }
        try:
            return await self._pages(query, now, author=author)
        except (BadRequest, FeedThrottled):
            return None
        except NotAllowed:
            self._not_before = now + PERSON  # the plan has no search; whether it has more, timelines tell
            return None

    async def _pages(self, query: dict[str, str], now: datetime, *, author: bool) -> Harvest:
        harvest, token = Harvest(), ""
        for _ in range(MOST_PAGES):
            answer = await self._api.search(now, query | {"next_token": token} if token else query, author=author)
            for tweet in answer.tweets():
                if (identifier := number(tweet.id)) is not None:
                    harvest.rows.append((tweet, answer))
                    harvest.newest = max(harvest.newest, identifier)
            token = answer.next_token
            if not token:
                return harvest
        harvest.complete = False
        return harvest

    async def search_all(self, accounts: Sequence[str], since: int, now: datetime, *, replies: bool) -> Sequence[Row]:
        """As many searches as it takes, of what they can tell, with the names of the authors.  Raises SourceError."""
        groups = packed(accounts, len(written((), replies=replies)))
        found = await asyncio.gather(*(self.search(one, since, now, replies=replies, author=True) for one in groups))
        return [row for harvest in found if harvest for row in harvest.rows]


def written(accounts: Sequence[str], *, replies: bool) -> str:
    """A query; the parentheses matter, for AND binds tighter than OR.  Ids, for names change."""
    return f"({' OR '.join(f'from:{one}' for one in accounts)}){NOT_REPOSTS}{'' if replies else NOT_REPLIES}"


def packed(accounts: Sequence[str], overhead: int, length: int = LENGTH) -> Iterator[list[str]]:
    """In groups whose queries are as long as allowed; ``overhead``: of a query without accounts."""
    group: list[str] = []
    size = overhead
    for one in accounts:
        cost = len("from:") + len(one) + (len(" OR ") if group else 0)
        if group and size + cost > length:
            yield group
            group, size, cost = [], overhead, len("from:") + len(one)
        group.append(one)
        size += cost
    if group:
        yield group
