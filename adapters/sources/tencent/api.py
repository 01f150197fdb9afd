"""Asks the platform, as an administrator of the app: addresses, signatures, pace, and what is no answer.

Whatever it has to say comes with HTTP status 200 and a code (sources-wechat.md A1).  The address of a request holds
the signature, so no address is ever repeated in an error.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from adapters.base import FeedFailed, FeedFault, FeedInfo, FeedThrottled, SourceError
from adapters.http import Fetched, Outbound, retry_after
from adapters.signatures import usersig
from adapters.sources.formats.text import absolute, one_line
from adapters.sources.tencent import codes, replies
from adapters.sources.tencent.codes import Refused
from adapters.sources.tencent.history import Request
from adapters.sources.tencent.replies import Reply
from adapters.sources.tencent.settings import Config

SERVICE: Final = "official_account_open_http_svc"
JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
LIFETIME: Final = timedelta(hours=12)  # of a signature; a new one is made at half of it
PER_SECOND: Final = 50.0  # requests; the app's 200 are shared with everybody else who asks as it
AT_ONCE: Final = 10
SUSPENDED_FOR: Final = timedelta(minutes=10)
LONGEST_THROTTLE: Final = 600.0
THROTTLED_SECONDS: Final = 1.0  # the first time, then twice as long each
BAD_SIGNATURE_SECONDS: Final = 60.0
LONGEST_INFO: Final = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """Of the administrator."""

    text: str
    made_at: datetime  # by our clock


class Api:
    """One app.  Calls may overlap."""

    def __init__(
        self,
        outbound: Outbound,
        config: Config,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._outbound, self._config, self._clock, self._rest = outbound, config, clock, rest
        self._signature: Signature | None = None
        self._free_at = clock()
        self._slowed = 0  # how often in a row it was too fast for them

    async def pull(self, account: str, request: Request, now: datetime) -> Reply:
        """One page of history.  Raises Refused, SourceError."""
        body: dict[str, Any] = {"Official_Account": account, "ReqMsgNumber": request.number, "WithRecalledMsg": 1}
        if request.before:
            body["LastMsgKey"] = request.before
        document, at = await self._ask("official_account_msg_get_simple", body, now)
        return replies.read(document, int(at.timestamp()))

    async def about(self, account: str, now: datetime) -> FeedInfo:
        """The account's name and picture; empty where it tells none.  Raises Refused, SourceError."""
        body = {"OfficialAccountIdList": [{"Official_Account": account}]}
        document, _ = await self._ask("get_official_account_info", body, now)
        listed = document.get("OfficialAccountInfoList")
        found = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        name, image = found.get("Name"), found.get("FaceUrl")
        return FeedInfo(
            title=one_line(name) if isinstance(name, str) else "",
            image=absolute(image, "") if isinstance(image, str) else "",
        )

    async def their_time(self) -> datetime:
        """What the platform's clock says.  Raises FeedFailed when nothing answers there."""
        return _made_at(await self._outbound.consult(self._config.base_url, {}), datetime.fromtimestamp(0, UTC))

    def error(self, refused: Refused) -> SourceError:
        """What a refusal means, as often as it came."""
        wait = SUSPENDED_FOR
        if codes.verdict(refused.code).error is FeedThrottled:
            first = BAD_SIGNATURE_SECONDS if refused.code == codes.TOO_MANY_BAD else THROTTLED_SECONDS
            wait = timedelta(seconds=min(first * 2 ** min(self._slowed, 10), LONGEST_THROTTLE))
            self._slowed += 1
        return refused.error(wait)

    # --- One request ---

    async def _ask(self, command: str, body: Mapping[str, Any], now: datetime) -> tuple[Mapping[str, Any], datetime]:
        """The document, and when the platform made it.  Raises Refused, SourceError."""
        document, at = await self._once(command, body, now)
        if replies.number(document.get("ErrorCode"), -1) in codes.EXPIRED:
            self._sign(now, at)  # by their clock, for ours may be wrong
            document, at = await self._once(command, body, now)
        code = replies.number(document.get("ErrorCode"), -1)
        if code:
            raise Refused(code, self._harmless(document.get("ErrorInfo")))
        self._slowed = 0
        return document, at

    async def _once(self, command: str, body: Mapping[str, Any], now: datetime) -> tuple[Mapping[str, Any], datetime]:
        await self._turn()
        fetched = await self._outbound.consult(self._address(command, now), JSON, msgspec.json.encode(body))
        if fetched.status != 200:
            raise _http_error(fetched, now)
        if fetched.truncated:
            raise FeedFailed(FeedFault.CONNECT, "the answer of Tencent Cloud Chat broke off")
        return _document(fetched.body), _made_at(fetched, now)

    def _address(self, command: str, now: datetime) -> str:
        config = self._config
        query = {
            "sdkappid": config.sdkappid,
            "identifier": config.identifier,
            "usersig": self._signed(now),
            "random": secrets.randbits(32),
            "contenttype": "json",
        }
        return f"{config.base_url.rstrip('/')}/v4/{SERVICE}/{command}?{urlencode(query)}"

    def _signed(self, now: datetime) -> str:
        known = self._signature
        if known is None or not timedelta(0) <= now - known.made_at < LIFETIME / 2:
            known = self._sign(now, now)
        return known.text

    def _sign(self, now: datetime, begins: datetime) -> Signature:
        config = self._config
        text = usersig.make(config.sdkappid, config.secret_key, config.identifier, begins, LIFETIME)
        self._signature = Signature(text, now)
        return self._signature

    async def _turn(self) -> None:
        """Wait until one more may be asked: so many a second, a few at once."""
        now = self._clock()
        self._free_at = max(self._free_at, now - AT_ONCE / PER_SECOND) + 1 / PER_SECOND
        if (wait := self._free_at - now) > 0:
            await self._rest(wait)

    def _harmless(self, info: Any) -> str:
        """What the platform says might repeat what it was told."""
        text = info[:4_096] if isinstance(info, str) else ""
        signature = self._signature.text if self._signature else ""
        for secret in filter(None, (self._config.secret_key, signature)):
            text = text.replace(secret, "…")
        return one_line(text, LONGEST_INFO)


def _http_error(fetched: Fetched, now: datetime) -> SourceError:
    """Only what stands between us and the platform answers like that."""
    said = f"Tencent Cloud Chat is not reached: HTTP {fetched.status}"
    after = retry_after(fetched.headers.get("Retry-After"), now)
    if fetched.status == 429 or (fetched.status == 503 and after):
        return FeedThrottled(said, min(after or timedelta(minutes=1), timedelta(seconds=LONGEST_THROTTLE)))
    return FeedFailed(FeedFault.HTTP, said, status=fetched.status)


def _document(body: bytes) -> Mapping[str, Any]:
    """Whatever type the answer claims to be of.  Raises FeedFailed."""
    document = None
    with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(document, dict) or "ErrorCode" not in document:
        raise FeedFailed(FeedFault.NOT_A_FEED, "what answers is not Tencent Cloud Chat: is TENCENT_BASE_URL right?")
    return document


def _made_at(fetched: Fetched, now: datetime) -> datetime:
    """By the platform's clock, by which its messages are dated, too."""
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        date = parsedate_to_datetime(fetched.headers.get("Date", "")[:64])
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return now
