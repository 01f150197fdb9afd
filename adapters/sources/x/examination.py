"""What `postbell doctor` asks X: is the token taken, may it search and stream, do the bridges answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from adapters.base import FeedThrottled, Finding, SourceError
from adapters.sources.x import activity, subscriptions
from adapters.sources.x.api import LONG_AGO, Api
from adapters.sources.x.bridges import Bridge
from adapters.sources.x.refusals import NotAllowed
from adapters.sources.x.settings import Config

SOMEBODY: Final = "X"  # an account that will stay; looking it up costs a cent at most


class Examination:
    def __init__(self, config: Config, api: Api, bridges: Sequence[Bridge]) -> None:
        self._config, self._api, self._bridges = config, api, bridges

    async def findings(self) -> Sequence[Finding]:
        """In the order in which they are mended."""
        if not (self._config.has_api or self._bridges):
            return [Finding(True, "not set up")]
        found = await self._official() if self._config.has_api else []
        return [*found, *[await self._bridge(one) for one in self._bridges]]

    async def _official(self) -> list[Finding]:
        try:
            await self._api.users([SOMEBODY.lower()], self._now())
        except FeedThrottled:
            found = [
                Finding(True, "X asks to wait: the token was not looked at", "run this again in a quarter of an hour")
            ]
        except SourceError as error:
            return [Finding(False, f"X cannot be read: {error}", _mend(error, self._config))]
        else:
            found = [Finding(True, "X takes the token")]
        return [*found, await self._search(), *await self._streams()]

    async def _search(self) -> Finding:
        if not self._config.search:
            return Finding(True, "X_SEARCH is off: each account takes a request of its own")
        try:
            await self._api.search(self._now(), {"query": f"from:{SOMEBODY} from:{SOMEBODY}_", "max_results": "10"})
        except NotAllowed as error:
            return Finding(True, f"the token may not search: {error}", "set X_SEARCH=off, or choose a plan with search")
        except SourceError as error:
            return Finding(True, f"searching was not looked at: {error}")
        return Finding(True, "the token may search")

    async def _streams(self) -> Sequence[Finding]:
        if not self._config.stream:
            return []
        return [await (self._activity() if self._config.stream == "activity" else self._stream())]

    async def _activity(self) -> Finding:
        """By the list of its subscriptions, which also tells whether there is room for more."""
        try:
            ours, others = await activity.listed(self._api, self._now())
        except NotAllowed as error:
            mend = "set X_STREAM to on or off, or choose a plan with it; accounts are polled meanwhile"
            return Finding(False, f"the token may not use the Activity API: {error}", mend)
        except SourceError as error:
            return Finding(True, f"the Activity API was not looked at: {error}")
        if (taken := len(ours) + others) >= subscriptions.MOST:
            mend = "X_STREAM=on has room for more accounts"
            return Finding(True, f"the Activity API takes no more accounts, the rest is polled ({taken} taken)", mend)
        return Finding(True, f"the token may use the Activity API ({taken} of {subscriptions.MOST} subscriptions)")

    async def _stream(self) -> Finding:
        """Reading the rules is allowed to whom the stream is allowed; a connection would throw out the running one."""
        try:
            await self._api.get("rules", "/2/tweets/search/stream/rules", {}, self._now())
        except NotAllowed as error:
            return Finding(False, f"the token may not stream: {error}", "set X_STREAM=off, or choose a plan with it")
        except SourceError as error:
            return Finding(True, f"the stream was not looked at: {error}")
        return Finding(True, "the token may stream")

    async def _bridge(self, bridge: Bridge) -> Finding:
        try:
            found = await bridge.find(SOMEBODY, self._now())
        except SourceError as error:
            mend = "does its address open in a browser, with a name in it? private ones must be in EGRESS_ALLOW"
            return Finding(False, f"the bridge {bridge.via} gives no feed: {error}", mend)
        if not found.page.posts:
            mend = "such bridges often need a new login of somebody"
            return Finding(True, f"the bridge {bridge.via} answers, but with no posts", mend)
        return Finding(True, f"the bridge {bridge.via} answers")

    def _now(self) -> datetime:
        return self._api.now() or LONG_AGO


def _mend(error: SourceError, config: Config) -> str:
    text = str(error)
    if "token" in text:
        return "copy the Bearer token of the app anew to X_BEARER_TOKEN"
    if "X_API_KEY" in text:
        return "copy API key and secret of the app anew"
    if "credits" in text or "allowance" in text:
        return "buy credits, or raise the limit, in the developer console"
    if isinstance(error, NotAllowed):
        return "in the developer console: is the app in a project, and has the project a plan?"
    return f"can this machine reach {config.base_url}?"
