"""The long connection: we call, and the platform speaks (feishu.md 17 and 18).

Nothing about it is written down for others than the vendor's own clients, so it is an option, kept to itself.
"""

import asyncio
import random
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import structlog
from yarl import URL

from adapters.channels.feishu import codes
from adapters.channels.feishu.frames import CONTROL, DATA, Frame, decode, encode
from adapters.channels.feishu.limits import Sleep
from adapters.channels.feishu.parts import Parts
from adapters.channels.feishu.settings import Config
from adapters.http import HandshakeRefused, NoAnswer, NoConnection, NotSent, Outbound, Socket
from adapters.inbound import ChatMessage, Parsed, Receive, Refused

ENDPOINT: Final = "/callback/ws/endpoint"
STOP_CODES: Final = {
    403: "the app may not use the long connection",
    514: "App ID or App Secret is wrong",
    1000040344: "App ID or App Secret is not set",
    1000040350: "the app has too many connections",
}
SLOW_SECONDS: Final = 600.0  # between tries while a person has to act
ENDPOINT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 30.0  # after a ping was due to be answered
IN_WORK: Final = 64  # events at the same time; more wait in the connection

log = structlog.get_logger("feishu")


class Refusal(Exception):
    """No connection came about.  ``slow``: a person has to act first."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


@dataclass(frozen=True, slots=True)
class Pace:
    """What the platform asks of its clients, in seconds; within bounds, for it is foreign."""

    tries: int = -1  # below 0: without end
    interval: float = 120.0
    nonce: float = 30.0
    ping: float = 120.0

    def told(self, settings: Any) -> "Pace":
        """``settings``: a ClientConfig, or anything at all."""
        settings = settings if isinstance(settings, dict) else {}

        def seconds(name: str, before: float, least: float) -> float:
            value = settings.get(name)
            return min(max(float(value), least), 3600.0) if type(value) is int else before

        tries = settings.get("ReconnectCount")
        return Pace(
            tries if type(tries) is int else self.tries,
            seconds("ReconnectInterval", self.interval, 1.0),
            seconds("ReconnectNonce", self.nonce, 0.0),
            seconds("PingInterval", self.ping, 1.0),
        )


class LongConnection:
    """One app's connection.  It is opened again whenever it ends."""

    def __init__(
        self,
        outbound: Outbound,
        name: str,
        config: Config,
        parse: Callable[[bytes], Awaitable[Parsed]],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._outbound, self._config, self._parse, self._sleep = outbound, config, parse, sleep
        self._log = log.bind(channel=name)
        self._pace = Pace()

    async def run(self, receive: Receive) -> None:
        """Until cancelled."""
        tries, told = 0, ""
        while True:
            try:
                await self._stay_connected(receive)
                tries, told = 0, ""
                await self._sleep(random.uniform(0, self._pace.nonce))  # noqa: S311 (spreads load, no secret)
            except Refusal as refusal:
                tries += 1
                if str(refusal) != told:  # once, not with every try
                    told = str(refusal)
                    self._log.error("no long connection", reason=told)
                slow = refusal.slow or 0 <= self._pace.tries <= tries
                await self._sleep(SLOW_SECONDS if slow else self._pace.interval)

    async def _stay_connected(self, receive: Receive) -> None:
        """Returns when a connection that had come about has ended.  Raises Refusal."""
        url = await self._endpoint()
        service = URL(url).query.get("service_id", "")
        try:
            async with self._outbound.websocket(url) as socket:
                self._log.info("long connection open")
                await _Session(socket, self, receive, int(service) if service.isdigit() else 0).run()
        except HandshakeRefused as refused:
            raise _handshake_refusal(refused) from None
        except NoConnection as error:
            raise Refusal(str(error)) from None
        self._log.info("long connection ended")

    async def _endpoint(self) -> str:
        """The address to connect to, a new one every time; it holds a key and is shown nowhere.  Raises Refusal."""
        body = msgspec.json.encode({"AppID": self._config.app_id, "AppSecret": self._config.app_secret})
        headers = {"Content-Type": "application/json", "locale": "zh"}
        try:
            answer = await self._outbound.call(
                "POST", self._config.base_url + ENDPOINT, headers, body, timeout_seconds=ENDPOINT_SECONDS
            )
        except (NotSent, NoAnswer) as error:
            raise Refusal(str(error)) from None
        said = codes.read(answer)
        if reason := STOP_CODES.get(said.code or 0):
            raise Refusal(f"{reason} (code {said.code})", slow=True)
        url = said.data.get("URL")
        if not said.good or not isinstance(url, str) or not self._trusted(url):
            raise Refusal(f"the platform gave no address to connect to (HTTP {answer.status}, code {said.code})")
        self._pace = self._pace.told(said.data.get("ClientConfig"))
        return url

    def _trusted(self, url: str) -> bool:
        """Unencrypted only where the operator chose that for the whole platform."""
        return url.startswith("wss://") or (url.startswith("ws://") and self._config.base_url.startswith("http://"))

    @property
    def pace(self) -> Pace:
        return self._pace

    def told(self, payload: bytes) -> None:
        """A pong may bring new settings."""
        with suppress(msgspec.DecodeError, RecursionError):
            self._pace = self._pace.told(msgspec.json.decode(payload))

    async def reply(self, payload: bytes, receive: Receive) -> bytes:
        """What acknowledges an event: it is stored, or to be sent again."""
        try:
            parsed = await self._parse(payload)
            answer = await receive(parsed)
        except Refused as refused:
            self._log.warning("an event was refused", reason=str(refused))
            return b'{"code":500}'
        except Exception:
            self._log.exception("an event was not taken")
            return b'{"code":500}'
        if not any(isinstance(event, ChatMessage) and event.wants_answer for event in parsed.events):
            return b'{"code":200}'
        return msgspec.json.encode({"code": 200, "data": b64encode(answer.body).decode()})


class _Session:
    """One connection, from its opening to its end."""

    def __init__(self, socket: Socket, owner: LongConnection, receive: Receive, service: int) -> None:
        self._socket, self._owner, self._receive, self._service = socket, owner, receive, service
        self._parts = Parts()
        self._room = asyncio.Semaphore(IN_WORK)

    async def run(self) -> None:
        """Returns when the connection has ended; what is still being stored is waited for."""
        async with asyncio.TaskGroup() as tasks:
            pings = tasks.create_task(self._ping())
            await self._read(tasks)
            pings.cancel()

    async def _ping(self) -> None:
        while True:
            await self._send(Frame(service=self._service, headers=(("type", "ping"),)))
            await asyncio.sleep(self._owner.pace.ping)

    async def _send(self, frame: Frame) -> None:
        """Nothing can be said on a lost connection; the reader notices that it is lost."""
        with suppress(NoConnection):
            await self._socket.send(encode(frame))

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        """Until the connection ends or is silent for longer than a pong takes."""
        while True:
            try:
                async with asyncio.timeout(self._owner.pace.ping + SILENCE_SECONDS):
                    raw = await self._socket.receive()
            except TimeoutError:
                return
            if raw is None:
                return
            try:
                frame = decode(raw)
            except ValueError:
                continue
            if frame.method == CONTROL and frame.header("type") == "pong" and frame.payload:
                self._owner.told(frame.payload)
            elif frame.method == DATA and frame.header("type") == "event":
                await self._room.acquire()
                tasks.create_task(self._take(frame))

    async def _take(self, frame: Frame) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            payload = self._parts.whole(frame, started)
            if payload is None:
                return
            answer = await self._owner.reply(payload, self._receive)
            spent = ("biz_rt", str(int((loop.time() - started) * 1000)))
            await self._send(replace(frame, headers=(*frame.headers, spent), payload=answer))
        finally:
            self._room.release()


def _handshake_refusal(refused: HandshakeRefused) -> Refusal:
    """The reason is in headers of its own."""
    numbers = [
        int(value)
        for name in ("Handshake-Autherrcode", "Handshake-Status")
        if re.fullmatch(r"\d{1,12}", value := refused.headers.get(name, ""), re.ASCII)
    ]
    for number in numbers:
        if reason := STOP_CODES.get(number):
            return Refusal(f"{reason} (code {number})", slow=True)
    return Refusal(f"the platform refused the connection (HTTP {refused.status}, {numbers or 'no code'})")
