"""The source `x`: accounts on X, by the X API and by bridges, whichever can be had (sources-x.md)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from adapters.base import Cursor, FeedNotFound, FeedUnavailable, Finding, Found, Page, SourceError, SourceSuspended
from adapters.http import Outbound
from adapters.inbound import Call, Callback
from adapters.sources.feeds import Feeds
from adapters.sources.x import callbacks, settings
from adapters.sources.x.activity import Activity
from adapters.sources.x.bridges import Bridge
from adapters.sources.x.examination import Examination
from adapters.sources.x.filtered import Filtered
from adapters.sources.x.health import Health
from adapters.sources.x.names import named
from adapters.sources.x.official import Official
from adapters.sources.x.refusals import PERSON
from adapters.sources.x.stream import Heard, Keys, Listener

ALL_KINDS: Final = frozenset(("repost", "reply"))
POST_PRICE: Final = 0.005  # US dollars; of a user it is the double (sources-x.md 11)
NOT_SET_UP: Final = "X is not set up: set X_BEARER_TOKEN or X_BRIDGE_URL"

Way = Official | Bridge
T = TypeVar("T")


class X:
    """Follows accounts by their number, or by "@name" while only bridges can be had."""

    Config = settings.Config
    kind = "x"

    def __init__(self, outbound: Outbound, config: settings.Config | None = None, **listening: Any) -> None:
        """``listening``: as Listener has it, for tests that cannot wait."""
        self._config = config = config or settings.Config()
        self._feeds = Feeds(outbound)
        self._official = Official(outbound, config)
        self._bridges = [Bridge(self._feeds, one, alone=not config.has_api) for one in config.bridges]
        ways: Sequence[Way] = [*((self._official,) if config.has_api else ()), *self._bridges]
        self._ways = [(one, Health(whole=isinstance(one, Bridge))) for one in ways]
        self.monthly_budget = config.monthly_budget
        self.read_price = POST_PRICE if config.has_api else 0.0
        self.interval = timedelta(seconds=config.poll_seconds)
        self.streams = bool(config.stream) and config.has_api
        api = self._official.api
        intake = (Activity if config.stream == "activity" else Filtered)(api, replies=config.threads)
        self._listener = Listener(outbound, api, self._official.searcher, intake, replies=config.threads, **listening)

    async def resolve(self, name: str, now: datetime) -> Found:
        wanted = named(name)
        if not self._ways:
            if not wanted.certain:
                raise FeedNotFound("accounts on X cannot be followed here")  # a guess is no reason to name settings
            raise SourceSuspended(NOT_SET_UP, PERSON)
        return await self._first(now, lambda way: way.find(wanted.username, now))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        return await self.poll_kinds(key, cursor, now, ALL_KINDS)

    async def poll_kinds(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        try:
            return await self._first(now, lambda way: way.poll(key, cursor, now, kinds))
        except FeedNotFound as error:  # of an account that was followed by its name
            raise FeedUnavailable(str(error)) from None

    async def _first(self, now: datetime, ask: Callable[[Way], Awaitable[T]]) -> T:
        """The first way that answers.  The error is that of the best one."""
        refusal: SourceError | None = None
        for way, health in self._ways:
            if resting := health.refusal(now):
                refusal = refusal or resting
                continue
            try:
                answer = await ask(way)
            except (FeedNotFound, FeedUnavailable):  # that is an answer, too
                health.well()
                raise
            except SourceError as error:
                health.ill(error, now)
                refusal = refusal or error
            else:
                health.well()
                return answer
        raise refusal or SourceSuspended(NOT_SET_UP, PERSON)

    async def stream(self, keys: Keys, heard: Heard) -> None:
        await self._listener.run(keys, heard)

    @property
    def listening(self) -> bool:
        return self._listener.listening

    def called(self, callback: Callback) -> Call:
        return callbacks.read(callback, self._config.api_secret)

    async def examine(self, callback_url: str) -> Sequence[Finding]:  # noqa: ARG002 (the contract's)
        return await Examination(self._config, self._official.api, self._bridges).findings()

    def host(self, key: str) -> str:  # noqa: ARG002 (the contract's)
        return self.kind

    async def close(self) -> None:
        await self._official.close()
        await self._feeds.close()
