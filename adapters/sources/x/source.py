"""The source `x`: accounts on X, by the X API and by bridges, whichever can be had (sources-x.md)."""

from datetime import datetime, timedelta
from typing import Final

from adapters.base import Cursor, FeedNotFound, Found, Page, SourceSuspended
from adapters.http import Outbound
from adapters.sources.x import settings
from adapters.sources.x.names import named
from adapters.sources.x.official import Official
from adapters.sources.x.refusals import PERSON

ALL_KINDS: Final = frozenset(("repost", "reply"))
POST_PRICE: Final = 0.005  # US dollars, by the list; that of a name is twice as much (sources-x.md 11)
NOT_SET_UP: Final = "X is not set up: set X_BEARER_TOKEN or X_BRIDGE_URL"


class X:
    """Follows accounts by their number, or by "@name" where only bridges are set up."""

    Config = settings.Config
    kind = "x"

    def __init__(self, outbound: Outbound, config: settings.Config | None = None) -> None:
        self._config = config or settings.Config()
        self._official = Official(outbound, self._config)
        self.interval = timedelta(seconds=self._config.poll_seconds)
        self.monthly_budget, self.read_price = self._config.monthly_budget, POST_PRICE

    async def resolve(self, name: str, now: datetime) -> Found:
        wanted = named(name)
        if not self._config.has_api:
            if not wanted.certain:
                raise FeedNotFound(NOT_SET_UP)
            raise SourceSuspended(NOT_SET_UP, PERSON)
        return await self._official.find(wanted.username, now)

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        return await self.poll_kinds(key, cursor, now, ALL_KINDS)

    async def poll_kinds(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        return await self._official.poll(key, cursor, now, kinds)

    def host(self, key: str) -> str:  # noqa: ARG002 (the contract's)
        return self.kind

    async def close(self) -> None:
        await self._official.close()
