"""A messages API as a provider: finds accounts in what it has collected, and gives each feed its own messages."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from hashlib import sha256

from adapters.base import Finding, SourceError
from adapters.http import Outbound
from adapters.sources.wechat.accounts import Account
from adapters.sources.wechat.messages import NAME, Message, Messages, Pause
from adapters.sources.wechat.provider import Reading, State
from adapters.sources.wechat.settings import Config
from adapters.sources.wechat.walks import Walks

COARSE = timedelta(hours=1)  # by which the start of the last walk may lag when there was nothing new


class MessagesProvider:
    """State: s, when the last complete walk began (Unix seconds, the service's clock); h, hash of what it brought."""

    name = NAME
    advice = "look in the service's console whether the account is still subscribed, and whether it still collects"

    def __init__(self, outbound: Outbound, config: Config, pause: Pause = asyncio.sleep) -> None:
        self._messages = Messages(outbound, config, pause)
        self._walks = Walks(self._messages.page, timedelta(hours=config.messages_overlap_hours))

    async def find(self, wanted: Account, now: datetime) -> Account | None:
        recent = (await self._walks.since(now, now)).of(wanted)
        return _together(recent or (await self._walks.latest(now)).of(wanted))

    async def owner(self, form: str, now: datetime) -> Account | None:
        for found in (await self._walks.since(now, now), await self._walks.latest(now)):
            for message in found.messages:
                if form in message.item.forms:
                    return message.account
        return None

    async def read(self, account: Account, state: State, now: datetime, *, rest: bool = False) -> Reading:
        first = "s" not in state
        last = now if first else datetime.fromtimestamp(state["s"], UTC)
        found = await self._walks.since(last, now, "" if rest else account.key)
        mine = found.of(account)
        is_now = {"s": int(found.started.timestamp()), "h": _hash(mine)}
        if is_now["h"] == state.get("h"):
            return Reading(state=state if found.started - last < COARSE else is_now)
        if first:  # an account that has been silent for days has a history, too
            mine = [*(await self._walks.latest(now)).of(account), *mine]
        return Reading(
            state=is_now,
            items=[one.item for one in mine if not one.withdrawn],
            withdrawn=[one.item for one in mine if one.withdrawn],
            account=_together(mine),
        )

    async def examine(self) -> Finding:
        try:
            leaf = await self._messages.page(1, None, datetime.fromtimestamp(0, UTC))
        except SourceError as error:
            mend = "are WECHAT_MESSAGES_BASE_URL and WECHAT_MESSAGES_KEY right?"
            return Finding(False, f"messages API: {error}", mend)
        mend = "" if leaf.count else "subscribe to accounts in its console: it has no messages for this key"
        return Finding(True, f"messages API: the key is taken, {leaf.count} messages on the first page", mend)

    async def close(self) -> None:
        await self._walks.close()


def _together(messages: Sequence[Message]) -> Account | None:
    """All that they say of their account, the latest first; None of none."""
    return reduce(Account.with_, (one.account for one in reversed(messages))) if messages else None


def _hash(messages: Sequence[Message]) -> str:
    state = sha256()
    for one in messages:
        post = one.item.post
        state.update("\0".join([*one.item.forms, post.title, post.content, post.url, str(one.withdrawn)]).encode())
    return state.hexdigest()[:16]
