"""Listens by the Activity API: X tells of each followed account what it posts and deletes (sources-x.md 8)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace

from adapters.base import FeedFailed, FeedThrottled, FeedUnavailable
from adapters.sources.x import subscriptions
from adapters.sources.x.api import Api
from adapters.sources.x.events import Event, opened
from adapters.sources.x.intake import News, Reach
from adapters.sources.x.posts import keys
from adapters.sources.x.refusals import BadRequest, NotAllowed, said
from adapters.sources.x.snowflakes import number
from adapters.sources.x.subscriptions import Subscription, Wanted
from adapters.sources.x.timelines import Row
from adapters.sources.x.wire import Tweet

PATH: Final = "/2/activity/subscriptions"
LISTED_AT_ONCE, MOST_PAGES = "1000", 100
DELETED_AT_ONCE, ADDED_AT_ONCE = 100, 10  # ids in a request; requests side by side
MOST_REMEMBERED: Final = 10_000  # events, to know their repeats by
THERE_ALREADY: Final = 409

log = structlog.get_logger("x")


class Activity:
    """The intake that tells of deletions, too, and of reposts, which nobody asked for."""

    path = "/2/activity/stream"

    def __init__(self, api: Api, *, replies: bool) -> None:
        self._api, self._replies = api, replies
        self._done: tuple[tuple[str, ...], Reach] | None = None  # for whom X was asked, and whom it tells of
        self._seen: dict[str, None] = {}  # ids of events, the oldest first

    def query(self) -> Mapping[str, str]:
        """Nothing can be chosen: events come whole."""
        return {}

    # --- Whom X tells of ---

    async def follow(self, accounts: tuple[str, ...], now: datetime) -> Reach:
        if self._done and self._done[0] == accounts:
            return self._done[1]
        ours, others = await listed(self._api, now)
        change = subscriptions.change(ours, accounts, most=subscriptions.MOST - others)
        for at in range(0, len(change.delete), DELETED_AT_ONCE):
            some = {"ids": ",".join(change.delete[at : at + DELETED_AT_ONCE])}
            await self._api.change("DELETE", "unsubscribe", PATH, now, query=some)
        added, tried = await self._add(change.add, now)
        told = change.kept | added
        new = [one.account for one in change.add if one.event_type == subscriptions.NEW]
        asked = len(change.kept) + len(new)
        if asked < len(accounts):
            log.warning("X's Activity API takes no more accounts", followed=len(accounts), told_of=asked)
        whole = asked == len(accounts) and tried >= len(new)
        reach = Reach(tuple(one for one in accounts if one in told), whole)
        if tried == len(change.add):  # else the rest is asked for at the next look
            self._done = accounts, reach
        return reach

    async def _add(self, wanted: Sequence[Wanted], now: datetime) -> tuple[set[str], int]:
        """Accounts whose new posts are told from now on, and how many were tried before X would take no more.

        Raises SourceError.
        """
        added: set[str] = set()
        for at in range(0, len(wanted), ADDED_AT_ONCE):
            some = wanted[at : at + ADDED_AT_ONCE]
            answers = await asyncio.gather(*(self._subscribe(one, now) for one in some), return_exceptions=True)
            for place, (one, answer) in enumerate(zip(some, answers, strict=True), at):
                if isinstance(answer, FeedThrottled | NotAllowed):
                    log.warning("X takes no more subscriptions for now", reason=str(answer))
                    return added, place
                if isinstance(answer, BaseException):
                    raise answer
                if answer and one.event_type == subscriptions.NEW:
                    added.add(one.account)
        return added, len(wanted)

    async def _subscribe(self, wanted: Wanted, now: datetime) -> bool:
        """False: of this account X does not tell, for nothing is told of protected ones.  Raises SourceError."""
        body = {
            "event_type": wanted.event_type,
            "filter": {"user_id": wanted.account},
            "tag": f"{subscriptions.TAG}{wanted.account}",
        }
        try:
            answer = await self._api.change("POST", "subscribe", PATH, now, body=body)
        except (BadRequest, FeedUnavailable) as error:
            log.info("an account is left to polling", account=wanted.account, reason=str(error))
            return False
        except FeedFailed as error:
            if error.status != THERE_ALREADY:
                raise
            return True
        return not answer.problems or bool(answer.rows(_Listed))

    def ended(self, status: int) -> None:  # noqa: ARG002 (the contract's)
        """Somebody may have changed the subscriptions meanwhile, and X says so in no way."""
        self._done = None

    # --- What X tells ---

    def read(self, line: bytes) -> News:
        events, problems = opened(line)
        fresh = [one for one in events if self._is_new(one.id)]
        return News(
            rows=[row for one in fresh if one.type == subscriptions.NEW for row in _rows(one)],
            withdrawn=[gone for one in fresh if one.type == subscriptions.GONE for gone in _withdrawn(one)],
            farewell=said(problems[0].words) if problems and not events else None,
        )

    def wants(self, tweet: Tweet) -> bool:
        """What the rules of the filtered stream ask for: who wants more has the timeline."""
        is_reply = bool(tweet.in_reply_to_user_id or tweet.reference("replied_to"))
        return not tweet.reference("retweeted") and (self._replies or not is_reply)

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True


async def listed(api: Api, now: datetime) -> tuple[Sequence[Subscription], int]:
    """Ours, and how many others the app has.  Raises SourceError."""
    rows: list[_Listed] = []
    query = {"max_results": LISTED_AT_ONCE}
    for _ in range(MOST_PAGES):
        answer = await api.get("subscriptions", PATH, query, now)
        rows += answer.rows(_Listed)
        if not answer.next_token:
            break
        query = {**query, "pagination_token": answer.next_token}
    ours = [
        Subscription(one.subscription_id, Wanted(one.event_type, str((one.filter or {}).get("user_id"))))
        for one in rows
        if (one.tag or "").startswith(subscriptions.TAG)
    ]
    return ours, len(rows) - len(ours)


class _Listed(msgspec.Struct):
    subscription_id: str
    event_type: str = ""
    filter: dict[str, Any] | None = None
    tag: str | None = None


def _rows(event: Event) -> Sequence[Row]:
    return [(replace(one, author_id=one.author_id or event.account), event.payload) for one in event.payload.tweets()]


def _withdrawn(event: Event) -> Sequence[tuple[str, bytes]]:
    gone = [one for one in event.payload.tweets() if number(one.id) is not None]
    return [(one.author_id or event.account, keys(one.id, "")[0]) for one in gone]
