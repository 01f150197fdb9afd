"""The source `wechat`: an official account through all providers that the settings name, as one feed.

Every provider is asked at each poll; what one lacks another may have, and what several have is one post.
"""

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, TypeVar

import msgspec

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
    FeedInfo,
    FeedNotFound,
    FeedThrottled,
    Finding,
    Found,
    Page,
    Post,
    SourceError,
    SourceSuspended,
)
from adapters.http import Outbound
from adapters.sources.formats.articles import Article, biz_in, is_wechat
from adapters.sources.parser import Parser
from adapters.sources.wechat import settings
from adapters.sources.wechat.accounts import Account, number_in
from adapters.sources.wechat.bridges import BridgeProvider, bridges
from adapters.sources.wechat.collector import MessagesProvider
from adapters.sources.wechat.memory import Item, Memory, Remembered, forms_of
from adapters.sources.wechat.messages import Pause
from adapters.sources.wechat.pages import ASK_OTHERWISE, Pages
from adapters.sources.wechat.provider import NotThere, Provider, Reading

FILLED = timedelta(hours=48)  # of the past: articles are collected late, but a follower does not want the archive
UNSET_FOR = timedelta(minutes=30)  # between two looks whether there is a provider again
MOST_NAMES = 5  # of an account, of each kind, that are kept

POLL_SECONDS = 50.0  # that one provider may take of a poll's 60
FIND_SECONDS, RESOLVE_SECONDS = 5.0, 9.0  # the same while a person waits, who does for 20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one provider said."""

    provider: Provider
    reading: Reading | None
    error: SourceError | None = None


class WeChat:
    """Follows official accounts.

    The key is the account's number as ``__biz`` has it, else another id or the name.  The cursor says: f when the feed
    was first read (Unix seconds), w what is known of the account [number, ids, title, image], p each provider's state
    by name, a the articles remembered (memory.py); r: not all of what was read last has been taken.
    """

    kind = "wechat"
    Config = settings.Config

    def __init__(self, outbound: Outbound, config: settings.Config, *, pause: Pause = asyncio.sleep) -> None:
        self._parser = Parser(children=1)
        self._pages = Pages(outbound, config.article_base_url)
        known: dict[str, Provider] = {
            name: BridgeProvider(outbound, self._parser, bridge) for name, bridge in bridges(config).items()
        }
        if config.messages_base_url:
            known["messages"] = MessagesProvider(outbound, config, pause)
        self._providers = [known[name] for name in config.order if name in known]

    def host(self, key: str) -> str:  # noqa: ARG002
        return self.kind

    def claims(self, name: str) -> bool:
        """Whether a name can be nobody else's: it is a page of official accounts."""
        return is_wechat(_address(name))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        account = _recalled(cursor).with_(Account.called(key))
        asked = await self._ask(account, cursor, now, POLL_SECONDS)
        if all(one.reading is None for one in asked):
            raise _trouble(asked, account)
        return _page(asked, account, cursor, now)

    async def resolve(self, name: str, now: datetime) -> Found:
        """By name, id or the address of an article.  Raises SourceError."""
        wanted = await self._wanted(name, now)
        listed = await self._listed(wanted, now)
        account = listed or wanted
        asked = await self._ask(account, {}, now, RESOLVE_SECONDS)
        if not any(one.reading and (listed or one.reading.items) for one in asked):
            raise self._unknown(asked, account)
        page = _page(asked, account, {}, now)
        learnt = _recalled(page.cursor)
        return Found(account.key if account.number else learnt.biz or account.key, page)

    async def examine(self, callback_url: str) -> Sequence[Finding]:  # noqa: ARG002
        if not self._providers:
            return [Finding(True, "no provider is set up")]
        return await asyncio.gather(*[provider.examine() for provider in self._providers])

    async def close(self) -> None:
        for provider in self._providers:
            await provider.close()
        await self._parser.close()

    async def _ask(self, account: Account, cursor: Cursor, now: datetime, seconds: float) -> Sequence[_Asked]:
        states: Mapping[str, Any] = cursor.get("p", {})

        async def ask(provider: Provider) -> _Asked:
            try:
                state = states.get(provider.name, {})
                reading = provider.read(account, state, now, rest="r" in cursor)
                return _Asked(provider, await _within(seconds, reading))
            except SourceError as error:
                return _Asked(provider, None, error)

        return await asyncio.gather(*map(ask, self._providers))

    # --- Which account is meant

    async def _wanted(self, name: str, now: datetime) -> Account:
        """By the name alone, or by what its article says."""
        address = _address(name)
        if not is_wechat(address):
            if not self._providers or not _may_be_name(name):
                raise FeedNotFound("")
            return Account.called(name)
        if not self._providers:
            raise FeedNotFound("a WeChat account needs a provider, and none is set up here (WECHAT_…)")
        if biz := biz_in(address):
            if not number_in(biz):
                raise FeedNotFound(f"the link names no account that exists: {ASK_OTHERWISE}")
            return Account.called(biz)
        article = Article.at(address)
        if article is None:
            raise FeedNotFound(f"this link is temporary, or no article: {ASK_OTHERWISE}")
        return await self._owner(article, now)

    async def _owner(self, article: Article, now: datetime) -> Account:
        (form,), _ = forms_of(article.url, "", None, provider="")
        for provider in self._providers:
            try:
                if owner := await _within(FIND_SECONDS, provider.owner(form, now)):
                    return owner
            except SourceError:  # then the page says it, or nobody does
                continue
        return await self._pages.owner(article)

    async def _listed(self, wanted: Account, now: datetime) -> Account | None:
        """All that the providers say of it; None: none of them knows it, or can tell."""

        async def find(provider: Provider) -> Account | None:
            try:
                return await _within(FIND_SECONDS, provider.find(wanted, now))
            except SourceError:  # reading it will say so again
                return None

        found = [one for one in await asyncio.gather(*map(find, self._providers)) if one]
        return reduce(Account.with_, found) if found else None

    def _unknown(self, asked: Sequence[_Asked], account: Account) -> SourceError:
        """What is said when nobody has it: add it there.  Unless somebody could not be asked."""
        failed = [one for one in asked if one.error and not isinstance(one.error, NotThere)]
        if failed:
            return _trouble(failed, account)
        names = ", ".join(provider.name for provider in self._providers)
        called = (
            f"{account.title} ({account.biz})" if account.title and account.number else account.title or account.key
        )
        return FeedNotFound(
            f"the WeChat account {called} is at none of the providers ({names}): add it there, wait until its first "
            "article is there, and subscribe again"
        )


