"""The platform's end of long connections (feishu.md, (c))."""

import asyncio
import base64
import json
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from adapters.channels.feishu.frames import DATA, Frame, decode, encode

if TYPE_CHECKING:
    from tests.fakes.feishu.server import FakeFeishu

SERVICE = 77


@dataclass(eq=False)
class Client:
    socket: web.WebSocketResponse
    acks: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)


class Connections:
    """Those that are open, and how new ones are answered."""

    def __init__(self, owner: "FakeFeishu") -> None:
        self._owner = owner
        self.clients: list[Client] = []
        self.changed = asyncio.Event()  # a client came
        self.pings = 0
        self.endpoint_calls = 0
        self.config = {"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 0, "PingInterval": 60}
        self.refusals: list[int] = []  # codes of the endpoint, used up in order
        self.handshakes: list[dict[str, str]] = []  # headers of refused handshakes, used up in order
        self.mute = False  # pings are not answered
        self.pong_config: dict[str, int] | None = None
        self._number = 0

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/callback/ws/endpoint", self._endpoint)
        app.router.add_get("/ws/v2", self._socket)

    async def _endpoint(self, request: web.Request) -> web.Response:
        self.endpoint_calls += 1
        given = await request.json()
        assert request.headers["locale"] == "zh"
        if self.refusals:
            return web.json_response({"code": self.refusals.pop(0), "msg": "refused"})
        if (given["AppID"], given["AppSecret"]) != (self._owner.app_id, self._owner.app_secret):
            return web.json_response({"code": 514, "msg": "auth failed"})
        url = f"{self._owner.base_url.replace('http', 'ws', 1)}/ws/v2"
        query = f"device_id={self.endpoint_calls}&service_id={SERVICE}&access_key=hidden"
        return web.json_response({"code": 0, "msg": "", "data": {"URL": f"{url}?{query}", "ClientConfig": self.config}})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.handshakes:
            return web.Response(status=400, headers=self.handshakes.pop(0))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = Client(socket)
        self.clients.append(client)
        self.changed.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await self._received(client, decode(message.data))
        finally:
            self.clients.remove(client)
            for waiting in client.acks.values():
                waiting.cancel()
        return socket

    async def _received(self, client: Client, frame: Frame) -> None:
        if frame.method == DATA:
            waiting = client.acks.get(frame.header("message_id"))
            if waiting and not waiting.done():
                assert frame.header("biz_rt").isdigit()
                waiting.set_result(json.loads(frame.payload))
            return
        assert (frame.header("type"), frame.service) == ("ping", SERVICE)
        self.pings += 1
        if self.mute:
            return
        payload = json.dumps(self.pong_config).encode() if self.pong_config else b""
        await client.socket.send_bytes(encode(replace(frame, headers=(("type", "pong"),), payload=payload)))

    async def push(self, document: dict[str, Any], *, parts: int = 1, wait_seconds: float = 3.0) -> dict[str, Any]:
        """Send to one client, whichever; its acknowledgement, with the answer inside decoded.  Raises TimeoutError."""
        client = random.choice(self.clients)
        self._number += 1
        message_id = f"m{self._number}"
        waiting = client.acks[message_id] = asyncio.get_running_loop().create_future()
        payload = json.dumps(document).encode()
        size = -(-len(payload) // parts)
        frames = [
            Frame(
                seq_id=self._number,
                log_id=2,
                service=SERVICE,
                method=DATA,
                headers=(
                    ("type", "event"),
                    ("message_id", message_id),
                    ("sum", str(parts)),
                    ("seq", str(number)),
                    ("trace_id", "t1"),
                ),
                payload=payload[number * size : (number + 1) * size],
            )
            for number in range(parts)
        ]
        for frame in reversed(frames):
            await client.socket.send_bytes(encode(frame))
        async with asyncio.timeout(wait_seconds):
            answer: dict[str, Any] = await waiting
        if "data" in answer:
            answer["data"] = json.loads(base64.b64decode(answer["data"]))
        return answer

    async def drop(self) -> None:
        """End all connections."""
        for client in list(self.clients):
            await client.socket.close()

    async def connected(self) -> None:
        """Wait for a client."""
        self.changed.clear()
        if not self.clients:
            await self.changed.wait()
