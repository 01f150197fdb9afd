"""The source: follows official accounts by their id, ``@TOA#_…``.

A poll is one request while nothing is new.  What was read so far is stored even if the next request fails.
"""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

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
from adapters.inbound import Call, Callback
from adapters.sources.formats.identity import make_key
from adapters.sources.tencent import callbacks, codes, elements, examination, settings
from adapters.sources.tencent.api import SUSPENDED_FOR, Api
from adapters.sources.tencent.codes import Refused
from adapters.sources.tencent.history import Gap, History, State, Withheld
from adapters.sources.tencent.replies import Message

ABOUT_AGAIN_SECONDS: Final = 24 * 3600  # name and picture are asked for anew
GAP_TOLD_SECONDS: Final = 24 * 3600

_ID = re.compile(r"@TOA#_[!-~]{1,100}", re.ASCII)


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cursor."""

    history: State = State()
    name: str = ""
    image: str = ""
    asked: int = 0  # Unix seconds, when name and picture were asked for


class Tencent:
    """Official accounts of one app.  The key of a feed is the account's id, in which case counts."""

    kind = "tencent"
    Config = settings.Config

    def __init__(
        self,
        outbound: Outbound,
        config: settings.Config | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._config = config or settings.Config()
        self.interval = timedelta(seconds=self._config.poll_seconds)
        self._api = Api(outbound, self._config, clock, rest)

    def claims(self, name: str) -> bool:
        """No other source knows names like these."""
        return name.strip()[:5].upper() == "@TOA#"

    async def resolve(self, name: str, now: datetime) -> Found:
        key = name.strip()
        if not self.claims(key):
            raise FeedNotFound("")
        if not _ID.fullmatch(key):
            raise FeedNotFound("the id of an official account looks like @TOA#_15ERQPAER")
        if not self._is_set_up:
            raise FeedNotFound("TENCENT_SDKAPPID and TENCENT_SECRET_KEY are not set: no official account can be read")
        reader = History(State(), int(now.timestamp()))
        try:
            await self._read(key, reader, now)
        except Refused as refused:
            if refused.code in codes.NO_ACCOUNT:
                raise FeedNotFound(str(refused)) from None
            raise self._api.error(refused) from None
        return Found(key, await self._page(key, reader, Kept(), {}, now))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        if not self._is_set_up:
            raise SourceSuspended("TENCENT_SDKAPPID and TENCENT_SECRET_KEY are not set", SUSPENDED_FOR)
        kept = _kept(cursor)
        reader = History(kept.history, int(now.timestamp()))
        try:
            await self._read(key, reader, now)
        except Refused as refused:
            self._make_the_best(reader, self._api.error(refused), forgotten=refused.code == codes.BAD_PARAMETER)
        except SourceError as error:
            self._make_the_best(reader, error)
        return await self._page(key, reader, kept, cursor, now)

    def _make_the_best(self, reader: History, error: SourceError, *, forgotten: bool = False) -> None:
        """Raises the error where nothing can be made of what was read until then."""
        saved = reader.forget_walk() if forgotten else reader.moved
        if not (saved and isinstance(error, FeedFailed | FeedThrottled)):
            raise error from None

    def host(self, key: str) -> str:  # noqa: ARG002 (all of an app's accounts wait as one)
        return f"{self.kind}/{self._config.sdkappid}"

    def called(self, callback: Callback) -> Call:
        return Call(tuple(callbacks.read(callback, self._config)), callbacks.ANSWER)

    async def examine(self, callback_url: str) -> Sequence[Finding]:  # noqa: ARG002 (nothing calls us)
        return await examination.findings(self._api, self._config)

    async def close(self) -> None:
        """Nothing is held open."""

    @property
    def _is_set_up(self) -> bool:
        return bool(self._config.sdkappid and self._config.secret_key)

    async def _read(self, account: str, reader: History, now: datetime) -> None:
        """Raises Refused, SourceError."""
        asking = reader.poll()
        try:
            request = next(asking)
            while True:
                request = asking.send(await self._api.pull(account, request, now))
        except StopIteration:
            return
        except Withheld:
            reason = "Tencent Cloud Chat has older messages and does not give them"
            raise FeedFailed(FeedFault.HTTP, reason) from None

    # --- What came of it ---

    async def _page(self, key: str, reader: History, kept: Kept, cursor: Cursor, now: datetime) -> Page:
        posts = [self._post(key, one) for one in reader.posts]
        withdrawn = [self._key(key, one) for one in reader.recalls]
        history = reader.state()
        after = msgspec.structs.replace(kept, history=history)
        if not reader.more and now.timestamp() - kept.asked >= ABOUT_AGAIN_SECONDS:
            after = await self._named(key, after, now)
        news = bool(posts or withdrawn) or (after.name, after.image) != (kept.name, kept.image) or not kept.asked
        return Page(
            cursor=cursor if after == kept else msgspec.to_builtins(after),
            posts=posts,
            withdrawn=withdrawn,
            info=FeedInfo(title=after.name or key, image=after.image) if news else None,
            complete=False,
            more=reader.more,
            note=_told(history.gap, now),
        )

    async def _named(self, key: str, kept: Kept, now: datetime) -> Kept:
        """Not every server that knows the history knows this: then the id is its name."""
        asked = int(now.timestamp())
        try:
            about = await self._api.about(key, now)
        except (Refused, SourceError):
            return msgspec.structs.replace(kept, asked=asked)
        return msgspec.structs.replace(kept, name=about.title, image=about.image, asked=asked)

    def _post(self, account: str, message: Message) -> Post:
        content = elements.read(message.body)
        return Post(
            key=self._key(account, message.key),
            raw_id=message.key,
            title=content.title,
            url=content.url,
            author=content.author,
            content=content.text,
            is_html=False,
            published=datetime.fromtimestamp(message.time, UTC),
            image=content.image,
            enclosures=tuple(content.files),
        )

    def _key(self, account: str, key: str) -> bytes:
        """A number alone says nothing: accounts have the same, and one that is made anew counts from 1 again."""
        return make_key("id", f"{self._config.sdkappid}\n{account}\n{key}")


def _kept(cursor: Mapping[str, Any]) -> Kept:
    """What another version wrote is read anew: its posts are known by their keys."""
    try:
        return msgspec.convert(cursor, Kept)
    except msgspec.ValidationError:
        return Kept()


def _told(gap: Gap | None, now: datetime) -> str:
    if gap is None or now.timestamp() - gap.at >= GAP_TOLD_SECONDS:
        return ""
    why = "they had expired" if gap.expired else "too many had piled up"
    return f"messages {gap.first} to {gap.last} could not be read: {why}"