async def _within(seconds: float, asking: Awaitable[_T]) -> _T:
    """Raises FeedFailed when it takes longer, so that one provider cannot hold up the others."""
    try:
        async with asyncio.timeout(seconds):
            return await asking
    except TimeoutError:
        raise FeedFailed(FeedFault.TIMEOUT, f"no answer within {seconds:.0f} seconds") from None


def _page(asked: Sequence[_Asked], account: Account, cursor: Cursor, now: datetime) -> Page:
    """One page from what all brought."""
    good = [(one.provider, one.reading) for one in asked if one.reading is not None]
    states: Mapping[str, Any] = cursor.get("p", {})
    is_now = {**states, **{provider.name: reading.state for provider, reading in good}}
    changed = [(provider, reading) for provider, reading in good if reading.account or reading.items]
    not_before = max((reading.not_before for _, reading in good), default=timedelta(0))
    via = ", ".join(provider.name for provider, _ in good)
    silent = "; ".join(f"{provider.name}: {provider.advice}" for provider, _ in good)
    if not changed and cursor:
        if "r" not in cursor and all(is_now[name] is states.get(name) for name in is_now):
            return Page(cursor=cursor, not_before=not_before, via=via, if_silent=silent)
        after = {name: cursor[name] for name in cursor if name != "r"} | {"p": is_now}
        return Page(cursor=after, not_before=not_before, via=via, if_silent=silent)
    account = _learnt(account, [reading.account for _, reading in changed])
    memory = Memory.recall(cursor.get("a", ()))
    started = cursor.get("f", int(now.timestamp()))
    posts, gone = _merged(memory, changed, set(states) if cursor else None, started, now)
    keys = {post.key for post in posts}
    kept = {"f": started, "w": _kept(account)}
    return Page(
        cursor=kept | {"p": is_now, "a": memory.rows()},
        halfway=kept | {"r": 1, "p": states, "a": memory.rows(None)},  # what was forgotten now could never be taken
        posts=posts,
        withdrawn=gone,
        left_out=[one.published for one in memory.articles if one.owner and one.key not in keys],
        info=FeedInfo(title=account.title or account.key, image=account.image, home=account.home),
        not_before=not_before,
        via=via,
        if_silent=silent,
    )


