"""Listens by the filtered stream: X tells of posts that match the app's rules (sources-x.md 7)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from adapters.base import SourceError
from adapters.sources.x import rules
from adapters.sources.x.api import Api
from adapters.sources.x.intake import News, Reach
from adapters.sources.x.refusals import said
from adapters.sources.x.rules import Rule
from adapters.sources.x.wire import Answer, Tweet, problem

PATH: Final = "/2/tweets/search/stream/rules"
RULES_AT_ONCE: Final = 100
NO_RULES: Final = 409


class Filtered:
    """The intake that is filtered by X itself."""

    path = "/2/tweets/search/stream"

    def __init__(self, api: Api, *, replies: bool) -> None:
        self._api, self._replies = api, replies
        self._accounts: tuple[str, ...] = ()  # that the rules name

    def query(self) -> Mapping[str, str]:
        return self._api.fields(author=True)

    async def follow(self, accounts: tuple[str, ...], now: datetime) -> Reach:
        """Changes the rules where who is followed has changed."""
        if accounts != self._accounts:
            there, foreign = await self._rules(now)
            change = rules.change(there, accounts, replies=self._replies, most=rules.MOST - foreign)
            for at in range(0, len(change.add), RULES_AT_ONCE):
                some = [{"value": value, "tag": rules.TAG} for value in change.add[at : at + RULES_AT_ONCE]]
                await self._change({"add": some}, now)
            if change.delete:
                await self._change({"delete": {"ids": list(change.delete)}}, now)
            self._accounts = accounts
        return Reach(accounts)

    def read(self, line: bytes) -> News:
        answer = Answer(line)
        rows = [(tweet, answer) for tweet in answer.tweets()]
        return News(rows, farewell=said(answer.problems[0].words) if answer.problems and not rows else None)

    def wants(self, tweet: Tweet) -> bool:  # noqa: ARG002 (the contract's)
        return True

    def ended(self, status: int) -> None:
        if status == NO_RULES:  # somebody has deleted ours
            self._accounts = ()

    async def _rules(self, now: datetime) -> tuple[Sequence[Rule], int]:
        """Ours, and how many others there are."""
        answer = await self._api.get("rules", PATH, {"max_results": "1000"}, now)
        listed = answer.rows(_Listed)
        ours = [Rule(one.id, one.value) for one in listed if (one.tag or "") == rules.TAG]
        return ours, len(listed) - len(ours)

    async def _change(self, body: dict[str, Any], now: datetime) -> None:
        """Raises SourceError; that a rule is there already is none."""
        status, answer = await self._api.post("change_rules", PATH, body, now)
        if 200 <= status < 300:
            return
        with suppress(SourceError):
            if status == 400 and all(
                one.kind == "duplicate-rules" for one in Answer(answer).problems or [problem(b"")]
            ):
                return
        raise self._api.refused("change_rules", status, {}, answer, now)


class _Listed(msgspec.Struct):
    id: str
    value: str = ""
    tag: str | None = None
