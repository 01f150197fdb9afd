"""One WhatsApp number: sends, reads callbacks, and repeats inside a send what was refused before anything went out."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from adapters.base import (
    AddressGone,
    Ambiguous,
    BadAddress,
    ChannelThrottled,
    FeedFailed,
    Finding,
    Message,
    Prepared,
    Receipt,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
    WindowClosed,
)
from adapters.channels.whatsapp import codes, events, messages, numbers, settings, signature
from adapters.channels.whatsapp.examination import Examination
from adapters.channels.whatsapp.limits import Limits, Pair, Recent
from adapters.http import Answer, NoAnswer, NotSent, Outbound
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Parsed, Reply

TIMEOUT_SECONDS: Final = 15.0  # reliability 2.2
SEEN_SECONDS: Final = 2.0
LONGEST_WAIT: Final = 2.0  # seconds spent waiting for a turn; who has to wait longer comes again
MAX_FILE: Final = 5 * 1024 * 1024
UNREACHABLE_AFTER: Final = 3  # messages in a row that the platform could not deliver to a person
MAX_REFUSED: Final = 2048
_POST_WAITS: Final = timedelta(seconds=120)  # for a status that proves an unanswered send (reliability 3.4)
_REPLY_WAITS: Final = timedelta(seconds=5)  # there a duplicate is better than silence


class WhatsApp:
    """A number of the Cloud API; where its settings are missing it says so at the first send."""

    Config = settings.Config
    lane = "chat"
    max_text = 3000  # leaves room for title and link
    in_flight = 1  # the platform promises no order between two
    dedupe_window: timedelta | None = timedelta(0)  # a repeat is another message
    needs_secret = False
    max_body = 4 * 1024 * 1024  # the platform sends up to 3 MB

    def __init__(
        self,
        outbound: Outbound,
        name: str = "whatsapp",
        config: settings.Config | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self._outbound, self._config = outbound, config or settings.Config()
        self._rest, self._timeout_seconds = rest, timeout_seconds
        self._limits = Limits(clock)
        self._refused: Recent[tuple[str, int], int] = Recent(MAX_REFUSED)  # how often, by message and code
        self._templates: dict[tuple[str, str], tuple[str, int]] = {}  # language and count that worked

    def normal_address(self, address: str) -> str:
        try:
            return numbers.normal(address)
        except ValueError as error:
            raise BadAddress(str(error)) from None

    @property
    def is_set_up(self) -> bool:
        return bool(self._config.token and self._config.phone_number_id)

    @property
    def prepared(self) -> Prepared:
        config = self._config
        missing = [
            one for one in ("token", "phone_number_id", "app_secret", "verify_token") if not getattr(config, one)
        ]
        return Prepared(tuple(map(self._variable, missing)), True, config.verify_token, self._variable("verify_token"))

    @property
    def number(self) -> str:
        return self._config.display_number

    @property
    def nudges(self) -> bool:
        return bool(self._config.nudge_template)

    # --- Out ---

    async def send(self, message: Message) -> Receipt:
        self._must_be_set("token")
        self._must_be_set("phone_number_id")
        try:
            async with asyncio.timeout(self._timeout_seconds):  # for all that is tried
                return await self._send(message)
        except TimeoutError:
            raise _ambiguous(message, "WhatsApp took too long", "timeout", None) from None

    async def _send(self, message: Message) -> Receipt:
        if message.code:
            return await self._code(message)
        if message.event == "nudge":
            return await self._nudge(message)
        if message.window_open:
            return await self._free(message)
        return await self._alert(message)

    async def _code(self, message: Message) -> Receipt:
        """By the way meant for codes or not at all: as text they are against the platform's policy."""
        config = self._config
        if not config.code_template:
            raise Rejected(f"{self._variable('code_template')} is not set: no codes can be sent", code="no_template")
        if numbers.is_user_id(message.address):
            raise Rejected("codes go to phone numbers only, not to ids of users", code="131062")

        def content(name: str, language: str, _: int) -> messages.Content:
            return messages.code_template(name, language, message.code)

        return await self._template(message, config.code_template, content, 0)

    async def _nudge(self, message: Message) -> Receipt:
        setting = self._config.nudge_template
        if not setting:
            raise Rejected(f"{self._variable('nudge_template')} is not set: nobody is nudged", code="no_template")
        return await self._filled(message, setting, [str(message.waiting)])

    async def _free(self, message: Message) -> Receipt:
        if message.post is None and not message.text.strip():
            raise Rejected("there is nothing in the message", code="empty")
        rich, plain = messages.free(message), messages.plain(message)
        try:
            try:
                return await self._deliver(message, rich)
            except Rejected as error:
                if rich == plain or _number(error) not in codes.NOT_AS_IT_IS:
                    raise
            return await self._deliver(message, plain)
        except WindowClosed:
            return await self._alert(message)

    async def _alert(self, message: Message) -> Receipt:
        """To who has not written for a day: only posts, and only in the words of an approved template."""
        closed = WindowClosed("the person has not written for 24 hours", code=str(codes.WINDOW_CLOSED))
        setting = self._config.alert_template
        if message.post is None or not setting:
            raise closed
        try:
            return await self._filled(message, setting, messages.alert_parameters(message.post))
        except (Rejected, WindowClosed) as error:
            if _number(error) in codes.TEMPLATE_WITHHELD:
                raise WindowClosed(str(error), code=error.code, status=error.status) from None
            raise

    async def _filled(self, message: Message, setting: str, parameters: Sequence[str]) -> Receipt:
        def content(name: str, language: str, count: int) -> messages.Content:
            return messages.template(name, language, parameters[:count])

        return await self._template(message, setting, content, len(parameters))

    async def _template(
        self, message: Message, setting: str, content: Callable[[str, str, int], messages.Content], count: int
    ) -> Receipt:
        """Find out once in which language there is a template and how many gaps it has; both are told before
        anything is sent, so the next shape can be tried at once."""
        name, languages = messages.languages(setting, message.language)
        key = (setting, message.language)
        if key in self._templates:
            known, count = self._templates[key]
            languages = [known, *(one for one in languages if one != known)]
        while True:
            try:
                receipt = await self._deliver(message, content(name, languages[0], count))
            except Rejected as error:
                if _number(error) == codes.NO_SUCH_TEMPLATE and len(languages) > 1:
                    languages.pop(0)
                elif _number(error) == codes.WRONG_COUNT and count:
                    count -= 1
                else:
                    self._templates.pop(key, None)  # it may have been changed
                    raise
            else:
                self._templates[key] = (languages[0], count)
                return receipt

    async def _deliver(self, message: Message, content: messages.Content) -> Receipt:
        """To the number as it is stored, and if nobody is known by it, once to its other spelling."""
        pair = self._limits.pair(message.address)
        spelling = pair.spelling or message.address
        try:
            return await self._post(message, content, spelling, pair)
        except Rejected as error:
            other = numbers.other_spelling(spelling)
            if not other or _number(error) not in codes.OTHER_SPELLING:
                raise self._perhaps_gone(error, pair) from None
        try:
            receipt = await self._post(message, content, other, pair)
        except Rejected as error:
            raise self._perhaps_gone(error, pair) from None
        pair.spelling = other
        return receipt

    def _perhaps_gone(self, error: Rejected, pair: Pair) -> SendError:
        """Who cannot be reached again and again is not there."""
        if _number(error) != codes.UNDELIVERABLE:
            return error
        pair.row[codes.UNDELIVERABLE] = times = pair.row.get(codes.UNDELIVERABLE, 0) + 1
        if times < UNREACHABLE_AFTER:
            return error
        return AddressGone(str(error), code=error.code, status=error.status)

    async def _post(self, message: Message, content: messages.Content, address: str, pair: Pair) -> Receipt:
        await self._turn(pair)
        config = self._config
        body = messages.addressed(content, message, address, config.business_account_id)
        try:
            answer = await self._call("POST", f"{config.phone_number_id}/messages", body)
        except NotSent as error:
            raise TryAgain(f"WhatsApp was not reached: {error}", code=error.code) from error
        except NoAnswer as error:
            raise _ambiguous(message, f"WhatsApp did not answer: {error}", error.code, None) from error
        if message_id := _message_id(answer):
            self._limits.went_well(pair)
            return Receipt(message_id=message_id, status=answer.status)
        refusal = codes.read(answer.status, answer.body, config.token)
        if refusal is None:
            raise _ambiguous(
                message, f"WhatsApp answered {answer.status} in no known way", f"http_{answer.status}", answer.status
            )
        raise self._error(refusal, message, pair)

    async def _turn(self, pair: Pair) -> None:
        """Wait until number and pair may send."""
        number_wait, pair_wait = self._limits.waits(pair)
        if pair_wait > LONGEST_WAIT:
            after = timedelta(seconds=pair_wait)
            raise Throttled("one person gets one message in six seconds", code="pair_rate", after=after)
        if number_wait > LONGEST_WAIT:
            after = timedelta(seconds=number_wait)
            raise ChannelThrottled("this number's share of messages is used up", code="number_rate", after=after)
        self._limits.take(pair)
        if wait := max(number_wait, pair_wait):
            await self._rest(wait)

    def _error(self, refusal: codes.Refusal, message: Message, pair: Pair) -> SendError:
        """What a refusal means, as often as it came."""
        code, one = refusal.code, codes.verdict(refusal.code)
        if issubclass(one.error, Throttled):
            times = self._limits.refused(pair, code, everybody=issubclass(one.error, ChannelThrottled))
        else:
            times = self._refused.get((message.id, code), 0)
            self._refused[message.id, code] = times + 1
        if one.tries and times + 1 >= one.tries:
            return Rejected(f"{refusal.reason} (tried {times + 1} times)", code=str(code), status=refusal.status)
        if one.error is Ambiguous:
            return _ambiguous(message, refusal.reason, str(code), refusal.status)
        after = timedelta(seconds=one.waits[min(times, len(one.waits) - 1)]) if one.waits else None
        return one.error(refusal.reason, code=str(code), status=refusal.status, after=after)

    # --- In ---

    async def parse(self, callback: Callback) -> Parsed:
        config = self._config
        if callback.method == "GET":
            answer = signature.challenge(config.verify_token, callback, self._variable("verify_token"))
            return Parsed(answer=answer)
        signature.check(config.app_secret, callback, self._variable("app_secret"))
        return Parsed(events.read(callback.body, config.phone_number_id))

    def answer(self, message: ChatMessage, reply: Reply | None) -> HttpAnswer:  # noqa: ARG002 (the contract's)
        """Always empty: replies are messages of their own."""
        return HttpAnswer()

    async def managers(self, chat: str) -> Sequence[str] | None:  # noqa: ARG002 (the contract's)
        return None  # there are no groups

    async def seen(self, message: ChatMessage) -> None:
        """Blue ticks and "typing…", until we answer or 25 seconds are over."""
        if not (message.message_id and self._config.token and self._config.phone_number_id):
            return
        body = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message.message_id,
            "typing_indicator": {"type": "text"},
        }
        with suppress(NotSent, NoAnswer):
            await self._call("POST", f"{self._config.phone_number_id}/messages", body, SEEN_SECONDS)

    async def download(self, message: ChatMessage) -> bytes:
        """Two steps: the id gives an address for five minutes, and that wants the token, too (whatsapp.md 6.5)."""
        self._must_be_set("token")
        if not message.file.isalnum():
            raise Rejected("there is no file in this message", code="no_file")
        try:
            answer = await self._call("GET", message.file, None)
        except (NotSent, NoAnswer) as error:
            raise TryAgain(f"WhatsApp was not reached: {error}", code=error.code) from error
        refusal = codes.read(answer.status, answer.body, self._config.token)
        if refusal is not None:
            kind = Rejected if refusal.code == codes.NO_SUCH_ID else codes.verdict(refusal.code).error
            raise kind(refusal.reason, code=str(refusal.code), status=answer.status)
        url, size = _file(answer)
        if not self._may_have_token(url):
            raise Rejected("WhatsApp named no address of the file", code="no_file", status=answer.status)
        if size > MAX_FILE:
            raise Rejected("the file is larger than 5 MiB", code="too_large")
        return await self._fetch(url)

    async def _fetch(self, url: str) -> bytes:
        try:
            fetched = await self._outbound.fetch(url, self._authorization)
        except FeedFailed as error:
            raise TryAgain(f"the file could not be fetched: {error}", code=error.fault.value) from error
        if not 200 <= fetched.status < 300 or fetched.truncated:
            raise TryAgain("the file could not be fetched whole", code=f"http_{fetched.status}", status=fetched.status)
        if len(fetched.body) > MAX_FILE:
            raise Rejected("the file is larger than 5 MiB", code="too_large")
        return fetched.body

    def _may_have_token(self, url: str) -> bool:
        """Not in the open, but where the operator has it so."""
        return url.startswith(("https://", self._config.base_url.rstrip("/") + "/")) and bool(urlsplit(url).hostname)

    async def close(self) -> None:
        """Nothing is held open here."""

    # --- Both ---

    async def examine(self, callback_url: str) -> Sequence[Finding]:
        def call(path: str) -> Coroutine[Any, Any, Answer]:
            return self._call("GET", path, None)

        return await Examination(self._outbound, call, self._variable, self._config).findings(callback_url)

    async def _call(
        self, method: str, path: str, body: messages.Content | None, at_most: float = TIMEOUT_SECONDS
    ) -> Answer:
        config = self._config
        return await self._outbound.call(
            method,
            f"{config.base_url.rstrip('/')}/{config.api_version}/{path}",
            {"Content-Type": "application/json", **self._authorization},
            b"" if body is None else msgspec.json.encode(body),
            timeout_seconds=min(self._timeout_seconds, at_most),
        )

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._config.token}"}

    def _must_be_set(self, field: str) -> None:
        if not getattr(self._config, field):
            raise Suspended(f"{self._variable(field)} is not set", code="not_set_up")

    def _variable(self, field: str) -> str:
        """The setting's name: WHATSAPP_TOKEN, WHATSAPP_TOKEN__SALES."""
        channel, _, account = self.name.partition("/")
        return f"{channel}_{field}".upper() + (f"__{account}".upper() if account else "")


def _ambiguous(message: Message, reason: str, code: str, status: int | None) -> Ambiguous:
    waits = _REPLY_WAITS if message.code or message.event == "reply" else _POST_WAITS
    return Ambiguous(reason, code=code, status=status, after=waits)


def _number(error: SendError) -> int:
    """The platform's code, or -1 where it has said none."""
    return int(error.code) if error.code.isdigit() else -1


class _Accepted(msgspec.Struct):
    id: str


class _Success(msgspec.Struct):
    messages: tuple[_Accepted, ...]


class _Media(msgspec.Struct):
    url: str
    file_size: int | str = 0


def _message_id(answer: Answer) -> str:
    """The id of what was accepted, empty if nothing was."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if 200 <= answer.status < 300:
            return next((one.id for one in msgspec.json.decode(answer.body, type=_Success).messages), "")
    return ""


def _file(answer: Answer) -> tuple[str, int]:
    """Where a file is and how large, in bytes."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        media = msgspec.json.decode(answer.body, type=_Media)
        return media.url, int(media.file_size)
    return "", 0