def _merged(
    memory: Memory,
    changed: Iterable[tuple[Provider, Reading]],
    asked_before: set[str] | None,
    started: int,
    now: datetime,
) -> tuple[Sequence[Post], Sequence[bytes]]:
    """Each article once, by the provider that brought it first, the oldest first; and keys of what was taken back.

    ``asked_before``: providers that had been asked about this feed; None: it is new itself.
    """
    began = datetime.fromtimestamp(started, UTC)
    found: dict[bytes, tuple[datetime, int, Post]] = {}  # by key: a provider may list an article twice
    gone: list[bytes] = []
    for provider, reading in changed:
        newcomer = asked_before is not None and provider.name not in asked_before
        floor = max(began, now - FILLED) if newcomer else began - FILLED
        for item in reading.items:
            published = item.post.published
            old = asked_before is not None and (published < floor if published else newcomer)
            article = memory.take(item, provider.name, now, known=old)
            if article and article.owner == provider.name:
                row = (item.post.published or now, item.place, _post(item, article))
                found.setdefault(article.key, row)
        gone += [article.key for item in reading.withdrawn if (article := memory.find(item))]
    return [post for _, _, post in sorted(found.values(), key=lambda row: row[:2])], gone


def _post(item: Item, article: Remembered) -> Post:
    return msgspec.structs.replace(item.post, key=article.key, link_key=None, has_id=True)


# --- The account in the cursor


def _recalled(cursor: Cursor) -> Account:
    number, ids, title, image = cursor.get("w", ("", (), "", ""))
    return Account.described([number, *ids], title, image)


def _kept(account: Account) -> list[Any]:
    return [account.number, sorted(account.ids)[:MOST_NAMES], account.title, account.image]


def _learnt(account: Account, said: Sequence[Account | None]) -> Account:
    """What the first of the providers calls it now, and all that any knows of it."""
    about = [one for one in said if one]
    whole = reduce(Account.with_, about, account)
    title = next((one.title for one in about if one.title), account.title)
    return Account(whole.number, whole.ids, whole.names, title, whole.image)


# --- Names and errors

_NO_NAME = re.compile(r"[/@#.:?\s]*$|.*(?:://|[/@#?]|\w\.\w)")


def _address(name: str) -> str:
    """As people paste it, with its scheme; "&amp;" is for who copied it from a page's source."""
    text = name.strip().strip("<>")
    return text if "://" in text else f"https://{text}"


def _may_be_name(name: str) -> bool:
    """An account's name or id, and no address, nor a name of other platforms."""
    return len(name) <= 100 and not _NO_NAME.match(name.strip())


def _trouble(asked: Sequence[_Asked], account: Account) -> SourceError:
    """One error for those of all providers: the one after which the soonest reading may work."""
    errors = [(one.provider.name, one.error) for one in asked if one.error is not None]
    if not errors:
        return SourceSuspended("no provider of WeChat accounts is set up any more (WECHAT_…)", UNSET_FOR)
    said = "; ".join(f"{name}: {error}" for name, error in errors)
    waits = [error.after for _, error in errors if isinstance(error, FeedThrottled | SourceSuspended)]
    if len(waits) == len(errors):
        suspended = all(isinstance(error, SourceSuspended) for _, error in errors)
        return SourceSuspended(said, min(waits)) if suspended else FeedThrottled(said, min(waits))
    faults = [error.fault for _, error in errors if isinstance(error, FeedFailed) and not isinstance(error, NotThere)]
    if not faults and not waits:
        said = f"no provider has {account.title or account.key} any more ({said})"
    return FeedFailed(faults[0] if faults else FeedFault.HTTP, said)
