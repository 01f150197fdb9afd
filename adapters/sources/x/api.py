"""The X API v2: requests within its limits, answers read, refusals told apart."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from adapters.base import FeedFailed, FeedFault, FeedThrottled, SourceError, SourceSuspended
from adapters.http import NoAnswer, NotSent, Outbound
from adapters.sources.x.limits import Bill, Windows
from adapters.sources.x.refusals import PERSON, TokenRefused, refusal
from adapters.sources.x.settings import Config
from adapters.sources.x.wire import Answer

POST_FIELDS: Final = (
    "id,text,created_at,author_id,in_reply_to_user_id,referenced_tweets,entities,attachments,note_tweet,article,"
    "edit_history_tweet_ids"
)
NEW_POST_FIELDS: Final = (
    "id,text,created_at,author_id,in_reply_to_user_id,referenced_posts,entities,attachments,note_post,article,"
    "edit_history_post_ids"
)
EXPANSIONS: Final = "referenced_tweets.id,referenced_tweets.id.author_id,attachments.media_keys"
USER_FIELDS: Final = "id,name,username,profile_image_url,protected"
MEDIA_FIELDS: Final = "media_key,type,url,preview_image_url,variants"
CALL_SECONDS: Final = 15.0
LONG_AGO: Final = datetime(2010, 11, 4, tzinfo=UTC)  # for who asks without knowing the time, before X has told it


class Api:
    """One app at X.  Remembers its windows, its token and the time at X."""

    def __init__(self, outbound: Outbound, config: Config) -> None:
        self._outbound, self._config = outbound, config
        self._base = config.base_url.rstrip("/")
        self._token = config.bearer_token
        self._getting_token = asyncio.Lock()
        self._date: tuple[datetime, float] | None = None
        self.windows, self.bill = Windows(), Bill()

    # --- What is asked ---

    async def users(self, names: Sequence[str], now: datetime) -> Answer:
        """Up to a hundred names; who is missing is among the problems.  Raises SourceError."""
        query = {"usernames": ",".join(names), "user.fields": USER_FIELDS}
        return await self.get("users", "/2/users/by", query, now)

    async def timeline(self, user_id: str, now: datetime, query: Mapping[str, str], *, author: bool) -> Answer:
        """``author``: with the account's names, which cost more than a post.  Raises SourceError."""
        return await self.get("timeline", f"/2/users/{user_id}/tweets", {**query, **self.fields(author=author)}, now)

    async def search(self, now: datetime, query: Mapping[str, str], *, author: bool = False) -> Answer:
        """Raises SourceError."""
        return await self.get("search", "/2/tweets/search/recent", {**query, **self.fields(author=author)}, now)

    def fields(self, *, author: bool) -> dict[str, str]:
        """What is to be told of posts: in the old vocabulary, which everybody understands (sources-x.md 2)."""
        old = self._config.post_fields == "tweet.fields"
        return {
            self._config.post_fields: POST_FIELDS if old else NEW_POST_FIELDS,
            "expansions": f"author_id,{EXPANSIONS}" if author else EXPANSIONS,
            "user.fields": USER_FIELDS,
            "media.fields": MEDIA_FIELDS,
        }

    def now(self) -> datetime | None:
        """The time at X; None before it has answered."""
        if self._date is None:
            return None
        told, at = self._date
        return told + timedelta(seconds=asyncio.get_running_loop().time() - at)

    def reads(self, answer: Answer, now: datetime) -> int:
        """Posts and users in it that have not been paid today."""
        return self.bill.new(answer.resources(), now)

    # --- How ---

    async def get(self, endpoint: str, path: str, query: Mapping[str, str], now: datetime) -> Answer:
        """Raises SourceError."""
        self._wait(endpoint, now)
        try:
            return await self._get(endpoint, path, query, now)
        except TokenRefused:
            if not self._renewable:
                raise
            self._token = ""  # it may have been invalidated: once with a new one
            return await self._get(endpoint, path, query, now)

    async def _get(self, endpoint: str, path: str, query: Mapping[str, str], now: datetime) -> Answer:
        headers = await self.authorization(now)
        answer = await self._outbound.consult(self.url(path, query), headers)
        if self.heard(endpoint, answer.status, answer.headers, now) != 200:
            raise self.refused(endpoint, answer.status, answer.headers, answer.body, now)
        if answer.truncated:
            raise FeedFailed(FeedFault.HTTP, "X's answer broke off", status=200)
        return Answer(answer.body)

    async def change(
        self,
        method: str,
        endpoint: str,
        path: str,
        now: datetime,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """POST or DELETE.  Raises SourceError."""
        self._wait(endpoint, now)
        headers, sent = await self.authorization(now), b""
        if body is not None:
            headers, sent = {**headers, "Content-Type": "application/json"}, msgspec.json.encode(body)
        answer = await self._call(self.url(path, query or {}), headers, sent, method)
        if not 200 <= self.heard(endpoint, answer.status, answer.headers, now) < 300:
            raise self.refused(endpoint, answer.status, answer.headers, answer.body, now)
        return Answer(answer.body or b"{}")

    def _wait(self, endpoint: str, now: datetime) -> None:
        """Raises FeedThrottled."""
        if (wait := self.windows.wait(endpoint, now)) > timedelta(0):
            raise FeedThrottled("X's limit of requests is reached", wait)

    async def post(self, endpoint: str, path: str, body: Any, now: datetime) -> tuple[int, bytes]:
        """JSON there, status and body back.  Raises SourceError when no answer came."""
        headers = {**await self.authorization(now), "Content-Type": "application/json"}
        answer = await self._call(self.url(path, {}), headers, msgspec.json.encode(body))
        self.heard(endpoint, answer.status, answer.headers, now)
        return answer.status, answer.body

    def url(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self._base}{path}?{urlencode(query, quote_via=quote, safe=',')}" if query else f"{self._base}{path}"

    def heard(self, endpoint: str, status: int, headers: Mapping[str, str], now: datetime) -> int:
        """Takes note of what the headers say."""
        self.windows.told(endpoint, headers, now)
        if date := _date(headers.get("Date", "")):
            self._date = (date, asyncio.get_running_loop().time())
        return status

    def refused(
        self, endpoint: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> SourceError:
        wait = self.windows.refused(endpoint, headers, now) if status == 429 else timedelta(0)
        return refusal(status, body, wait, self._token)

    # --- The token ---

    @property
    def _renewable(self) -> bool:
        return bool(self._config.api_key and not self._config.bearer_token and self._token)

    async def authorization(self, now: datetime) -> dict[str, str]:
        """Raises SourceError when no token can be had."""
        async with self._getting_token:
            if not self._token:
                self._token = await self._get_token(now)
        return {"Authorization": f"Bearer {self._token}"}  # as it is: it may have %2B in it

    async def _get_token(self, now: datetime) -> str:
        config = self._config
        if not config.api_key:
            raise SourceSuspended("X_BEARER_TOKEN is not set", PERSON)
        pair = f"{quote_plus(config.api_key)}:{quote_plus(config.api_secret)}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
        }
        answer = await self._call(self.url("/oauth2/token", {}), headers, b"grant_type=client_credentials")
        if answer.status == 403:
            raise SourceSuspended("X does not accept X_API_KEY and X_API_SECRET", PERSON)
        if answer.status != 200:
            raise self.refused("token", answer.status, answer.headers, answer.body, now)
        try:
            token = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            token = _Token("", "")
        if token.token_type.lower() != "bearer" or not token.access_token:
            raise FeedFailed(FeedFault.PARSE, "X gave no token")
        return token.access_token

    async def _call(self, url: str, headers: Mapping[str, str], body: bytes, method: str = "POST") -> Any:
        try:
            return await self._outbound.call(method, url, headers, body, timeout_seconds=CALL_SECONDS)
        except (NotSent, NoAnswer) as error:
            fault = FeedFault.TIMEOUT if error.code == "timeout" else FeedFault.CONNECT
            raise FeedFailed(fault, f"X was not reached: {error}") from error


class _Token(msgspec.Struct):
    token_type: str
    access_token: str


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text[:64])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
