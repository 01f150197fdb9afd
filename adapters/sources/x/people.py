"""Finds accounts by name: many together in one request, each once however many ask (sources-x.md 4)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from adapters.base import FeedNotFound, SourceError
from adapters.sources.x.api import Api
from adapters.sources.x.gathering import Gathering
from adapters.sources.x.refusals import BadRequest
from adapters.sources.x.wire import Answer, User

AT_ONCE: Final = 100  # names in one request

Asked = tuple[str, datetime]


class People:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._gathering: Gathering[Asked, User] = Gathering(self._answer)
        self._asked: dict[str, asyncio.Future[User]] = {}

    async def find(self, username: str, now: datetime) -> User:
        """Raises FeedNotFound for who is not there, or not for us to follow; any other SourceError."""
        name = username.lower()
        if (asked := self._asked.get(name)) is None:
            asked = self._asked[name] = asyncio.ensure_future(self._gathering.ask((name, now)))
            asked.add_done_callback(partial(self._over, name))
        return await asyncio.shield(asked)

    def _over(self, name: str, asked: "asyncio.Future[User]") -> None:
        del self._asked[name]
        if not asked.cancelled():
            asked.exception()  # whoever asked may have gone

    async def close(self) -> None:
        await self._gathering.close()

    async def _answer(self, asked: Sequence[Asked]) -> Sequence[User | Exception]:
        groups = [asked[at : at + AT_ONCE] for at in range(0, len(asked), AT_ONCE)]
        answers = await asyncio.gather(*(self._group(one) for one in groups))
        return [one for group in answers for one in group]

    async def _group(self, asked: Sequence[Asked]) -> Sequence[User | Exception]:
        names = [name for name, _ in asked]
        try:
            answer = await self._api.users(names, asked[-1][1])
        except BadRequest as error:
            if len(asked) == 1:
                return [FeedNotFound(str(error))]
            return [one for each in asked for one in await self._group([each])]  # one of them spoils it for all
        except SourceError as error:
            return [error for _ in asked]
        self._api.bill.new((f"u{one.id}" for one in answer.people()), asked[-1][1])
        found = {one.username.lower(): one for one in answer.people()}
        return [_judged(found.get(name), name, answer) for name in names]


def _judged(user: User | None, name: str, answer: Answer) -> User | Exception:
    if user is None:
        return FeedNotFound(_why(name, answer))
    if user.protected:
        return FeedNotFound(f"@{user.username} is protected: X shows its posts to approved followers only")
    return user


def _why(name: str, answer: Answer) -> str:
    """Suspended and missing have the same type, and differ in words only."""
    for one in answer.problems:
        about = (one.value or one.resource_id or "").lower()
        if about == name and "suspended" in (one.detail or "").lower():
            return f"X has suspended @{name}"
    return f"there is no @{name} on X"
